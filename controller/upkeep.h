/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/upkeep.h - when the store is tidied and looked over: the shell around store/collect.h
 * and store/scrub.h.  One small piece of work at a time, so that the controller stays free for what
 * is urgent.  Threads: the controller's.
 */
#ifndef WASMXDS_CONTROLLER_UPKEEP_H
#define WASMXDS_CONTROLLER_UPKEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "store/scrub.h"
#include "store/store.h"

struct upkeep_options {
	int64_t store_max_bytes;        /* of all modules; 0: as much as the disk holds */
	int64_t gc_grace_ms;            /* a module that nothing needs stays for so long */
	int64_t permission_interval_ms; /* each source is asked about so often whether it still
					 * lets a namespace have its module; 0: never */
	int64_t scrub_interval_ms;      /* each module is read again about so often; 0: never */
};

struct upkeep {
	struct upkeep_options options;
	struct store_scrub scrub;
	bool later_round;     /* of the scrub; the first one, after a start, goes faster */
	bool full;            /* the next collection is without grace */
	int64_t collected_at; /* ms, as all below; when the last collection was */
	int64_t collect_at;   /* when to collect next; INT64_MAX: when something changes */
	int64_t scrub_at;     /* when to look at the next blob; INT64_MAX: never */
};

/* The pure part: what is due when. */

void upkeep_init(struct upkeep *u, const struct upkeep_options *options, int64_t now);

/* A record changed or went: what it named may be garbage. */
void upkeep_record_changed(struct upkeep *u);

/* There was no room for something: garbage goes at once. */
void upkeep_no_room(struct upkeep *u);

/* When upkeep_run() has something to do. */
int64_t upkeep_due(const struct upkeep *u);

/* Does one thing that is due now, if any.  Returns whether it is time to look at what every target
 * has: something was damaged and removed, or all has been looked at once. */
bool upkeep_run(struct upkeep *u, struct store *st, int64_t now);

#endif
