/* SPDX-License-Identifier: Apache-2.0 */
#include "store/collect.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/xalloc.h"
#include "store/layout.h"

/* One collection under way. */
struct collection {
	struct store *st;
	int64_t now;
	int64_t grace_ms;
	struct map named; /* digests that records name; the values say nothing */
	struct map idle;  /* st->idle as it will be */
	struct store_garbage *out;
	bool failed; /* with err */
	struct err err;
};

static void auto_collection(struct collection *c)
{
	map_clear(&c->named, NULL);
	map_clear(&c->idle, free);
}

static void mark(void *arg, const char *name, const struct record_stamp *stamp)
{
	struct collection *c = arg;
	AUTO(record) struct record r = RECORD_INIT;

	(void)stamp;
	if (c->failed)
		return;
	if (store_peek_record(c->st, name, &r, &c->err) < 0) {
		c->failed = c->err.code != ERR_NOT_FOUND;
		return;
	}
	(void)map_put(&c->named, r.module.hex, c);
	(void)map_put(&c->named, r.served.hex, c);
}

/* Finds out which blobs the records name: all of them, or none at all. */
static int mark_all(struct collection *c, struct err *err)
{
	if (store_each_record(c->st, mark, c, err) < 0)
		return -1;
	if (!c->failed)
		return 0;
	*err = c->err;
	return -1;
}

static bool is_needed(const struct collection *c, const struct digest *digest)
{
	const struct store_policy *policy = &c->st->policy;

	return map_get(&c->named, digest->hex) ||
	       (policy->needs && policy->needs(policy->arg, digest));
}

static int remove_blob(
	struct collection *c, const struct digest *digest, uint64_t size, struct err *err)
{
	if (unlinkat(c->st->blobs, digest->hex, 0) < 0)
		return errno == ENOENT ? 0
				       : err_errno(err, err_code_from_errno(errno), "remove %s",
						 digest->hex);
	c->out->blobs++;
	c->out->bytes += size;
	return 0;
}

static void keep_for_now(struct collection *c, const struct digest *digest, int64_t since)
{
	int64_t *copy = xmalloc(sizeof(*copy));
	int64_t may_go_at = since + c->grace_ms;

	*copy = since;
	free(map_put(&c->idle, digest->hex, copy));
	c->out->waiting++;
	if (may_go_at < c->out->next_at)
		c->out->next_at = may_go_at;
}

/* Finds what name in the folder of blobs is called, and its size; false: it is no blob. */
static bool read_entry(int folder, const char *name, struct digest *digest, uint64_t *size)
{
	struct stat file;
	struct err foreign;

	if (digest_parse(digest, name, &foreign) < 0 ||
		fstatat(folder, name, &file, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(file.st_mode))
		return false;
	*size = (uint64_t)file.st_size;
	return true;
}

static int sweep_blob(void *arg, int folder, const char *name, struct err *err)
{
	struct collection *c = arg;
	struct digest digest;
	uint64_t size = 0;

	if (!read_entry(folder, name, &digest, &size) || is_needed(c, &digest))
		return 0;

	const int64_t *known = map_get(&c->st->idle, digest.hex);
	int64_t since = known ? *known : c->now;

	if (c->now - since >= c->grace_ms)
		return remove_blob(c, &digest, size, err);
	keep_for_now(c, &digest, since);
	return 0;
}

static int sweep(struct collection *c, struct err *err)
{
	struct map before;

	if (layout_walk(c->st->blobs, sweep_blob, c, err) < 0)
		return -1;
	before = c->st->idle;
	c->st->idle = c->idle;
	c->idle = before;
	return 0;
}

static int collect(struct collection *c, struct err *err)
{
	struct err sync;

	if (mark_all(c, err) < 0)
		return -1;

	int rc = sweep(c, err);

	if (c->out->blobs == 0 || layout_sync(c->st->blobs, &sync) == 0)
		return rc;
	if (rc == 0)
		*err = sync;
	return -1;
}

int store_collect(
	struct store *st, int64_t now, int64_t grace_ms, struct store_garbage *out, struct err *err)
{
	AUTO(collection)
	struct collection c = {.st = st, .now = now, .grace_ms = grace_ms, .out = out};

	assert(st->mode == STORE_WRITE);
	*out = (struct store_garbage){.next_at = INT64_MAX};
	if (collect(&c, err) < 0)
		return err_wrap(err, "store %s: collect", st->dir);
	return 0;
}

void collect_reprieve(struct store *st, const struct digest *digest)
{
	free(map_take(&st->idle, digest->hex));
}

static int add_size(void *arg, int folder, const char *name, struct err *err)
{
	uint64_t *bytes = arg;
	struct digest digest;
	uint64_t size = 0;

	(void)err;
	if (read_entry(folder, name, &digest, &size))
		*bytes += size;
	return 0;
}

int store_used(const struct store *st, uint64_t *bytes, struct err *err)
{
	uint64_t sum = 0;

	if (layout_walk(st->blobs, add_size, &sum, err) < 0)
		return err_wrap(err, "store %s: " LAYOUT_BLOBS, st->dir);
	*bytes = sum;
	return 0;
}

/* Returns whether size more bytes fit beside used. */
static bool fits(const struct store *st, uint64_t used, uint64_t size)
{
	return used <= st->policy.max_bytes && size <= st->policy.max_bytes - used;
}

/* As store_used(), but for the blob called digest, which is about to be replaced. */
static int used_beside(
	const struct store *st, const struct digest *digest, uint64_t *used, struct err *err)
{
	uint64_t replaced = 0;

	if (store_used(st, used, err) < 0)
		return -1;
	if (store_has_blob(st, digest, &replaced))
		*used -= replaced;
	return 0;
}

int collect_make_room(struct store *st, const struct digest *digest, int fd, struct err *err)
{
	struct store_garbage garbage;
	struct err failure;
	struct stat file;
	uint64_t used = 0;

	if (st->policy.max_bytes == 0)
		return 0;
	if (fstat(fd, &file) < 0)
		return err_errno(err, ERR_TRANSIENT, "stat");
	uint64_t size = (uint64_t)file.st_size;

	if (used_beside(st, digest, &used, err) < 0)
		return -1;
	if (fits(st, used, size))
		return 0;
	/* Whether it failed shows in the room that it made. */
	(void)!store_collect(st, io_monotonic_ms(), 0, &garbage, &failure);
	if (used_beside(st, digest, &used, err) < 0)
		return -1;
	if (fits(st, used, size))
		return 0;
	return err_set(err, ERR_FULL,
		"it needs %" PRIu64 " bytes, and %" PRIu64 " of at most %" PRIu64 " are in use",
		size, used, st->policy.max_bytes);
}
