/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/local_fs.h - a module from a file below options->local_root, and from nowhere else.
 * The kernel resolves the path (openat2, Linux 5.6), so that no link and no rename meanwhile can
 * lead out.  Links that stay inside are followed: mounted ConfigMaps are made of them.
 * Threads: none of its own.
 */
#ifndef WASMXDS_FETCH_LOCAL_FS_H
#define WASMXDS_FETCH_LOCAL_FS_H

#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"
#include "fetch/fetch.h"
#include "fetch/sink.h"
#include "fetch/task.h"

/* Copies the file task->request->uri, relative to the root or absolute and below its real path,
 * into sink.  ERR_INVALID: local_fs is off, the path leaves the root, not a regular file, too
 * large; ERR_NOT_FOUND; ERR_DENIED; ERR_TRANSIENT: also a file that changed while it was read;
 * ERR_FULL. Messages do not repeat the uri: the caller names it. */
int local_fs_fetch(struct fetch_task *task, struct sink *sink, struct err *err)
	__attribute__((warn_unused_result));

/* Returns a number that changes when the file does (FNV over its inode, size and times), or 0 where
 * there is no such file or it may not be read. */
uint64_t local_fs_mark(const struct fetch_options *options, const char *uri);

/* Returns the part of uri below root, which is a real path, or NULL where uri is absolute and
 * elsewhere; borrowed from uri. */
const char *local_fs_relative(const char *root, const char *uri);

/* ERR_INVALID names what the file is, unless it is a regular one. */
int local_fs_check_kind(mode_t mode, struct err *err) __attribute__((warn_unused_result));

/* ERR_TRANSIENT where the file did not stay as it was while copied bytes of it were read. */
int local_fs_check_unchanged(const struct stat *before, const struct stat *after, uint64_t copied,
	struct err *err) __attribute__((warn_unused_result));

#endif
