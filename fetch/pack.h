/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/pack.h - a module as the layer of an image: a gzip'd tar with plugin.wasm in it and nothing
 * else.  The same module gives the same bytes each time.  What reads it is fetch/unpack.h.
 * Threads: none of its own.
 */
#ifndef WASMXDS_FETCH_PACK_H
#define WASMXDS_FETCH_PACK_H

#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"
#include "fetch/sink.h"

/* Writes the layer of the n bytes of the file from into to, which is empty; *tar is the digest of
 * what is in the gzip.  ERR_FULL; ERR_TRANSIENT. */
int pack(struct sink *to, struct digest *tar, int from, uint64_t n, struct err *err)
	__attribute__((warn_unused_result));

#endif
