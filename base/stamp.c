/* SPDX-License-Identifier: Apache-2.0 */
#include "base/stamp.h"

struct stamp stamp_of(const struct stat *st)
{
	return (struct stamp){.dev = st->st_dev,
		.inode = st->st_ino,
		.size = st->st_size,
		.modified = st->st_mtim,
		.changed = st->st_ctim};
}

static bool time_equal(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool stamp_equal(const struct stamp *a, const struct stamp *b)
{
	return a->dev == b->dev && a->inode == b->inode && a->size == b->size &&
	       time_equal(&a->modified, &b->modified) && time_equal(&a->changed, &b->changed);
}

bool stamp_take(struct stamp *stamp, const char *path)
{
	struct stamp before = *stamp;
	struct stat st;

	*stamp = stat(path, &st) == 0 ? stamp_of(&st) : (struct stamp){0};
	return !stamp_equal(&before, stamp);
}
