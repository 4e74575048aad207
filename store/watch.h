/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/watch.h - tells a reader which records changed, from within or from another process.
 * inotify names them one by one; where it cannot see (a network file system, an overflow, a
 * namespace that is new), the reader is told to look at all of them, and the generation is polled.
 * Threads: one of its own, which calls changed(); that function must only hand the word on.
 */
#ifndef WASMXDS_STORE_WATCH_H
#define WASMXDS_STORE_WATCH_H

#include <stdint.h>

#include "base/err.h"

struct store_watch; /* opaque */

/* Starts to watch the store in dir, which may still be empty.  name is "namespace/name", or NULL:
 * compare all.  The first call may come before this returns; what changes after it has returned is
 * not missed.  poll_ms: between two looks at the generation, above 0.  Returns NULL with
 * ERR_NOT_FOUND, ERR_DENIED or ERR_TRANSIENT. */
struct store_watch *store_watch_start(const char *dir, int64_t poll_ms,
	void (*changed)(void *arg, const char *name), void *arg, struct err *err);

/* Returns after the last call of changed().  NULL is fine. */
void store_watch_stop(struct store_watch *w);

#endif
