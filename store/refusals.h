/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/refusals.h - which node refused which version of which resource.
 * Envoy ACKs bytes that it refused before ("same hash, nothing to do") and keeps the old filter, so
 * what a node NACKed is never sent to it again, not even on its next stream.  Bounded: the oldest
 * refusal is forgotten first.  As bytes, for a file that outlives the process (xds/keeper.h) and
 * one that all replicas read (DIR/refusals in a store): the magic, the sha256 of what follows as 64
 * hex digits, a newline, and for each refusal, the oldest first, its key and its reason, each with
 * a zero byte behind it. Pure.  Threads: its owner's.
 */
#ifndef WASMXDS_STORE_REFUSALS_H
#define WASMXDS_STORE_REFUSALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define REFUSALS_MAGIC "wasmxds-refusals 1\n" /* another number is another format */

struct refusals; /* opaque */

struct refusals *refusals_new(size_t max); /* never NULL */
void refusals_free(struct refusals *r);
static inline void auto_refusals(struct refusals **r)
{
	refusals_free(*r);
}

/* Remembers that node refused version of name, and its first reason. */
void refusals_add(struct refusals *r, const char *node, const char *name, const char *version,
	const char *reason);

/* As refusals_add(), by the key that refusals_next() of another gave. */
void refusals_add_key(struct refusals *r, const char *key, const char *reason);

/* Has refusals_find() look into others as well, which it takes over; what it had before is freed.
 * NULL: into no others. */
void refusals_heed(struct refusals *r, struct refusals *others);

/* Returns the reason, or NULL where it did not refuse; borrowed until the next refusals_add() or
 * refusals_heed(). */
const char *refusals_find(
	const struct refusals *r, const char *node, const char *name, const char *version);

/* Walks those that were added, the oldest first: *at is 0 at the start.  Returns a key, and its
 * reason; NULL: that were all.  Borrowed until the next refusals_add(). */
const char *refusals_next(const struct refusals *r, size_t *at, const char **reason);

/* What others refused is no part of this, nor of what follows. */
size_t refusals_count(const struct refusals *r);

/* Returns how many were added: where that changed, what was written is no longer all. */
uint64_t refusals_added(const struct refusals *r);

/* Appends them all as bytes.  ERR_INVALID: over out's ceiling. */
int refusals_encode(const struct refusals *r, struct buf *out, struct err *err)
	__attribute__((warn_unused_result));

/* Adds what the bytes hold.  ERR_INVALID: they are not what was written. */
int refusals_decode(struct refusals *r, const char *bytes, size_t n, struct err *err)
	__attribute__((warn_unused_result));

#endif
