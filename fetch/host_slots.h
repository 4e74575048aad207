/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/host_slots.h - who goes next, where each host may be asked by so many at a time: what waits
 * for a host that is full is put aside, so that other hosts' turns come first.  Hosts take turns;
 * within a host, first come, first served.  Pure.
 * Threads: none of its own; the caller's lock.
 */
#ifndef WASMXDS_FETCH_HOST_SLOTS_H
#define WASMXDS_FETCH_HOST_SLOTS_H

#include <stddef.h>

#include "base/map.h"

struct host; /* opaque */

/* Embedded in what waits. */
struct host_turn {
	struct host_turn *next; /* behind it at the same host */
	struct host *host;      /* borrowed; NULL: it neither waits nor has a slot */
};

struct host_slots {
	struct map hosts;   /* by name, owned; those with somebody waiting or at work */
	struct host *first; /* of those that can go on at once, in the order of their turns */
	struct host *last;
	int each; /* slots of one host */
};

void host_slots_init(struct host_slots *s, int each); /* at least one is given */
void host_slots_clear(struct host_slots *s);          /* forgets who waits: they are the caller's */

/* Lets turn wait for a slot of the host called name; "" has no ceiling. */
void host_slots_wait(struct host_slots *s, const char *name, struct host_turn *turn);

/* Gives a slot to whose turn it is and returns it, or NULL where all must wait. */
struct host_turn *host_slots_next(struct host_slots *s);

/* Takes back the slot that host_slots_next() gave. */
void host_slots_give_back(struct host_slots *s, struct host_turn *turn);

#endif
