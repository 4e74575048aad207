/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/io.h - whole reads and writes of files, each with a ceiling and an error that names the
 * file.
 */
#ifndef WASMXDS_BASE_IO_H
#define WASMXDS_BASE_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Writes all n bytes.  ERR_FULL: no room; ERR_TRANSIENT: any other failure. */
int io_write(int fd, const void *bytes, size_t n, struct err *err)
	__attribute__((warn_unused_result));

/* Reads to the end of fd behind what out holds, which a failure leaves as it was.  ERR_INVALID:
 * more than out's ceiling; others as err_code_from_errno(). */
int io_read(int fd, struct buf *out, struct err *err) __attribute__((warn_unused_result));

/* Reads the regular file path below dirfd (AT_FDCWD too).  ERR_INVALID: not a regular file, or over
 * out's ceiling; ERR_NOT_FOUND; ERR_DENIED; ERR_TRANSIENT. */
int io_read_file(int dirfd, const char *path, struct buf *out, struct err *err)
	__attribute__((warn_unused_result));

/* Puts the bytes under name in dirfd so that a reader, and a crash, see the old file or the new
 * one: temporary file, fsync, rename, fsync of the folder.  name has no '/'.  A crash may leave a
 * file called .tmp-*, which anybody may remove.  ERR_INVALID: name; others as
 * err_code_from_errno(). */
int io_replace(int dirfd, const char *name, const void *bytes, size_t n, mode_t mode,
	struct err *err) __attribute__((warn_unused_result));

/* Milliseconds of a clock that only moves forward; its zero is arbitrary. */
int64_t io_monotonic_ms(void);
int64_t io_monotonic_us(void); /* microseconds of it */

/* The earlier of two times of that clock; INT64_MAX is never. */
static inline int64_t io_earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

#endif
