/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/folder.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/xalloc.h"
#include "kube/directory.h"

#define RESCAN_MS 30000      /* between two scans of the folder, whatever inotify says */
#define RESCAN_BLIND_MS 1000 /* the same where inotify says nothing */
#define SETTLE_MS 100        /* of a change that is under way; also between two scans */
#define MAX_FDS 8            /* that a caller waits for */

struct folder {
	struct source source;  /* first */
	struct directory *dir; /* owned */
	int64_t scan_at;       /* ms; when to scan again */
	int64_t scanned;       /* ms; when it was last scanned */
	bool read;             /* it could be read once */
};

/* A file that is whole is read at once, unless it is one of many. */
static void plan_scan(struct folder *f)
{
	int64_t from = directory_settled(f->dir) ? f->scanned : io_monotonic_ms();

	f->scan_at = io_earlier(f->scan_at, from + SETTLE_MS);
}

static void folder_wait(struct source *s, struct pollfd *fds, nfds_t n, int64_t timeout_ms)
{
	struct folder *f = (struct folder *)s;
	struct pollfd all[MAX_FDS + 1];
	int64_t wait = io_earlier(timeout_ms, f->scan_at - io_monotonic_ms());

	assert(n <= MAX_FDS);
	if (n > 0)
		memcpy(all, fds, n * sizeof(*fds));
	all[n] = (struct pollfd){.fd = directory_fd(f->dir), .events = POLLIN};
	if (poll(all, n + 1, wait < 0 ? 0 : (int)io_earlier(wait, RESCAN_MS)) <= 0)
		all[n].revents = 0;
	if (n > 0)
		memcpy(fds, all, n * sizeof(*fds));
	if (all[n].revents)
		plan_scan(f);
}

static int folder_step(struct source *s, source_receiver *each, void *arg, struct err *err)
{
	struct folder *f = (struct folder *)s;
	int64_t now = io_monotonic_ms();
	int rc = 0;

	if (now < f->scan_at)
		return 0;
	f->scanned = now;
	rc = directory_scan(f->dir, each, arg, err);
	f->scan_at = now + (directory_fd(f->dir) < 0 ? RESCAN_BLIND_MS : RESCAN_MS);
	if (rc < 0)
		return -1;
	f->read = true;
	return 0;
}

static bool folder_complete(const struct source *s)
{
	return directory_complete(((const struct folder *)s)->dir);
}

/* A folder gives all that it has. */
static void folder_want(
	struct source *s, enum object_kind kind, const char *namespace, const char *name)
{
	(void)s;
	(void)kind;
	(void)namespace;
	(void)name;
}

static bool folder_knows(
	const struct source *s, enum object_kind kind, const char *namespace, const char *name)
{
	(void)kind;
	(void)namespace;
	(void)name;
	return ((const struct folder *)s)->read;
}

static void folder_close(struct source *s)
{
	struct folder *f = (struct folder *)s;

	directory_close(f->dir);
	free(f);
}

static const struct source_methods methods = {
	.wait = folder_wait,
	.step = folder_step,
	.complete = folder_complete,
	.want = folder_want,
	.drop = folder_want,
	.knows = folder_knows,
	.close = folder_close,
};

int folder_open(struct source **out, const char *path, struct err *err)
{
	struct directory *dir = NULL;
	struct folder *f = NULL;

	if (directory_open(&dir, path, err) < 0)
		return -1;
	f = xcalloc(1, sizeof(*f));
	f->source.methods = &methods;
	f->dir = dir;
	*out = &f->source;
	return 0;
}
