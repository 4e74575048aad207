/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/limits.h"

#define CHUNK_BYTES (64 * LIMIT_KIB)

int io_write(int fd, const void *bytes, size_t n, struct err *err)
{
	const char *at = bytes;

	while (n > 0) {
		ssize_t wrote = write(fd, at, n);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0) {
			bool full = err_code_from_errno(errno) == ERR_FULL;

			return err_errno(err, full ? ERR_FULL : ERR_TRANSIENT, "write");
		}
		at += wrote;
		n -= (size_t)wrote;
	}
	return 0;
}

/* Reads once.  Returns how many bytes, 0 at the end, -1 with err. */
static ssize_t read_some(int fd, void *room, size_t n, struct err *err)
{
	ssize_t got = -1;

	do {
		got = read(fd, room, n);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		err_errno(err, err_code_from_errno(errno), "read");
	return got;
}

/* Reads the next chunk; as read_some().  At the ceiling it looks whether this is the end. */
static ssize_t read_chunk(int fd, struct buf *out, struct err *err)
{
	size_t left = out->max - out->len;
	size_t n = left < CHUNK_BYTES ? left : CHUNK_BYTES;
	char beyond = 0;

	if (left == 0) {
		ssize_t got = read_some(fd, &beyond, 1, err);

		return got > 0 ? err_set(err, ERR_INVALID, "more than %zu bytes", out->max) : got;
	}

	void *room = buf_reserve(out, n, err);

	if (!room)
		return -1;

	ssize_t got = read_some(fd, room, n, err);

	if (got > 0)
		out->len += (size_t)got;
	return got;
}

int io_read(int fd, struct buf *out, struct err *err)
{
	size_t before = out->len;
	ssize_t got = 0;

	do {
		got = read_chunk(fd, out, err);
	} while (got > 0);
	if (got < 0 && out->data) {
		out->len = before;
		out->data[before] = '\0';
	}
	return got < 0 ? -1 : 0;
}

int io_read_file(int dirfd, const char *path, struct buf *out, struct err *err)
{
	/* O_NONBLOCK: a FIFO must be refused, not waited for. */
	AUTO(fd)
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return err_errno(err, err_code_from_errno(errno), "open %s", path);
	if (fstat(fd, &st) < 0)
		return err_errno(err, err_code_from_errno(errno), "stat %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID, "%s: must be a regular file", path);
	if (io_read(fd, out, err) < 0)
		return err_wrap(err, "%s", path);
	return 0;
}

/* A file under way to its name; removed unless it got there. */
struct temporary {
	char name[32]; /* "" where there is none */
	int dirfd;     /* borrowed */
};

static void auto_temporary(struct temporary *t)
{
	if (t->name[0])
		(void)unlinkat(t->dirfd, t->name, 0);
}

/* Creates it and returns its descriptor, or -1 with err. */
static int temporary_open(struct temporary *t, struct err *err)
{
	uint64_t tag = 0;

	if (getrandom(&tag, sizeof(tag), 0) != (ssize_t)sizeof(tag))
		return err_errno(err, ERR_TRANSIENT, "getrandom");
	(void)snprintf(t->name, sizeof(t->name), ".tmp-%016" PRIx64, tag);

	int fd = openat(t->dirfd, t->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0) {
		err_errno(err, err_code_from_errno(errno), "create %s", t->name);
		t->name[0] = '\0';
	}
	return fd;
}

/* close() comes last and is looked at: a network file system may speak up only then. */
static int write_through(int *fd, const void *bytes, size_t n, mode_t mode, struct err *err)
{
	if (io_write(*fd, bytes, n, err) < 0)
		return -1;
	if (fchmod(*fd, mode) < 0)
		return err_errno(err, err_code_from_errno(errno), "chmod");
	if (fsync(*fd) < 0)
		return err_errno(err, err_code_from_errno(errno), "fsync");
	if (close(fd_steal(fd)) < 0)
		return err_errno(err, err_code_from_errno(errno), "close");
	return 0;
}

static int sync_folder(int dirfd, struct err *err)
{
	AUTO(fd) int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return err_errno(err, err_code_from_errno(errno), "fsync of the folder");
	return 0;
}

int io_replace(
	int dirfd, const char *name, const void *bytes, size_t n, mode_t mode, struct err *err)
{
	AUTO(temporary) struct temporary tmp = {.dirfd = dirfd};

	if (strchr(name, '/'))
		return err_set(err, ERR_INVALID, "replace %s: must be a name without a /", name);

	AUTO(fd) int fd = temporary_open(&tmp, err);

	if (fd < 0 || write_through(&fd, bytes, n, mode, err) < 0)
		return err_wrap(err, "replace %s", name);
	if (renameat(dirfd, tmp.name, dirfd, name) < 0)
		return err_errno(err, err_code_from_errno(errno), "replace %s: rename", name);
	tmp.name[0] = '\0';
	if (sync_folder(dirfd, err) < 0)
		return err_wrap(err, "replace %s", name);
	return 0;
}

int64_t io_monotonic_us(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) < 0)
		return 0;
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t io_monotonic_ms(void)
{
	return io_monotonic_us() / 1000;
}
