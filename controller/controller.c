/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/controller.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "api/manifest.h"
#include "base/auto.h"
#include "base/io.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "controller/targets.h"
#include "kube/folder.h"

#define IDLE_MS 30000  /* the longest wait, whatever is due */
#define SWEEP_MS 30000 /* between two sweeps, the one before having failed */

struct controller {
	struct source *source; /* owned */
	struct targets targets;
	bool swept;       /* records that no manifest asks for were removed */
	int64_t sweep_at; /* ms; when to try that again */
	int stop_fd;      /* owned */
	atomic_bool stop;
	pthread_t thread;
};

static void on_applied(struct controller *c, const char *key, struct object *applied)
{
	AUTO(object) struct object *object = applied;

	if (object->kind == OBJECT_EXTENSION)
		(void)targets_apply(&c->targets, STEAL(object->extension));
	else
		targets_put_object(&c->targets, key, STEAL(object));
}

static void on_deleted(struct controller *c, const char *key)
{
	static const char prefix[] = EXTENSION_KIND "/";

	if (strncmp(key, prefix, sizeof(prefix) - 1) == 0)
		targets_delete(&c->targets, key + sizeof(prefix) - 1);
	else
		targets_put_object(&c->targets, key, NULL);
}

static void on_event(void *arg, struct source_event *event)
{
	struct controller *c = arg;
	AUTO(free) char *key = event->key;
	AUTO(free) char *origin = event->origin;

	switch (event->change) {
	case SOURCE_INVALID:
		log_warn("manifest invalid", LOG_STR("file", origin), LOG_ERR(&event->err));
		return;
	case SOURCE_MENDED:
		log_info("manifest valid again", LOG_STR("file", origin));
		return;
	case SOURCE_APPLIED:
		on_applied(c, key, event->object);
		break;
	case SOURCE_DELETED:
		on_deleted(c, key);
		break;
	}
}

/* Removes records of manifests that went while nobody looked; not while a file is broken, since it
 * may be the one that names them. */
static void sweep(struct controller *c)
{
	struct err err;

	if (c->swept && !c->targets.unswept)
		return;
	if (!source_complete(c->source) || io_monotonic_ms() < c->sweep_at)
		return;
	c->sweep_at = io_monotonic_ms() + SWEEP_MS;
	if (targets_sweep(&c->targets, &err) < 0)
		log_error("store not readable", LOG_ERR(&err));
	else
		c->swept = true;
}

static int step_source(struct controller *c, struct err *err)
{
	if (source_step(c->source, on_event, c, err) < 0)
		return -1;
	sweep(c);
	return 0;
}

static void wait_for_work(struct controller *c)
{
	struct pollfd fds[] = {
		{.fd = c->stop_fd, .events = POLLIN},
		{.fd = inbox_fd(c->targets.done), .events = POLLIN},
	};
	int64_t wait = targets_due(&c->targets) - io_monotonic_ms();

	source_wait(c->source, fds, 2, wait < 0 ? 0 : io_earlier(wait, IDLE_MS));
}

static void *run(void *arg)
{
	struct controller *c = arg;
	struct err err;

	while (!atomic_load(&c->stop)) {
		wait_for_work(c);
		targets_collect(&c->targets);
		if (step_source(c, &err) < 0)
			log_error("manifests not readable", LOG_ERR(&err));
		targets_upkeep(&c->targets);
		targets_advance(&c->targets);
	}
	return NULL;
}

static void controller_free(struct controller *c)
{
	atomic_store(&c->stop, true);
	targets_clear(&c->targets);
	source_close(c->source);
	if (c->stop_fd >= 0)
		close(c->stop_fd);
	free(c);
}

static int prepare(struct controller *c, const struct controller_options *options, struct err *err)
{
	struct fetch_options fetch = options->fetch;

	fetch.stop = &c->stop;
	c->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->stop_fd < 0)
		return err_errno(err, ERR_TRANSIENT, "eventfd");
	if (folder_open(&c->source, options->manifest_dir, err) < 0 ||
		targets_init(&c->targets, options->store_dir, &options->upkeep, &fetch,
			options->workers, err) < 0 ||
		(options->seal_key && targets_use_keys(&c->targets, options->seal_key,
					      options->make_seal_key, err) < 0) ||
		step_source(c, err) < 0)
		return -1;
	targets_advance(&c->targets);
	return 0;
}

struct controller *controller_start(const struct controller_options *options, struct err *err)
{
	struct controller *c = xcalloc(1, sizeof(*c));
	int e;

	c->stop_fd = -1;
	if (prepare(c, options, err) < 0) {
		controller_free(c);
		return NULL;
	}
	e = pthread_create(&c->thread, NULL, run, c);
	if (e != 0) {
		errno = e;
		(void)err_errno(err, ERR_TRANSIENT, "cannot start a thread");
		controller_free(c);
		return NULL;
	}
	return c;
}

void controller_stop(struct controller *c)
{
	const uint64_t one = 1;

	if (!c)
		return;
	atomic_store(&c->stop, true);
	(void)!write(c->stop_fd, &one, sizeof(one));
	(void)pthread_join(c->thread, NULL);
	controller_free(c);
}
