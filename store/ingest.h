/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/ingest.h - how bytes get from ingest/ to their place, for the rest of store/.
 */
#ifndef WASMXDS_STORE_INGEST_H
#define WASMXDS_STORE_INGEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "store/store.h"

/* Puts n bytes under name in folder so that a reader, and a crash, see the old file or the new one.
 * Not io_replace(): its temporary file would lie where nobody sweeps.  ERR_FULL, ERR_DENIED,
 * ERR_TRANSIENT. */
int ingest_publish(struct store *st, int folder, const char *name, const struct buf *bytes,
	struct err *err) __attribute__((warn_unused_result));

/* Reads from to its end and hashes it; writes it to `to` as well, unless that is -1.
 * ERR_INVALID: more than LIMIT_MODULE_BYTES; ERR_FULL; ERR_TRANSIENT. */
int ingest_copy(int from, int to, struct digest *digest, uint64_t *size, struct err *err)
	__attribute__((warn_unused_result));

#endif
