/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/host_slots.h - who goes next, where each host may be asked by so many at a time, so often,
 * and while it answers: what waits for a host that is full is put aside, so that other hosts' turns
 * come first.  Hosts take turns; within a host, first come, first served.  Of a host that is not
 * known to answer, one worker is never taken; of several such hosts it is, for one try each.
 * Pure: time and chance are passed in.  Threads: none of its own; the caller's lock.
 */
#ifndef WASMXDS_FETCH_HOST_SLOTS_H
#define WASMXDS_FETCH_HOST_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "fetch/host_health.h"

struct host; /* opaque */

/* Embedded in what waits. */
struct host_turn {
	struct host_turn *next; /* behind it at the same host */
	struct host *host;      /* borrowed; NULL: it neither waits nor has a slot */
	bool doubtful;          /* it has a slot of a host that is not known to answer */
	bool probe; /* it finds out whether the host is well, or has the last worker: one try */
};

struct host_slots {
	struct host_rules rules;
	struct map hosts;   /* by name, owned */
	struct host *first; /* of those with somebody waiting and a slot, in the order of turns */
	struct host *last;
	int doubtful; /* slots given of hosts that are not known to answer */
	size_t ill;   /* hosts that are left alone, or would be if they failed again */
};

/* How a turn ended. */
struct host_end {
	bool answered;          /* the host did, whatever it said */
	int64_t retry_after_ms; /* that it asked for; 0: nothing */
	int64_t now;
	uint32_t random;
};

void host_slots_init(struct host_slots *s, const struct host_rules *rules);
void host_slots_clear(struct host_slots *s); /* forgets who waits: they are the caller's */

/* Lets turn wait for a slot of the host called name, and returns 0; or returns until when that host
 * is left alone, and turn does not wait.  "" has no ceiling and is always well. */
int64_t host_slots_wait(
	struct host_slots *s, const char *name, struct host_turn *turn, int64_t now);

/* Gives a slot to whose turn it is and returns it, or NULL where all must wait; *wake_at is then
 * when to ask again, at the latest (INT64_MAX: when something changes). */
struct host_turn *host_slots_next(struct host_slots *s, int64_t now, int64_t *wake_at);

/* Takes back the slot that host_slots_next() gave.  Where the host is left alone from now on, all
 * who waited for it are returned, by next, and *until is set. */
struct host_turn *host_slots_give_back(
	struct host_slots *s, struct host_turn *turn, const struct host_end *end, int64_t *until);

/* Counts one more at work at the host called name, which another sent there: it is not asked
 * whether there is room. */
void host_slots_visit(struct host_slots *s, const char *name, struct host_turn *visit, int64_t now);
void host_slots_leave(struct host_slots *s, struct host_turn *visit);

/* Returns whether the turn's or visit's host is called name. */
bool host_turn_is_at(const struct host_turn *turn, const char *name);

#endif
