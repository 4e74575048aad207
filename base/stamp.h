/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/stamp.h - tells that a file is another one, or was written, without reading it.
 * A write in place within one tick of the clock that the kernel stamps files by can leave the same
 * stamp: whoever must not miss that looks again later, or compares the bytes.
 */
#ifndef WASMXDS_BASE_STAMP_H
#define WASMXDS_BASE_STAMP_H

#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>

struct stamp { /* all zero: no such file */
	dev_t dev;
	ino_t inode;
	off_t size;
	struct timespec modified;
	struct timespec changed;
};

struct stamp stamp_of(const struct stat *st);
bool stamp_equal(const struct stamp *a, const struct stamp *b);

/* Returns whether the file at path, links followed, is not what stamp says, and remembers what it
 * is.  One that cannot be looked at is no file. */
bool stamp_take(struct stamp *stamp, const char *path);

#endif
