/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/subscription.h - what one subscription of a stream is known to hold, and the queue that it
 * waits in.  Not for the shell: see xds/stream.h.  Pure.  Threads: those that serve, one at a time.
 */
#ifndef WASMXDS_XDS_SUBSCRIPTION_H
#define WASMXDS_XDS_SUBSCRIPTION_H

#include <stdbool.h>
#include <string.h>

#include "xds/stream.h"

/* Returns whether a and b are one version; NULL is none, and like no other. */
static inline bool subscription_same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/* Returns the version that it should have, or NULL: there is none, or not for this client. */
const char *subscription_version(const struct subscription *sub);

/* Returns whether the client refused version, on this stream or, as the same node, on another. */
bool subscription_refused(const struct subscription *sub, const char *version);

/* Returns the version that the client should be running, or NULL: there is none, or it refused it.
 */
const char *subscription_due(const struct subscription *sub);

/* Changes what the client is known to hold; version NULL: nothing is known. */
void subscription_hold(struct subscription *sub, const char *version);

/* Puts it at the end of q, out of the queue that it was in. */
void subscription_join(struct subscription *sub, struct subscription_queue *q);
void subscription_leave(struct subscription *sub);

#endif
