/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "store/collect.h"
#include "store/generation.h"
#include "store/ingest.h"
#include "store/layout.h"

/* A name's two parts, apart. */
struct place {
	char namespace[LIMIT_NAMESPACE_BYTES + 1];
	const char *name; /* borrowed */
};

static int place_of(struct place *out, const char *name, struct err *err)
{
	if (record_check_name(name, err) < 0)
		return -1;

	const char *slash = strchr(name, '/');

	(void)snprintf(out->namespace, sizeof(out->namespace), "%.*s", (int)(slash - name), name);
	out->name = slash + 1;
	return 0;
}

static int check_blob(const struct store *st, const struct record *r, struct err *err)
{
	uint64_t size = 0;

	if (!store_has_blob(st, &r->served, &size))
		return err_set(err, ERR_INVALID, "blob %s: must be in the store before its record",
			r->served.hex);
	if (size != r->served_bytes)
		return err_set(err, ERR_INVALID,
			"blob %s has %" PRIu64 " bytes: served_bytes must say so, not %" PRIu64,
			r->served.hex, size, r->served_bytes);
	return 0;
}

static int encode(struct buf *out, const struct store *st, const struct record *r, struct err *err)
{
	struct record_seal seal = {.key = &st->keys.items[0]};

	if (!r->secret || st->keys.n == 0)
		return record_encode(r, NULL, out, err);
	if (getrandom(seal.nonce, sizeof(seal.nonce), 0) != (ssize_t)sizeof(seal.nonce))
		return err_errno(err, ERR_TRANSIENT, "getrandom");
	return record_encode(r, &seal, out, err);
}

static int put_record(struct store *st, const struct record *r, struct err *err)
{
	AUTO(buf) struct buf bytes = BUF_INIT(LIMIT_RECORD_BYTES);
	struct place place;

	if (encode(&bytes, st, r, err) < 0 || place_of(&place, r->name, err) < 0 ||
		check_blob(st, r, err) < 0)
		return -1;

	AUTO(fd) int folder = layout_open_folder(st->resources, place.namespace, err);

	if (folder < 0 && err->code == ERR_NOT_FOUND)
		folder = layout_make_folder(st->resources, place.namespace, err);
	if (folder < 0 || ingest_publish(st, folder, place.name, &bytes, err) < 0)
		return -1;
	collect_reprieve(st, &r->module);
	collect_reprieve(st, &r->served);
	return generation_bump(st, err);
}

int store_put_record(struct store *st, const struct record *r, struct err *err)
{
	assert(st->mode == STORE_WRITE);
	if (put_record(st, r, err) < 0)
		return err_wrap(err, "store %s: put record %s", st->dir, r->name ? r->name : "");
	return 0;
}

/* Removes the file and, where it was the last one, its folder.  What is not there is removed. */
static int remove_record(struct store *st, const struct place *place, struct err *err)
{
	AUTO(fd) int folder = layout_open_folder(st->resources, place->namespace, err);

	if (folder < 0)
		return err->code == ERR_NOT_FOUND ? 0 : -1;
	if (unlinkat(folder, place->name, 0) < 0 && errno != ENOENT)
		return err_errno(err, err_code_from_errno(errno), "unlink");
	if (layout_sync(folder, err) < 0)
		return -1;
	if (unlinkat(st->resources, place->namespace, AT_REMOVEDIR) == 0)
		return layout_sync(st->resources, err);
	if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOENT)
		return err_errno(err, err_code_from_errno(errno), "rmdir %s", place->namespace);
	return 0;
}

int store_delete_record(struct store *st, const char *name, struct err *err)
{
	struct place place;

	assert(st->mode == STORE_WRITE);
	/* A bump even where nothing was there: an earlier try may have failed just before its
	 * own. */
	if (place_of(&place, name, err) < 0 || remove_record(st, &place, err) < 0 ||
		generation_bump(st, err) < 0)
		return err_wrap(err, "store %s: delete record %s", st->dir, name);
	return 0;
}

