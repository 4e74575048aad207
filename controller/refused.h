/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/refused.h - keeps in the store what the proxies of any xds pod refused, so that each
 * pod knows it, also one that comes later.
 * Threads: the store's.
 */
#ifndef WASMXDS_CONTROLLER_REFUSED_H
#define WASMXDS_CONTROLLER_REFUSED_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

/* All zero: the store was not looked at yet. */
struct refused {
	struct refusals *known; /* owned; what the store has, and what was heard since; NULL */
	uint64_t saved;         /* refusals_added() of what it has */
	bool failing;           /* the last write failed, and the log says so */
};

void refused_clear(struct refused *r);

/* Has the store, which is open for writing, keep what was heard (NULL: nothing) beside what it has;
 * what fails is logged, and tried again the next time. */
void refused_keep(struct refused *r, struct store *store, const struct refusals *heard);

#endif
