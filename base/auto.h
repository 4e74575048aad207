/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/auto.h - owners that are released where their scope ends.
 * AUTO(x) names the releaser auto_x(), which stands beside each x_free() or x_clear().
 * STEAL takes what a variable owns and leaves it empty, so that its owner releases nothing.
 */
#ifndef WASMXDS_BASE_AUTO_H
#define WASMXDS_BASE_AUTO_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define AUTO(x) __attribute__((cleanup(auto_##x), unused))
#define STEAL(p)                             \
	__extension__({                      \
		__typeof__(p) stolen_ = (p); \
		(p) = NULL;                  \
		stolen_;                     \
	})

/* Returns what *fd held and leaves -1. */
static inline int fd_steal(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

static inline void auto_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

/* For any pointer that free() releases: p is the address of that pointer. */
static inline void auto_free(void *p)
{
	free(*(void **)p);
}

static inline void auto_file(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

static inline void auto_dir(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

#endif
