/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/inbox.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/xalloc.h"

#define FILE_MODE 0600

struct keeper {
	char *dir;                 /* owned; for messages */
	int fd;                    /* owned; of the folder, with its lock */
	struct refusals *refusals; /* borrowed */
	uint64_t loaded, saved;    /* refusals_added() of what was read; of what is written */
	struct inbox *inbox;       /* owned; of struct buf, one at most */
	pthread_t thread;
	bool failing; /* the last write failed, and the log says so; the writer's */
};

static void free_bytes(void *p)
{
	struct buf *bytes = p;

	buf_clear(bytes);
	free(bytes);
}

static void write_file(struct keeper *k, const struct buf *bytes)
{
	struct err err;
	bool failed = io_replace(k->fd, KEEPER_FILE, bytes->data, bytes->len, FILE_MODE, &err) < 0;

	if (failed && !k->failing)
		log_error("refusals not kept", LOG_STR("folder", k->dir), LOG_ERR(&err));
	k->failing = failed;
}

static void *write_files(void *arg)
{
	struct keeper *k = arg;
	struct buf *bytes;

	while ((bytes = inbox_pop(k->inbox))) {
		write_file(k, bytes);
		free_bytes(bytes);
	}
	return NULL;
}

/* Returns all refusals as bytes, which the caller frees, or NULL where they are too many. */
static struct buf *encode(const struct keeper *k)
{
	struct buf *bytes = xcalloc(1, sizeof(*bytes));
	struct err err;

	buf_init(bytes, LIMIT_REFUSALS_BYTES);
	if (refusals_encode(k->refusals, bytes, &err) == 0)
		return bytes;
	log_error("refusals not kept", LOG_STR("folder", k->dir), LOG_ERR(&err));
	free_bytes(bytes);
	return NULL;
}

static void read_file(struct keeper *k)
{
	AUTO(buf) struct buf bytes = BUF_INIT(LIMIT_REFUSALS_BYTES);
	struct err err;

	if (io_read_file(k->fd, KEEPER_FILE, &bytes, &err) < 0) {
		if (err.code != ERR_NOT_FOUND)
			log_warn("refusals not read", LOG_STR("folder", k->dir), LOG_ERR(&err));
		return;
	}
	if (refusals_decode(k->refusals, buf_text(&bytes), bytes.len, &err) < 0) {
		log_warn("refusals not read", LOG_STR("folder", k->dir), LOG_ERR(&err));
		return;
	}
	log_info("refusals read", LOG_STR("folder", k->dir),
		LOG_INT("refusals", (int64_t)refusals_count(k->refusals)));
}

static int lock_folder(struct keeper *k, struct err *err)
{
	k->fd = open(k->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (k->fd < 0)
		return err_errno(err, err_code_from_errno(errno), "open folder %s", k->dir);
	if (faccessat(k->fd, ".", W_OK, AT_EACCESS) < 0)
		return err_errno(err, err_code_from_errno(errno), "write into folder %s", k->dir);
	if (flock(k->fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return err_set(err, ERR_CONFLICT,
			"folder %s: another process has it, and each needs one of its own", k->dir);
	return err_errno(err, err_code_from_errno(errno), "lock folder %s", k->dir);
}

static void release(struct keeper *k)
{
	if (k->fd >= 0)
		(void)close(k->fd);
	inbox_free(k->inbox);
	free(k->dir);
	free(k);
}

struct keeper *keeper_open(const char *dir, struct refusals *refusals, struct err *err)
{
	struct keeper *k = xcalloc(1, sizeof(*k));

	k->dir = xstrdup(dir);
	k->refusals = refusals;
	k->inbox = inbox_new(1, free_bytes);
	if (lock_folder(k, err) < 0) {
		release(k);
		return NULL;
	}
	read_file(k);
	k->loaded = k->saved = refusals_added(refusals);
	if (pthread_create(&k->thread, NULL, write_files, k) != 0) {
		(void)err_set(err, ERR_TRANSIENT, "cannot start a thread");
		release(k);
		return NULL;
	}
	return k;
}

void keeper_tick(struct keeper *k)
{
	uint64_t added = refusals_added(k->refusals);
	struct buf *bytes = added != k->saved ? encode(k) : NULL;

	if (bytes && !inbox_push(k->inbox, bytes)) {
		free_bytes(bytes); /* the one before is not written yet: next time */
		return;
	}
	k->saved = added;
}

void keeper_close(struct keeper *k)
{
	struct buf *bytes = NULL;

	if (!k)
		return;
	inbox_close(k->inbox);
	(void)pthread_join(k->thread, NULL);
	if (refusals_added(k->refusals) != k->loaded)
		bytes = encode(k);
	if (bytes) {
		write_file(k, bytes);
		free_bytes(bytes);
	}
	release(k);
}
