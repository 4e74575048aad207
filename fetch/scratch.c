/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/xalloc.h"

#define CHUNK_BYTES (64 * LIMIT_KIB)

/* For file systems that make no file without a name. */
static int open_unlinked(const char *folder)
{
	AUTO(free) char *path = xasprintf("%s/.tmp-XXXXXX", folder);
	int fd = mkostemp(path, O_CLOEXEC);

	if (fd >= 0)
		(void)unlink(path);
	return fd;
}

int scratch_open(const char *folder, struct err *err)
{
	if (!folder)
		folder = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): nobody sets it */
	if (!folder || !folder[0])
		folder = "/tmp";
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
		fd = open_unlinked(folder);
	if (fd < 0)
		return err_errno(err, err_code_from_errno(errno), "a file below %s", folder);
	return fd;
}

/* Returns what copy_file_range() would: how many bytes were copied, 0 at the end, -1 with errno. */
static ssize_t copy_chunk(int to, int from, off_t at, size_t n)
{
	char chunk[CHUNK_BYTES];
	ssize_t got = pread(from, chunk, n < sizeof(chunk) ? n : sizeof(chunk), at);

	return got <= 0 ? got : pwrite(to, chunk, (size_t)got, at);
}

static bool cannot_share(int errnum)
{
	return errnum == EXDEV || errnum == EINVAL || errnum == ENOSYS || errnum == EOPNOTSUPP ||
	       errnum == EPERM || errnum == EBADF;
}

int scratch_copy(int to, int from, uint64_t n, struct err *err)
{
	bool sharing = true;

	if (ftruncate(to, 0) < 0)
		return err_errno(err, ERR_TRANSIENT, "emptying a file");
	for (uint64_t at = 0; at < n;) {
		off_t in = (off_t)at;
		off_t out = (off_t)at;
		ssize_t copied = sharing ? copy_file_range(from, &in, to, &out, n - at, 0)
					 : copy_chunk(to, from, in, n - at);
		if (copied < 0 && errno == EINTR)
			continue;
		if (copied < 0 && sharing && cannot_share(errno)) {
			sharing = false;
			continue;
		}
		if (copied < 0)
			return err_errno(err,
				err_code_from_errno(errno) == ERR_FULL ? ERR_FULL : ERR_TRANSIENT,
				"copying a file");
		if (copied == 0)
			return err_set(err, ERR_TRANSIENT, "a file became shorter meanwhile");
		at += (uint64_t)copied;
	}
	if (lseek(to, 0, SEEK_END) < 0)
		return err_errno(err, ERR_TRANSIENT, "seeking");
	return 0;
}
