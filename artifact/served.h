/* SPDX-License-Identifier: Apache-2.0 */
/*
 * artifact/served.h - the blob that Envoys are sent for a module: the module without the sections
 * that only a debugger reads, which can be most of it.  A blob of the store like any other; the
 * module's own stays beside it.
 * Threads: the one that owns the store.
 */
#ifndef WASMXDS_ARTIFACT_SERVED_H
#define WASMXDS_ARTIFACT_SERVED_H

#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"
#include "store/store.h"

struct served {
	struct digest digest;
	uint64_t bytes;
};

/* Finds what is served for the module called digest: the module itself where nothing can go, which
 * costs a look at its sections; else what is left of it, which is put into the store.  Equal bytes
 * come to equal bytes on every replica.  ERR_NOT_FOUND: there is no such blob; ERR_UNVERIFIED: its
 * bytes are not what its name says; ERR_INVALID: they are no module; ERR_FULL; ERR_TRANSIENT. */
int served_make(struct served *out, struct store *st, const struct digest *module, struct err *err)
	__attribute__((warn_unused_result));

#endif
