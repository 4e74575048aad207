/* SPDX-License-Identifier: Apache-2.0 */
#include "store/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"

#define FOLDER_MODE 0700

static bool is_kind(int at, const char *name, mode_t kind)
{
	struct stat st;

	return fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && (st.st_mode & S_IFMT) == kind;
}

int layout_open_folder(int at, const char *name, struct err *err)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return err_set(err, ERR_INVALID, "%s: must be a folder", name);
	if (fd < 0)
		return err_errno(err, err_code_from_errno(errno), "open folder %s", name);
	return fd;
}

int layout_make_folder(int at, const char *name, struct err *err)
{
	if (mkdirat(at, name, FOLDER_MODE) < 0 && errno != EEXIST)
		return err_errno(err, err_code_from_errno(errno), "make folder %s", name);
	/* Also when it was there: who made it may not have come so far. */
	if (layout_sync(at, err) < 0)
		return err_wrap(err, "make folder %s", name);
	return layout_open_folder(at, name, err);
}

int layout_open_file(int at, const char *name, struct err *err)
{
	/* O_NONBLOCK: a FIFO must be refused, not waited for. */
	AUTO(fd) int fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == ELOOP)
		return err_set(err, ERR_INVALID, "%s: must be a regular file", name);
	if (fd < 0)
		return err_errno(err, err_code_from_errno(errno), "open %s", name);
	if (fstat(fd, &st) < 0)
		return err_errno(err, err_code_from_errno(errno), "stat %s", name);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID, "%s: must be a regular file", name);
	return fd_steal(&fd);
}

int layout_sync(int folder, struct err *err)
{
	/* EINVAL: some network file systems cannot sync a folder, and have nothing to sync. */
	if (fsync(folder) < 0 && errno != EINVAL)
		return err_errno(err, err_code_from_errno(errno), "sync folder");
	return 0;
}

/* Returns the next entry, or NULL at the end (errno 0) and on failure. */
static const struct dirent *next_entry(DIR *list)
{
	errno = 0;
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): unsafe only for threads that share a stream */
	return readdir(list);
}

static bool is_self_or_parent(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

int layout_walk(int folder, int (*each)(void *arg, int folder, const char *name, struct err *err),
	void *arg, struct err *err)
{
	/* A descriptor of its own, since the position belongs to the open file, not to folder. */
	AUTO(fd) int own = layout_open_folder(folder, ".", err);
	AUTO(dir) DIR *list = own < 0 ? NULL : fdopendir(own);
	const struct dirent *entry = NULL;

	if (own < 0)
		return -1;
	if (!list)
		return err_errno(err, ERR_TRANSIENT, "list folder");
	(void)fd_steal(&own);
	while ((entry = next_entry(list))) {
		if (!is_self_or_parent(entry->d_name) && each(arg, folder, entry->d_name, err) < 0)
			return -1;
	}
	if (errno != 0)
		return err_errno(err, err_code_from_errno(errno), "list folder");
	return 0;
}

/* Passes what an empty volume holds, and what a first writer makes before the folder is marked. */
static int refuse_foreign(void *arg, int folder, const char *name, struct err *err)
{
	static const char *const expected[] = {"lost+found", LAYOUT_LOCK, LAYOUT_INGEST};

	(void)arg;
	(void)folder;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		if (strcmp(name, expected[i]) == 0)
			return 0;
	}
	return err_set(err, ERR_INVALID,
		"holds \"%s\" and is no store of wasmxds: must be a store or an empty folder",
		name);
}

int layout_check_ours(int fd, struct err *err)
{
	/* Other programs make image layouts too, but with no lock. */
	if (is_kind(fd, LAYOUT_OCI, S_IFREG) && is_kind(fd, LAYOUT_LOCK, S_IFREG))
		return 0;
	return layout_walk(fd, refuse_foreign, NULL, err);
}

static int remove_leftover(void *arg, int folder, const char *name, struct err *err)
{
	(void)arg;
	if (strlen(name) != LAYOUT_RANDOM_HEX ||
		strspn(name, "0123456789abcdef") != LAYOUT_RANDOM_HEX ||
		!is_kind(folder, name, S_IFREG))
		return 0;
	if (unlinkat(folder, name, 0) < 0 && errno != ENOENT)
		return err_errno(err, err_code_from_errno(errno), "remove %s", name);
	return 0;
}

int layout_sweep(int ingest, struct err *err)
{
	if (layout_walk(ingest, remove_leftover, NULL, err) < 0)
		return err_wrap(err, LAYOUT_INGEST);
	return 0;
}
