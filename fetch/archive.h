/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/archive.h - libarchive, which is loaded where something is packed or unpacked and nowhere
 * else: it and what it is linked with (libxml2, ICU, C++) take 2.5 MiB of memory before they do
 * anything, and most modules come as they are.  What is used of it stands in the list below, and is
 * called as ever; without archive_library_load() first, a call ends the process.
 * Threads: any, once it is loaded.
 */
#ifndef WASMXDS_FETCH_ARCHIVE_H
#define WASMXDS_FETCH_ARCHIVE_H

#include <archive.h>
#include <archive_entry.h>

#include "base/err.h"

/* Loads it, once; further calls cost nothing.  ERR_TRANSIENT as library_load(). */
int archive_library_load(struct err *err) __attribute__((warn_unused_result));

#define ARCHIVE_LIBRARY(X)                       \
	X(archive_entry_filetype)                \
	X(archive_entry_free)                    \
	X(archive_entry_hardlink)                \
	X(archive_entry_new)                     \
	X(archive_entry_pathname)                \
	X(archive_entry_set_filetype)            \
	X(archive_entry_set_mtime)               \
	X(archive_entry_set_pathname)            \
	X(archive_entry_set_perm)                \
	X(archive_entry_set_size)                \
	X(archive_entry_size)                    \
	X(archive_entry_sparse_count)            \
	X(archive_error_string)                  \
	X(archive_filter_bytes)                  \
	X(archive_filter_count)                  \
	X(archive_format)                        \
	X(archive_read_data_block)               \
	X(archive_read_free)                     \
	X(archive_read_new)                      \
	X(archive_read_next_header)              \
	X(archive_read_open)                     \
	X(archive_read_support_filter_gzip)      \
	X(archive_read_support_format_raw)       \
	X(archive_read_support_format_tar)       \
	X(archive_set_error)                     \
	X(archive_version_details)               \
	X(archive_write_add_filter_gzip)         \
	X(archive_write_close)                   \
	X(archive_write_data)                    \
	X(archive_write_free)                    \
	X(archive_write_header)                  \
	X(archive_write_new)                     \
	X(archive_write_open)                    \
	X(archive_write_set_bytes_in_last_block) \
	X(archive_write_set_filter_option)       \
	X(archive_write_set_format_ustar)
struct archive_library {
#define ARCHIVE_LIBRARY_FIELD(name) __typeof__(name) *name;
	ARCHIVE_LIBRARY(ARCHIVE_LIBRARY_FIELD)
#undef ARCHIVE_LIBRARY_FIELD
};

/* Written by archive_library_load() alone. */
extern struct archive_library archive_library;

#ifndef ARCHIVE_LIBRARY_BARE /* for archive.c */
#define archive_entry_filetype archive_library.archive_entry_filetype
#define archive_entry_free archive_library.archive_entry_free
#define archive_entry_hardlink archive_library.archive_entry_hardlink
#define archive_entry_new archive_library.archive_entry_new
#define archive_entry_pathname archive_library.archive_entry_pathname
#define archive_entry_set_filetype archive_library.archive_entry_set_filetype
#define archive_entry_set_mtime archive_library.archive_entry_set_mtime
#define archive_entry_set_pathname archive_library.archive_entry_set_pathname
#define archive_entry_set_perm archive_library.archive_entry_set_perm
#define archive_entry_set_size archive_library.archive_entry_set_size
#define archive_entry_size archive_library.archive_entry_size
#define archive_entry_sparse_count archive_library.archive_entry_sparse_count
#define archive_error_string archive_library.archive_error_string
#define archive_filter_bytes archive_library.archive_filter_bytes
#define archive_filter_count archive_library.archive_filter_count
#define archive_format archive_library.archive_format
#define archive_read_data_block archive_library.archive_read_data_block
#define archive_read_free archive_library.archive_read_free
#define archive_read_new archive_library.archive_read_new
#define archive_read_next_header archive_library.archive_read_next_header
#define archive_read_open archive_library.archive_read_open
#define archive_read_support_filter_gzip archive_library.archive_read_support_filter_gzip
#define archive_read_support_format_raw archive_library.archive_read_support_format_raw
#define archive_read_support_format_tar archive_library.archive_read_support_format_tar
#define archive_set_error archive_library.archive_set_error
#define archive_version_details archive_library.archive_version_details
#define archive_write_add_filter_gzip archive_library.archive_write_add_filter_gzip
#define archive_write_close archive_library.archive_write_close
#define archive_write_data archive_library.archive_write_data
#define archive_write_free archive_library.archive_write_free
#define archive_write_header archive_library.archive_write_header
#define archive_write_new archive_library.archive_write_new
#define archive_write_open archive_library.archive_write_open
#define archive_write_set_bytes_in_last_block archive_library.archive_write_set_bytes_in_last_block
#define archive_write_set_filter_option archive_library.archive_write_set_filter_option
#define archive_write_set_format_ustar archive_library.archive_write_set_format_ustar
#endif

#endif
