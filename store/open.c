/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "store/generation.h"
#include "store/ingest.h"
#include "store/layout.h"

#define LOCK_MODE 0600
#define FOLDER_MODE 0700
#define HOLDER_BYTES 128 /* of what a writer says of itself in the lock */

/* The code for an errno that the path of a store itself left. */
static enum err_code dir_code(int errnum)
{
	if (errnum == ENOTDIR || errnum == ELOOP || errnum == ENAMETOOLONG)
		return ERR_INVALID;
	return err_code_from_errno(errnum);
}

/* Makes dir where it is absent; its entry in the folder above is synced. */
static int make_dir(const char *dir, struct err *err)
{
	AUTO(free) char *above = xasprintf("%s/..", dir);

	if (mkdir(dir, FOLDER_MODE) < 0)
		return errno == EEXIST ? 0 : err_errno(err, dir_code(errno), "make folder %s", dir);

	AUTO(fd) int fd = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, err_code_from_errno(errno), "open the folder above");
	return layout_sync(fd, err);
}

/* Makes dir, and the folders above it where they are absent, as mkdir -p does. */
static int make_dirs(const char *dir, struct err *err)
{
	AUTO(free) char *path = xstrdup(dir);
	struct err first;

	if (make_dir(dir, &first) == 0)
		return 0;
	if (first.code != ERR_NOT_FOUND) {
		*err = first;
		return -1;
	}
	char *at = path + strspn(path, "/");

	while ((at = strchr(at, '/'))) {
		*at = '\0';
		if (make_dir(path, err) < 0)
			return -1;
		*at = '/';
		at += strspn(at, "/");
	}
	return make_dir(dir, err);
}

/* Symbolic links on the way to dir are the operator's: they are followed. */
static int open_dir(const char *dir, enum store_mode mode, struct err *err)
{
	if (mode == STORE_WRITE && make_dirs(dir, err) < 0)
		return -1;

	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_errno(err, dir_code(errno), "open folder") : fd;
}

/* Says who holds the lock, for the message of the next who wants it; a hint, so it may fail. */
static void sign_lock(int lock)
{
	char host[HOLDER_BYTES / 2] = "";
	char text[HOLDER_BYTES];

	(void)gethostname(host, sizeof(host) - 1);
	int n = snprintf(text, sizeof(text), "process %d on %s\n", (int)getpid(), host);

	if (n > 0 && ftruncate(lock, 0) == 0)
		(void)!pwrite(lock, text, (size_t)n, 0);
}

static int take_lock(struct store *st, struct err *err)
{
	char holder[HOLDER_BYTES] = "";

	st->lock =
		openat(st->fd, LAYOUT_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, LOCK_MODE);
	if (st->lock < 0)
		return err_errno(err, err_code_from_errno(errno), "open " LAYOUT_LOCK);
	if (flock(st->lock, LOCK_EX | LOCK_NB) == 0) {
		sign_lock(st->lock);
		return 0;
	}
	if (errno != EWOULDBLOCK)
		return err_errno(err, ERR_TRANSIENT, "flock " LAYOUT_LOCK);

	ssize_t n = pread(st->lock, holder, sizeof(holder) - 1, 0);

	holder[n > 0 ? n : 0] = '\0';
	holder[strcspn(holder, "\n")] = '\0';
	return err_set(err, ERR_CONFLICT,
		"has another writer, by its " LAYOUT_LOCK " %s: must be stopped first",
		holder[0] ? holder : "one that did not sign");
}

static int mark(struct store *st, struct err *err)
{
	static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	AUTO(buf) struct buf text = BUF_INIT(sizeof(layout));

	if (faccessat(st->fd, LAYOUT_OCI, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (buf_append(&text, layout, sizeof(layout) - 1, err) < 0)
		return -1;
	return ingest_publish(st, st->fd, LAYOUT_OCI, &text, err);
}

/* The order matters: the lock before all, ingest/ before anything that goes through it, and the
 * mark before folders that layout_check_ours() would take for somebody else's. */
static int open_write(struct store *st, struct err *err)
{
	struct err full;

	if (take_lock(st, err) < 0)
		return -1;
	st->ingest = layout_make_folder(st->fd, LAYOUT_INGEST, err);
	if (st->ingest < 0 || layout_sweep(st->ingest, err) < 0 || mark(st, err) < 0)
		return -1;

	AUTO(fd) int blobs = layout_make_folder(st->fd, LAYOUT_BLOBS, err);

	st->blobs = blobs < 0 ? -1 : layout_make_folder(blobs, LAYOUT_SHA256, err);
	if (st->blobs < 0)
		return -1;
	st->resources = layout_make_folder(st->fd, LAYOUT_RESOURCES, err);
	if (st->resources < 0 || layout_sync(st->resources, err) < 0)
		return -1;
	generation_find(st);
	/* The last writer may have died between a change and its bump.  A full disk is no reason
	 * not to open: what is there can still be read. */
	if (generation_bump(st, &full) < 0 && full.code != ERR_FULL) {
		*err = full;
		return -1;
	}
	return 0;
}

static int open_read(struct store *st, struct err *err)
{
	AUTO(fd) int blobs = layout_open_folder(st->fd, LAYOUT_BLOBS, err);

	st->blobs = blobs < 0 ? -1 : layout_open_folder(blobs, LAYOUT_SHA256, err);
	if (st->blobs < 0)
		return -1;
	st->resources = layout_open_folder(st->fd, LAYOUT_RESOURCES, err);
	return st->resources < 0 ? -1 : 0;
}

static int open_layout(struct store *st, struct err *err)
{
	st->fd = open_dir(st->dir, st->mode, err);
	if (st->fd < 0 || layout_check_ours(st->fd, err) < 0)
		return -1;
	return st->mode == STORE_WRITE ? open_write(st, err) : open_read(st, err);
}

int store_open(struct store **out, const char *dir, enum store_mode mode, struct err *err)
{
	AUTO(store) struct store *st = xmalloc(sizeof(*st));

	*st = (struct store){.mode = mode,
		.dir = xstrdup(dir),
		.fd = -1,
		.lock = -1,
		.ingest = -1,
		.blobs = -1,
		.resources = -1};
	if (open_layout(st, err) < 0)
		return err_wrap(err, "store %s", dir);
	*out = STEAL(st);
	return 0;
}

void store_set_policy(struct store *st, const struct store_policy *policy)
{
	st->policy = *policy;
}

void store_close(struct store *st)
{
	if (!st)
		return;
	auto_fd(&st->resources);
	auto_fd(&st->blobs);
	auto_fd(&st->ingest);
	auto_fd(&st->fd);
	auto_fd(&st->lock); /* last: until here the store is ours */
	map_clear(&st->idle, free);
	seal_keys_clear(&st->keys);
	free(st->key_file);
	free(st->dir);
	free(st);
}
