/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/local_fs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/auto.h"

#define READ_CHUNK 65536

const char *local_fs_relative(const char *root, const char *uri)
{
	size_t n = strcmp(root, "/") == 0 ? 0 : strlen(root);

	if (uri[0] != '/')
		return uri;
	if (strncmp(uri, root, n) != 0 || uri[n] != '/')
		return NULL;
	return uri + n + strspn(uri + n, "/");
}

int local_fs_check_kind(mode_t mode, struct err *err)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return 0;
	case S_IFDIR:
		return err_set(err, ERR_INVALID, "is a directory, not a regular file");
	case S_IFIFO:
		return err_set(err, ERR_INVALID, "is a fifo, not a regular file");
	case S_IFSOCK:
		return err_set(err, ERR_INVALID, "is a socket, not a regular file");
	case S_IFCHR:
		return err_set(err, ERR_INVALID, "is a character device, not a regular file");
	case S_IFBLK:
		return err_set(err, ERR_INVALID, "is a block device, not a regular file");
	default:
		return err_set(err, ERR_INVALID, "is not a regular file");
	}
}

int local_fs_check_unchanged(
	const struct stat *before, const struct stat *after, uint64_t copied, struct err *err)
{
	if (before->st_size != after->st_size || copied != (uint64_t)before->st_size)
		return err_set(err, ERR_TRANSIENT,
			"changed while it was read: %jd bytes before, %" PRIu64 " read, %jd after",
			(intmax_t)before->st_size, copied, (intmax_t)after->st_size);
	if (before->st_mtim.tv_sec != after->st_mtim.tv_sec ||
		before->st_mtim.tv_nsec != after->st_mtim.tv_nsec)
		return err_set(err, ERR_TRANSIENT, "was written to while it was read");
	return 0;
}

static int open_failed(const char *root, struct err *err)
{
	switch (errno) {
	case EXDEV:
		return err_set(err, ERR_INVALID,
			"leads out of %s, through \"..\" or a link (links must be relative)", root);
	case ELOOP:
		return err_set(
			err, ERR_INVALID, "passes through too many links, or through one of /proc");
	case ENAMETOOLONG:
		return err_set(err, ERR_INVALID, "is longer than a path may be");
	case ENOTDIR:
		return err_set(err, ERR_NOT_FOUND, "passes through a file as if it were a folder");
	default:
		return err_errno(err, err_code_from_errno(errno), "below %s", root);
	}
}

/* Returns a descriptor that only names the file: what it is can be seen before it is opened, since
 * to open a fifo can block and to open a device can do anything. */
static int open_beneath(const char *root, const char *path, struct err *err)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	AUTO(fd) int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return err_errno(err, err_code_from_errno(errno), "the root %s", root);
	int file = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
	if (file < 0)
		return open_failed(root, err);
	return file;
}

/* Opens for reading the very file that the descriptor names, whatever its path leads to by now. */
static int reopen(int named, struct err *err)
{
	char path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", named);
	int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (file < 0)
		return err_errno(err, err_code_from_errno(errno), "opening it for reading");
	return file;
}

static int copy(const struct fetch_options *options, struct sink *sink, int file, struct err *err)
{
	char chunk[READ_CHUNK];

	for (;;) {
		if (fetch_stopped(options))
			return err_set(err, ERR_TRANSIENT, "stopped");
		ssize_t n = read(file, chunk, sizeof(chunk));
		if (n == 0)
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, ERR_TRANSIENT, "reading it");
		if (sink_write(sink, chunk, (size_t)n, err) < 0)
			return -1;
	}
}

static int copy_whole(
	const struct fetch_options *options, struct sink *sink, int file, struct err *err)
{
	struct stat before;
	struct stat after;

	if (fstat(file, &before) < 0)
		return err_errno(err, ERR_TRANSIENT, "looking at it");
	if ((uint64_t)before.st_size > sink->max)
		return err_set(err, ERR_INVALID, "is %jd bytes; a module may have at most %" PRIu64,
			(intmax_t)before.st_size, sink->max);
	if (copy(options, sink, file, err) < 0)
		return -1;
	if (fstat(file, &after) < 0)
		return err_errno(err, ERR_TRANSIENT, "looking at it again");
	return local_fs_check_unchanged(&before, &after, sink->size, err);
}

/* Returns a descriptor that names the regular file that uri stands for. */
static int find_file(
	const struct fetch_options *options, const char *uri, struct stat *st, struct err *err)
{
	AUTO(free) char *root = NULL;
	AUTO(fd) int named = -1;

	if (!options->local_root)
		return err_set(err, ERR_INVALID,
			"protocol local_fs is off: no folder was given to read modules from");
	root = realpath(options->local_root, NULL);
	if (!root)
		return err_errno(
			err, err_code_from_errno(errno), "the root %s", options->local_root);
	const char *path = local_fs_relative(root, uri);
	if (!path)
		return err_set(err, ERR_INVALID,
			"is outside of %s, the only folder that modules are read from", root);
	named = open_beneath(root, path, err);
	if (named < 0)
		return -1;
	if (fstat(named, st) < 0)
		return err_errno(err, ERR_TRANSIENT, "looking at it");
	if (local_fs_check_kind(st->st_mode, err) < 0)
		return -1;
	return fd_steal(&named);
}

int local_fs_fetch(struct fetch_task *task, struct sink *sink, struct err *err)
{
	AUTO(fd) int named = -1;
	AUTO(fd) int file = -1;
	struct stat st;

	named = find_file(task->options, task->request->uri, &st, err);
	if (named < 0)
		return -1;
	file = reopen(named, err);
	if (file < 0)
		return -1;
	return copy_whole(task->options, sink, file, err);
}

uint64_t local_fs_mark(const struct fetch_options *options, const char *uri)
{
	AUTO(fd) int named = -1;
	struct stat st = {0};
	struct err err;

	named = find_file(options, uri, &st, &err);
	if (named < 0)
		return 0;
	const uint64_t parts[] = {(uint64_t)st.st_ino, (uint64_t)st.st_size,
		(uint64_t)st.st_mtim.tv_sec, (uint64_t)st.st_mtim.tv_nsec,
		(uint64_t)st.st_ctim.tv_sec, (uint64_t)st.st_ctim.tv_nsec};
	uint64_t mark = 14695981039346656037U;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		mark = (mark ^ parts[i]) * 1099511628211U;
	return mark | 1;
}
