/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/scrub.h - looks for blobs that rotted on the disk, one blob a call.
 * Whoever serves a blob hashes it anyway (store/blob.h); this finds the damage while the module's
 * source may still be there to fetch it from again.
 */
#ifndef WASMXDS_STORE_SCRUB_H
#define WASMXDS_STORE_SCRUB_H

#include <stddef.h>

#include "store/store.h"

/* How far a round over all blobs is; {0} begins the first. */
struct store_scrub {
	struct digest last; /* looked at last; not set: the round is over */
	size_t blobs;       /* in the store at the last call */
};

/* Reads the next blob from the disk and hashes it.  ERR_UNVERIFIED: s->last was not what its name
 * says, and has been removed.  Any other code: it, or the folder, could not be read or changed, and
 * is left as it is; ERR_DENIED, ERR_TRANSIENT. */
int store_scrub(struct store *st, struct store_scrub *s, struct err *err)
	__attribute__((warn_unused_result));

#endif
