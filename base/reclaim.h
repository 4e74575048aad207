/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/reclaim.h - when memory that was freed goes back to the system.  malloc keeps it, scattered,
 * for what may come; to look for it takes milliseconds.  Pure: time is passed in.
 */
#ifndef WASMXDS_BASE_RECLAIM_H
#define WASMXDS_BASE_RECLAIM_H

#include <stdbool.h>
#include <stdint.h>

#define RECLAIM_MS 5000 /* from the first end to the look: what ends then, often ends together */

/* All zero: nothing has ended yet. */
struct reclaim {
	uint64_t ended; /* of which the memory was looked for */
	int64_t due_ms; /* when it will be; 0: nothing has ended since */
};

/* Returns whether to look now; ended: how many things that take memory have ended, ever. */
bool reclaim_due(struct reclaim *r, uint64_t ended, int64_t now_ms);

#endif
