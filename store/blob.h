/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/blob.h - a module's bytes in memory, verified on the way in, one copy however many send it.
 * The bytes live in a sealed memfd, not in a mapping of the file: neither a truncation nor an
 * unlink on a network file system can change or take away what was verified (SIGBUS). Threads:
 * blob_cache_get() from the thread that owns the store; blob_ref() and blob_unref() from any.  One
 * lock guards the cache's table; nothing is called under it.
 */
#ifndef WASMXDS_STORE_BLOB_H
#define WASMXDS_STORE_BLOB_H

#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

struct blob;       /* opaque, counted */
struct blob_cache; /* opaque: the blobs in memory by digest; holds no reference of its own */

struct blob_cache *blob_cache_new(void); /* never NULL */

/* Blobs that are still referenced live on without the cache. */
void blob_cache_free(struct blob_cache *cache);

/* Returns the blob with one reference for the caller: the one in memory, or read from the store and
 * hashed.  NULL with ERR_UNVERIFIED: the file is not what its name says; ERR_NOT_FOUND;
 * ERR_TRANSIENT; ERR_INVALID: not size bytes. */
struct blob *blob_cache_get(struct blob_cache *cache, const struct store *st,
	const struct digest *digest, uint64_t size, struct err *err);

struct blob *blob_ref(struct blob *b);
void blob_unref(struct blob *b); /* the last one unmaps; NULL is fine */
static inline void auto_blob(struct blob **b)
{
	blob_unref(*b);
}
const uint8_t *blob_bytes(const struct blob *b);
size_t blob_size(const struct blob *b);

/* Bytes of all blobs in memory, for metrics. */
uint64_t blob_cache_bytes(struct blob_cache *cache);

#endif
