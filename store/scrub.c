/* SPDX-License-Identifier: Apache-2.0 */
#include "store/scrub.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/auto.h"
#include "store/ingest.h"
#include "store/layout.h"

/* The blob that comes next in the order of names. */
struct search {
	const struct digest *after; /* borrowed */
	struct digest next;         /* not set: there is none */
	size_t blobs;
};

static int compare(void *arg, int folder, const char *name, struct err *err)
{
	struct search *s = arg;
	struct digest digest;
	struct err foreign;

	(void)folder;
	(void)err;
	if (digest_parse(&digest, name, &foreign) < 0)
		return 0;
	s->blobs++;
	if (strcmp(digest.hex, s->after->hex) > 0 &&
		(!digest_is_set(&s->next) || strcmp(digest.hex, s->next.hex) < 0))
		s->next = digest;
	return 0;
}

static int remove_rotten(struct store *st, const struct digest *digest, struct err *err)
{
	if (unlinkat(st->blobs, digest->hex, 0) < 0 && errno != ENOENT)
		return err_errno(err, err_code_from_errno(errno), "remove it, as it is damaged");
	return layout_sync(st->blobs, err);
}

/* Reads what the disk has, not what memory kept of it, and leaves memory to others. */
static int hash_from_disk(int fd, struct digest *got, uint64_t *size, struct err *err)
{
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);

	int rc = ingest_copy(fd, -1, got, size, err);

	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	return rc;
}

static int look_at(struct store *st, const struct digest *digest, struct err *err)
{
	struct digest got = {.hex = ""};
	uint64_t size = 0;
	AUTO(fd) int fd = store_open_blob(st, digest, err);

	if (fd < 0)
		return err->code == ERR_NOT_FOUND ? 0 : -1;
	if (hash_from_disk(fd, &got, &size, err) < 0 && err->code != ERR_INVALID)
		return -1;
	if (digest_equal(&got, digest))
		return 0;
	if (remove_rotten(st, digest, err) < 0)
		return -1;
	return err_set(err, ERR_UNVERIFIED, "it was no longer what its name says: removed");
}

int store_scrub(struct store *st, struct store_scrub *s, struct err *err)
{
	struct search search = {.after = &s->last};

	assert(st->mode == STORE_WRITE);
	if (layout_walk(st->blobs, compare, &search, err) < 0)
		return err_wrap(err, "store %s: scrub", st->dir);
	s->last = search.next;
	s->blobs = search.blobs;
	if (!digest_is_set(&s->last) || look_at(st, &s->last, err) == 0)
		return 0;
	return err_wrap(err, "store %s: scrub blob %s", st->dir, s->last.hex);
}
