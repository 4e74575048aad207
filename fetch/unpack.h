/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/unpack.h - the module out of what it came in: a gzip, a tar, or a gzip'd tar.
 * Writes to the sink it is given and to nothing else; no name in an archive is ever opened.
 * Threads: none of its own.
 */
#ifndef WASMXDS_FETCH_UNPACK_H
#define WASMXDS_FETCH_UNPACK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "fetch/sink.h"

#define UNPACK_SNIFF_BYTES 512

/* Returns whether the first n bytes (UNPACK_SNIFF_BYTES are enough) are those of a gzip or a tar.
 * Pure. */
bool unpack_wanted(const void *start, size_t n);

enum unpack_kind { UNPACK_OTHER, UNPACK_WASM, UNPACK_PLUGIN };

/* Says what an entry's name makes of it: plugin.wasm at the top, another *.wasm, or nothing of use.
 * ERR_INVALID: it is absolute or passes through "..".  Pure. */
int unpack_classify(enum unpack_kind *out, const char *name, struct err *err)
	__attribute__((warn_unused_result));

/* Unpacks the file from, from its start, into to, which is empty.  A gzip that holds no tar is the
 * module itself; of a tar it is plugin.wasm, or the one *.wasm where that is not there.
 * ERR_INVALID: neither, more than one, more bytes than to may have (in all, so that no bomb goes
 * on), not a regular file, a name that leads out of the archive, compressed twice, damaged;
 * ERR_FULL; ERR_TRANSIENT. */
int unpack(int from, struct sink *to, struct err *err) __attribute__((warn_unused_result));

#endif
