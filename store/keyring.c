/* SPDX-License-Identifier: Apache-2.0 */
#include "store/keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/xalloc.h"
#include "store/layout.h"

#define KEY_MODE 0600

/* Returns the folder of path, "." where it names none; the caller frees it. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

static int draw_key(struct buf *out, struct err *err)
{
	uint8_t raw[SEAL_KEY_BYTES];

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return err_errno(err, ERR_TRANSIENT, "getrandom");
	for (size_t i = 0; i < sizeof(raw); i++) {
		if (buf_printf(out, err, "%02x", raw[i]) < 0)
			return -1;
	}
	explicit_bzero(raw, sizeof(raw));
	return buf_printf(out, err, "\n");
}

static int make(const char *path, struct err *err)
{
	AUTO(wiped) struct buf text = BUF_INIT(2 * SEAL_KEY_BYTES + 1);
	AUTO(free) char *folder = folder_of(path);
	const char *slash = strrchr(path, '/');
	AUTO(fd) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, err_code_from_errno(errno), "open folder");
	if (draw_key(&text, err) < 0)
		return -1;
	return io_replace(fd, slash ? slash + 1 : path, text.data, text.len, KEY_MODE, err);
}

int keyring_make(const char *path, struct err *err)
{
	if (access(path, F_OK) == 0)
		return 0;
	return make(path, err) < 0 ? err_wrap(err, "make key file %s", path) : 0;
}

static int read_keys(struct seal_keys *out, const char *path, struct err *err)
{
	AUTO(wiped) struct buf text = BUF_INIT(LIMIT_SEAL_FILE_BYTES);

	/* all the room at once, so that growing leaves no copy behind */
	if (!buf_reserve(&text, LIMIT_SEAL_FILE_BYTES, err) ||
		io_read_file(AT_FDCWD, path, &text, err) < 0)
		return -1;
	return seal_keys_parse(out, buf_text(&text), text.len, err);
}

static void stamp_of(struct record_stamp *out, const char *path)
{
	struct stat file;

	*out = (struct record_stamp){0};
	if (stat(path, &file) < 0)
		return;
	*out = (struct record_stamp){.inode = file.st_ino,
		.size = (uint64_t)file.st_size,
		.mtime_ns = (int64_t)file.st_mtim.tv_sec * 1000000000 + file.st_mtim.tv_nsec};
}

static bool same_stamp(const struct record_stamp *a, const struct record_stamp *b)
{
	return a->inode == b->inode && a->size == b->size && a->mtime_ns == b->mtime_ns;
}

static bool same_keys(const struct seal_keys *a, const struct seal_keys *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (strcmp(a->items[i].id, b->items[i].id) != 0)
			return false;
	}
	return true;
}

int store_use_keys(struct store *st, const char *path, struct err *err)
{
	struct record_stamp stamp;
	struct seal_keys keys;

	stamp_of(&stamp, path); /* first: what changes meanwhile is read again */
	if (read_keys(&keys, path, err) < 0)
		return err_wrap(err, "key file %s", path);
	free(st->key_file);
	st->key_file = xstrdup(path);
	st->key_stamp = stamp;
	st->keys = keys;
	seal_keys_clear(&keys);
	return 0;
}

int store_refresh_keys(struct store *st, bool *changed, struct err *err)
{
	AUTO(seal_keys) struct seal_keys keys = {.n = 0};
	struct record_stamp stamp;

	*changed = false;
	if (!st->key_file)
		return 0;
	stamp_of(&stamp, st->key_file);
	if (same_stamp(&stamp, &st->key_stamp))
		return 0;
	st->key_stamp = stamp;
	if (read_keys(&keys, st->key_file, err) < 0)
		return err_wrap(err, "key file %s", st->key_file);
	*changed = !same_keys(&keys, &st->keys);
	st->keys = keys;
	return 0;
}

const struct seal_keys *store_keys(const struct store *st)
{
	return &st->keys;
}
