/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/holdings.h - one word for a set of (name, version) pairs, as SotW's version_info needs it: a
 * sum of their hashes, which is the same in any order and on every replica, and costs one hash for
 * a change.  Pure.
 */
#ifndef WASMXDS_XDS_HOLDINGS_H
#define WASMXDS_XDS_HOLDINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"

struct holdings {
	uint64_t sum[2]; /* all zero: nothing is held */
};

static inline bool holdings_equal(const struct holdings *a, const struct holdings *b)
{
	return a->sum[0] == b->sum[0] && a->sum[1] == b->sum[1];
}

/* Each takes version NULL as nothing to do. */
void holdings_add(struct holdings *h, const char *name, const char *version);
void holdings_subtract(struct holdings *h, const char *name, const char *version);

void holdings_text(const struct holdings *h, char out[DIGEST_HEX_LEN + 1]);

#endif
