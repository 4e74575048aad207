/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ingest.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "store/collect.h"
#include "store/layout.h"

#define CHUNK_BYTES LIMIT_MIB
#define FILE_MODE 0600
#define BLOB_MODE 0444

_Static_assert(sizeof(((struct ingest *)0)->name) == LAYOUT_RANDOM_HEX + 1, "room for a name");

/* A folder that is gone from under the store may come back: nothing the caller asked for is
 * missing. */
static enum err_code write_code(int errnum)
{
	return errnum == ENOENT ? ERR_TRANSIENT : err_code_from_errno(errnum);
}

static int draw_name(char name[LAYOUT_RANDOM_HEX + 1], struct err *err)
{
	uint8_t random[LAYOUT_RANDOM_BYTES];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return err_errno(err, ERR_TRANSIENT, "getrandom");
	for (size_t i = 0; i < sizeof(random); i++)
		(void)snprintf(name + 2 * i, 3, "%02x", random[i]);
	return 0;
}

int store_ingest(struct store *st, struct ingest *out, struct err *err)
{
	struct ingest in = {.fd = -1};

	assert(st->mode == STORE_WRITE);
	if (draw_name(in.name, err) < 0)
		return err_wrap(err, "store %s: ingest", st->dir);
	in.fd = openat(
		st->ingest, in.name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	if (in.fd < 0)
		return err_errno(
			err, write_code(errno), "store %s: create ingest/%s", st->dir, in.name);
	*out = in;
	return 0;
}

void store_ingest_abort(struct store *st, struct ingest *in)
{
	auto_fd(&in->fd);
	in->fd = -1;
	if (in->name[0])
		(void)unlinkat(st->ingest, in->name, 0);
	in->name[0] = '\0';
}

/* Moves the file to its final name; it is then no longer an ingest. */
static int place(struct store *st, struct ingest *in, int folder, const char *name, struct err *err)
{
	if (fsync(in->fd) < 0)
		return err_errno(err, write_code(errno), "sync %s", name);
	if (renameat(st->ingest, in->name, folder, name) < 0)
		return err_errno(err, write_code(errno), "rename to %s", name);
	in->name[0] = '\0';
	return layout_sync(folder, err);
}

int ingest_publish(
	struct store *st, int folder, const char *name, const struct buf *bytes, struct err *err)
{
	struct ingest in = {.fd = -1};

	if (store_ingest(st, &in, err) < 0)
		return -1;

	int rc = io_write(in.fd, bytes->data, bytes->len, err);

	if (rc == 0)
		rc = place(st, &in, folder, name, err);
	store_ingest_abort(st, &in);
	return rc;
}

static ssize_t read_chunk(int fd, void *room, struct err *err)
{
	ssize_t got = -1;

	do {
		got = read(fd, room, CHUNK_BYTES);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		err_errno(err, ERR_TRANSIENT, "read");
	return got;
}

int ingest_copy(int from, int to, struct digest *digest, uint64_t *size, struct err *err)
{
	AUTO(hasher) struct hasher *hasher = hasher_new();
	AUTO(free) char *chunk = xmalloc(CHUNK_BYTES);
	uint64_t total = 0;
	ssize_t got = 0;

	while ((got = read_chunk(from, chunk, err)) > 0) {
		total += (uint64_t)got;
		if (total > LIMIT_MODULE_BYTES)
			return err_set(err, ERR_INVALID, "more than %lu bytes", LIMIT_MODULE_BYTES);
		hasher_update(hasher, chunk, (size_t)got);
		if (to >= 0 && io_write(to, chunk, (size_t)got, err) < 0)
			return -1;
	}
	if (got < 0)
		return -1;
	hasher_final(hasher, digest);
	*size = total;
	return 0;
}

/* Returns whether the blob is there and still what its name says. */
static bool is_sound(const struct store *st, const struct digest *digest)
{
	struct err err;
	struct digest got;
	uint64_t size = 0;
	AUTO(fd) int fd = store_open_blob(st, digest, &err);

	return fd >= 0 && ingest_copy(fd, -1, &got, &size, &err) == 0 && digest_equal(&got, digest);
}

static int commit(struct store *st, struct ingest *in, const struct digest *digest, struct err *err)
{
	if (in->fd < 0)
		in->fd = layout_open_file(st->ingest, in->name, err);
	if (in->fd < 0)
		return -1;
	/* There is one writer, so a look before the rename is enough; RENAME_NOREPLACE, which not
	 * every network file system has, would keep a blob that rotted for ever. */
	if (is_sound(st, digest))
		return layout_sync(st->blobs, err);
	if (collect_make_room(st, digest, in->fd, err) < 0)
		return -1;
	if (fchmod(in->fd, BLOB_MODE) < 0)
		return err_errno(err, write_code(errno), "chmod");
	return place(st, in, st->blobs, digest->hex, err);
}

int store_commit_blob(
	struct store *st, struct ingest *in, const struct digest *digest, struct err *err)
{
	assert(st->mode == STORE_WRITE && digest_is_set(digest));

	int rc = commit(st, in, digest, err);

	store_ingest_abort(st, in);
	if (rc == 0)
		collect_reprieve(st, digest);
	if (rc < 0 && err->code == ERR_NOT_FOUND)
		err->code = ERR_TRANSIENT; /* somebody removed the ingest: fetch again */
	return rc < 0 ? err_wrap(err, "store %s: commit blob %s", st->dir, digest->hex) : 0;
}

bool store_has_blob(const struct store *st, const struct digest *digest, uint64_t *size)
{
	struct stat file;

	if (!digest_is_set(digest) ||
		fstatat(st->blobs, digest->hex, &file, AT_SYMLINK_NOFOLLOW) < 0 ||
		!S_ISREG(file.st_mode))
		return false;
	*size = (uint64_t)file.st_size;
	return true;
}

int store_open_blob(const struct store *st, const struct digest *digest, struct err *err)
{
	if (!digest_is_set(digest))
		return err_set(err, ERR_NOT_FOUND, "store %s: blob: no digest given", st->dir);

	int fd = layout_open_file(st->blobs, digest->hex, err);

	return fd < 0 ? err_wrap(err, "store %s: blob", st->dir) : fd;
}
