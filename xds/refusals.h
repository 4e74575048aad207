/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/refusals.h - which node refused which version of which resource.
 * Envoy ACKs bytes that it refused before ("same hash, nothing to do") and keeps the old filter, so
 * what a node NACKed is never sent to it again, not even on its next stream.  Bounded: the oldest
 * refusal is forgotten first.  Pure.  Threads: the one that serves.
 */
#ifndef WASMXDS_XDS_REFUSALS_H
#define WASMXDS_XDS_REFUSALS_H

#include <stdbool.h>
#include <stddef.h>

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

/* Returns the reason, or NULL where it did not refuse; borrowed until the next refusals_add(). */
const char *refusals_find(
	const struct refusals *r, const char *node, const char *name, const char *version);

#endif
