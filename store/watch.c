/* SPDX-License-Identifier: Apache-2.0 */
#include "store/watch.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "store/generation.h"
#include "store/layout.h"
#include "store/record.h"

#define EVENTS_BYTES 65536
#define DIR_MASK (IN_CREATE | IN_MOVED_TO)
#define RESOURCES_MASK (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM)
#define NAMESPACE_MASK (IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)

struct watched {
	int wd;
	char namespace[LIMIT_NAMESPACE_BYTES + 1];
};

struct store_watch {
	char *dir; /* owned */
	int64_t poll_ms;
	void (*changed)(void *arg, const char *name);
	void *arg;
	int fd;      /* owned, as the next two; of DIR */
	int inotify; /* -1 where there is none to be had: then only the generation tells */
	int stop;    /* readable: the thread ends */
	int dir_wd;
	int resources_wd;
	struct watched *namespaces; /* owned */
	size_t n;
	/* Not everything can be watched: a bump that was seen does not prove that its change was.
	 */
	bool blind;
	struct generation_tally tally;
	pthread_t thread;
};

/* Watches the folder at path below DIR.  Returns -1 when it is not there or cannot be watched. */
static int add_watch(struct store_watch *w, const char *path, uint32_t mask)
{
	AUTO(free) char *full = xasprintf("%s/%s", w->dir, path);
	int wd = inotify_add_watch(w->inotify, full, mask | IN_ONLYDIR | IN_DONT_FOLLOW);

	if (wd < 0 && errno != ENOENT && errno != ENOTDIR)
		w->blind = true;
	return wd;
}

static struct watched *find_watched(struct store_watch *w, int wd)
{
	for (size_t i = 0; i < w->n; i++) {
		if (w->namespaces[i].wd == wd)
			return &w->namespaces[i];
	}
	return NULL;
}

static void watch_namespace(struct store_watch *w, const char *namespace)
{
	char path[sizeof(LAYOUT_RESOURCES "/") + LIMIT_NAMESPACE_BYTES];

	if (!record_is_namespace(namespace))
		return;
	(void)snprintf(path, sizeof(path), LAYOUT_RESOURCES "/%s", namespace);

	int wd = add_watch(w, path, NAMESPACE_MASK);
	struct watched *known = wd < 0 ? NULL : find_watched(w, wd);

	if (wd < 0)
		return;
	if (!known) {
		w->namespaces = xreallocarray(w->namespaces, w->n + 1, sizeof(*w->namespaces));
		known = &w->namespaces[w->n++];
		known->wd = wd;
	}
	(void)snprintf(known->namespace, sizeof(known->namespace), "%s", namespace);
}

static void forget(struct store_watch *w, int wd)
{
	struct watched *gone = find_watched(w, wd);

	if (gone)
		*gone = w->namespaces[--w->n];
	if (wd == w->resources_wd)
		w->resources_wd = -1;
}

static int visit_namespace(void *arg, int folder, const char *name, struct err *err)
{
	(void)folder;
	(void)err;
	watch_namespace(arg, name);
	return 0;
}

/* Watches resources/ and what is in it, where it is there.  Each folder is watched before it is
 * read, so that nothing comes between. */
static void watch_resources(struct store_watch *w)
{
	struct err err;

	w->resources_wd = add_watch(w, LAYOUT_RESOURCES, RESOURCES_MASK);
	if (w->resources_wd < 0)
		return;

	AUTO(fd) int fd = layout_open_folder(w->fd, LAYOUT_RESOURCES, &err);

	if (fd < 0 || layout_walk(fd, visit_namespace, w, &err) < 0)
		w->blind = w->blind || err.code != ERR_NOT_FOUND;
}

static void on_dir(struct store_watch *w, const struct inotify_event *event)
{
	if (strcmp(event->name, LAYOUT_RESOURCES) == 0) {
		watch_resources(w);
		w->changed(w->arg, NULL);
	} else if ((event->mask & IN_MOVED_TO) && strcmp(event->name, LAYOUT_GENERATION) == 0) {
		w->tally.bumps += !w->blind;
	}
}

/* A reader may have listed the folder before it was watched, and know of a record in it that went
 * unseen since: so all are compared, not only those that are in it now. */
static void on_resources(struct store_watch *w, const struct inotify_event *event)
{
	if (!(event->mask & IN_ISDIR))
		return;
	if (event->mask & (IN_CREATE | IN_MOVED_TO))
		watch_namespace(w, event->name);
	w->changed(w->arg, NULL);
}

static void on_namespace(
	struct store_watch *w, const struct watched *in, const struct inotify_event *event)
{
	char name[LIMIT_NAMESPACE_BYTES + 1 + NAME_MAX + 1];
	struct err err;

