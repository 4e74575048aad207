/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/build_tar.h - archives for tests, honest and otherwise: tar headers field by field,
 * and gzip around any bytes.  Fails by ending the test program.
 */
#ifndef WASMXDS_TESTS_UNIT_BUILD_TAR_H
#define WASMXDS_TESTS_UNIT_BUILD_TAR_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct tar_entry {
	const char *name;
	char type; /* '0' regular, '1' hard link, '2' symbolic link, '3' device ...; 0: '0' */
	const char *link; /* its target; NULL: none */
	const void *bytes;
	size_t n;
	uint64_t size; /* what the header says, in place of n; 0: n */
};

/* Appends an entry: header, bytes, padding. */
void tar_add(struct buf *tar, const struct tar_entry *entry);

/* Appends a regular file. */
void tar_add_file(struct buf *tar, const char *name, const void *bytes, size_t n);

/* Appends the two empty blocks that end an archive. */
void tar_end(struct buf *tar);

/* Appends the gzip of n bytes. */
void gzip_add(struct buf *out, const void *bytes, size_t n);

/* Appends the gzip of n times 'x'. */
void gzip_add_run(struct buf *out, uint64_t n);

#endif
