/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/generation.h - DIR/generation, the counter that tells readers that some record changed.
 * Private to store/.  Each bump is exactly one rename onto the file: store/watch.c counts them.
 */
#ifndef WASMXDS_STORE_GENERATION_H
#define WASMXDS_STORE_GENERATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "store/store.h"

/* Reads the counter of the store whose folder is fd, 0 where there is none yet.  Returns false and
 * leaves out alone where it cannot be read or is no number. */
bool generation_read(int fd, uint64_t *out);

/* What a reader knows of the counter. */
struct generation_tally {
	uint64_t at;    /* as last read */
	uint64_t bumps; /* that the reader saw happen, beyond at */
};

/* Takes in that the counter stands at now, after the bumps that led there were added to the tally.
 * Returns whether it moved further than that, so that a change went unseen.  Pure. */
bool generation_settle(struct generation_tally *t, uint64_t now);

/* Finds where a writer's counter goes on.  One that is lost goes on from the time, in milliseconds:
 * counting by one never got so far, so readers see it move. */
void generation_find(struct store *st);

/* Counts one further.  ERR_FULL, ERR_DENIED, ERR_TRANSIENT. */
int generation_bump(struct store *st, struct err *err) __attribute__((warn_unused_result));

#endif