	(void)snprintf(name, sizeof(name), "%s/%s", in->namespace, event->name);
	if (record_check_name(name, &err) == 0)
		w->changed(w->arg, name);
}

static void on_event(struct store_watch *w, const struct inotify_event *event)
{
	const struct watched *in = find_watched(w, event->wd);

	if (event->mask & IN_Q_OVERFLOW) {
		watch_resources(w);
		w->changed(w->arg, NULL);
	} else if (event->mask & IN_IGNORED) {
		forget(w, event->wd);
	} else if (event->len == 0) {
		return; /* of the folder itself */
	} else if (event->wd == w->dir_wd) {
		on_dir(w, event);
	} else if (event->wd == w->resources_wd) {
		on_resources(w, event);
	} else if (in) {
		on_namespace(w, in, event);
	}
}

/* Handles all events that are queued. */
static void drain(struct store_watch *w)
{
	alignas(struct inotify_event) char events[EVENTS_BYTES];
	ssize_t n = 0;

	while ((n = read(w->inotify, events, sizeof(events))) > 0) {
		const char *at = events;

		while (at < events + n) {
			const struct inotify_event *event = (const void *)at;

			on_event(w, event);
			at += sizeof(*event) + event->len;
		}
	}
}

/* Each bump is one rename in DIR, queued behind the change that it tells of.  So a counter that
 * went no further than the renames seen hides nothing; one that did was moved from elsewhere. */
static void look(struct store_watch *w)
{
	uint64_t now = 0;
	bool known = generation_read(w->fd, &now);

	drain(w); /* after the look, so that the bumps up to now are among the events */
	if (known && generation_settle(&w->tally, now))
		w->changed(w->arg, NULL);
}

static int until(int64_t due)
{
	int64_t left = due - io_monotonic_ms();

	if (left < 0)
		return 0;
	return left < INT_MAX ? (int)left : INT_MAX;
}

static void *run(void *arg)
{
	struct store_watch *w = arg;
	int64_t due = io_monotonic_ms() + w->poll_ms;

	for (;;) {
		struct pollfd fds[] = {
			{.fd = w->stop, .events = POLLIN},
			{.fd = w->inotify, .events = POLLIN},
		};
		int n = poll(fds, sizeof(fds) / sizeof(fds[0]), until(due));

		assert(n >= 0 || errno == EINTR || errno == ENOMEM);
		if (n > 0 && fds[0].revents)
			return NULL;
		if (n > 0 && fds[1].revents)
			drain(w);
		if (io_monotonic_ms() >= due) {
			look(w);
			due = io_monotonic_ms() + w->poll_ms;
		}
	}
}

static void watch_free(struct store_watch *w)
{
	if (!w)
		return;
	auto_fd(&w->stop);
	auto_fd(&w->inotify);
	auto_fd(&w->fd);
	free(w->namespaces);
	free(w->dir);
	free(w);
}

static void auto_watch(struct store_watch **w)
{
	watch_free(*w);
}

static int watch_open(struct store_watch *w, struct err *err)
{
	w->fd = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->fd < 0)
		return err_errno(err, err_code_from_errno(errno), "open");
	w->stop = eventfd(0, EFD_CLOEXEC);
	if (w->stop < 0)
		return err_errno(err, ERR_TRANSIENT, "eventfd");
	(void)generation_read(w->fd, &w->tally.at);
	w->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	w->dir_wd = inotify_add_watch(w->inotify, w->dir, DIR_MASK | IN_ONLYDIR);
	w->blind = w->dir_wd < 0;
	watch_resources(w);
	return 0;
}

struct store_watch *store_watch_start(const char *dir, int64_t poll_ms,
	void (*changed)(void *arg, const char *name), void *arg, struct err *err)
{
	AUTO(watch) struct store_watch *w = xmalloc(sizeof(*w));

	assert(poll_ms > 0);
	*w = (struct store_watch){.dir = xstrdup(dir),
		.poll_ms = poll_ms,
		.changed = changed,
		.arg = arg,
		.fd = -1,
		.inotify = -1,
		.stop = -1,
		.dir_wd = -1,
		.resources_wd = -1};
	if (watch_open(w, err) < 0) {
		err_wrap(err, "watch store %s", dir);
		return NULL;
	}

	int rc = pthread_create(&w->thread, NULL, run, w);

	if (rc != 0) {
		errno = rc;
		err_errno(err, ERR_TRANSIENT, "watch store %s: thread", dir);
		return NULL;
	}
	return STEAL(w);
}

void store_watch_stop(struct store_watch *w)
{
	if (!w)
		return;
	(void)eventfd_write(w->stop, 1);
	(void)pthread_join(w->thread, NULL);
	watch_free(w);
}
