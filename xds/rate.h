/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/rate.h - a ceiling on how often something may happen.  Pure: time is passed in.
 */
#ifndef WASMXDS_XDS_RATE_H
#define WASMXDS_XDS_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate {
	int64_t spent_ms; /* of the burst; falls with time */
	int64_t at;       /* ms; when it was last looked at */
};

/* Takes one of burst, of which one comes back every each_ms.  Returns whether there was one. */
bool rate_take(struct rate *r, int64_t now, int64_t each_ms, int64_t burst);

#endif
