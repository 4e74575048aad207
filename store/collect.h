/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/collect.h - removes the blobs that nothing needs.
 * A blob is needed while a record names it, as its module or as what is served, or while the
 * store's owner says so (policy.needs).  It goes when it has not been needed for a grace period,
 * which this process counted itself: a module whose record is about to be put, or that a reader is
 * about to load, is still there.  Age alone removes nothing.
 */
#ifndef WASMXDS_STORE_COLLECT_H
#define WASMXDS_STORE_COLLECT_H

#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

struct store_garbage {
	size_t blobs;    /* removed */
	uint64_t bytes;  /* of them */
	size_t waiting;  /* not needed, and still in their grace period */
	int64_t next_at; /* ms; when the first of those may go; INT64_MAX: there is none */
};

/* Removes what can go at now (of a clock in milliseconds that only moves forward), and says in out
 * what that was, after a failure too.  While some record cannot be read nothing is removed, since
 * nobody knows what it names.  ERR_UNVERIFIED: one is not what was written; ERR_DENIED,
 * ERR_TRANSIENT. */
int store_collect(struct store *st, int64_t now, int64_t grace_ms, struct store_garbage *out,
	struct err *err) __attribute__((warn_unused_result));

/* Adds up the bytes of all blobs.  ERR_TRANSIENT. */
int store_used(const struct store *st, uint64_t *bytes, struct err *err)
	__attribute__((warn_unused_result));

/* For the rest of store/: the blob is put to use, so that its grace period begins anew after that.
 */
void collect_reprieve(struct store *st, const struct digest *digest);

/* For store/ingest.c: sees to it that the file fd can become the blob called digest without passing
 * policy.max_bytes, by a collection without grace where need be.  ERR_FULL, ERR_TRANSIENT. */
int collect_make_room(struct store *st, const struct digest *digest, int fd, struct err *err)
	__attribute__((warn_unused_result));

#endif