static int get_record(
	const struct store *st, const struct place *place, struct record *r, struct err *err)
{
	AUTO(buf) struct buf bytes = BUF_INIT(LIMIT_RECORD_BYTES);
	AUTO(fd) int folder = layout_open_folder(st->resources, place->namespace, err);
	AUTO(fd) int file = folder < 0 ? -1 : layout_open_file(folder, place->name, err);

	if (file < 0 || io_read(file, &bytes, err) < 0 ||
		record_decode(r, bytes.data, bytes.len, err) < 0)
		return -1;
	return 0;
}

int store_peek_record(const struct store *st, const char *name, struct record *r, struct err *err)
{
	AUTO(record) struct record found = RECORD_INIT;
	struct place place;

	record_init(&found);
	if (place_of(&place, name, err) < 0) {
		err->code = ERR_NOT_FOUND; /* no record can have such a name */
		return err_wrap(err, "store %s: get record", st->dir);
	}
	if (get_record(st, &place, &found, err) < 0) {
		if (err->code == ERR_INVALID)
			err->code = ERR_UNVERIFIED;
		return err_wrap(err, "store %s: get record %s", st->dir, name);
	}
	if (strcmp(found.name, name) != 0)
		return err_set(err, ERR_UNVERIFIED,
			"store %s: get record %s: the file says that it is %s", st->dir, name,
			found.name);
	*r = found;
	record_init(&found);
	return 0;
}

int store_get_record(const struct store *st, const char *name, struct record *r, struct err *err)
{
	AUTO(record) struct record found = RECORD_INIT;

	record_init(&found);
	if (store_peek_record(st, name, &found, err) < 0)
		return -1;
	if (record_open(&found, &st->keys, err) < 0)
		return err_wrap(err, "store %s: get record %s", st->dir, name);
	*r = found;
	record_init(&found);
	return 0;
}

struct visit {
	void (*each)(void *arg, const char *name, const struct record_stamp *stamp);
	void *arg;
	const char *namespace; /* borrowed */
};

static int visit_record(void *arg, int folder, const char *name, struct err *err)
{
	const struct visit *v = arg;
	AUTO(free) char *full = xasprintf("%s/%s", v->namespace, name);
	struct err foreign;
	struct stat file;

	if (record_check_name(full, &foreign) < 0)
		return 0;
	if (fstatat(folder, name, &file, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_errno(err, err_code_from_errno(errno), "%s", full);
	if (S_ISREG(file.st_mode))
		v->each(v->arg, full,
			&(struct record_stamp){.inode = file.st_ino,
				.size = (uint64_t)file.st_size,
				.mtime_ns = (int64_t)file.st_mtim.tv_sec * 1000000000 +
					    file.st_mtim.tv_nsec});
	return 0;
}

static int visit_namespace(void *arg, int folder, const char *name, struct err *err)
{
	struct visit *v = arg;
	struct err mine;

	if (!record_is_namespace(name))
		return 0;

	AUTO(fd) int fd = layout_open_folder(folder, name, &mine);

	v->namespace = name;
	if (fd >= 0 && layout_walk(fd, visit_record, v, &mine) == 0)
		return 0;
	if (mine.code == ERR_NOT_FOUND || mine.code == ERR_INVALID) /* vanished; or no folder */
		return 0;
	*err = mine;
	return err_wrap(err, "%s", name);
}

int store_each_record(const struct store *st,
	void (*each)(void *arg, const char *name, const struct record_stamp *stamp), void *arg,
	struct err *err)
{
	struct visit v = {.each = each, .arg = arg};

	if (layout_walk(st->resources, visit_namespace, &v, err) < 0)
		return err_wrap(err, "store %s: " LAYOUT_RESOURCES, st->dir);
	return 0;
}

uint64_t store_generation(const struct store *st)
{
	uint64_t generation = 0;

	(void)generation_read(st->fd, &generation);
	return generation;
}

const char *store_dir(const struct store *st)
{
	return st->dir;
}
