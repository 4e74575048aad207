/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/scratch.h - files without a name, for what is not a module yet: gone when they are closed,
 * whatever happens to the process.
 */
#ifndef WASMXDS_FETCH_SCRATCH_H
#define WASMXDS_FETCH_SCRATCH_H

#include <stdint.h>

#include "base/err.h"

/* Returns an empty file below folder (NULL: $TMPDIR or /tmp), open for reading and writing, which
 * the caller closes; or -1 with ERR_FULL, ERR_DENIED, ERR_NOT_FOUND or ERR_TRANSIENT. */
int scratch_open(const char *folder, struct err *err);

/* Makes `to` hold the first n bytes of from, and nothing else; shares them where the file system
 * can.  The offset of `to` is then at its end.  ERR_FULL; ERR_TRANSIENT. */
int scratch_copy(int to, int from, uint64_t n, struct err *err) __attribute__((warn_unused_result));

#endif
