/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook/tally.h - how many reviews ended how, and how long they took.
 * Threads: any; every count is atomic.
 */
#ifndef WASMXDS_WEBHOOK_TALLY_H
#define WASMXDS_WEBHOOK_TALLY_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum tally_path { TALLY_MUTATE, TALLY_VALIDATE };
#define TALLY_PATHS 2

enum tally_verdict {
	TALLY_ALLOWED,
	TALLY_PATCHED,
	TALLY_REFUSED,   /* the object is wrong */
	TALLY_FORBIDDEN, /* the user may not */
	TALLY_FAILED,    /* could not be decided: the API server's failurePolicy does */
	TALLY_MALFORMED, /* no review */
};
#define TALLY_VERDICTS 6
#define TALLY_BUCKETS 12

struct tally_histogram {
	atomic_uint_fast64_t buckets[TALLY_BUCKETS + 1]; /* each on its own; the last: above all */
	atomic_uint_fast64_t sum_us;
};

struct tally { /* all zero at first */
	struct tally_histogram seconds[TALLY_PATHS][TALLY_VERDICTS];
};

void tally_add(struct tally *t, enum tally_path path, enum tally_verdict verdict, int64_t us);

/* Appends them as Prometheus wants them.  ERR_INVALID: over out's ceiling. */
int tally_print(struct buf *out, const struct tally *t, struct err *err)
	__attribute__((warn_unused_result));

#endif
