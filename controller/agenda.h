/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/agenda.h - names that are to be looked at: each once, however often it was asked for,
 * in the order in which they were, or at a time of their own.  Pure; times are of one clock.
 *
 *	          agenda_next()                     agenda_later()
 *	READY ────────────────────► TAKEN ─────────────────────────► LATER
 *	  ▲                          │  │ agenda_drop()                │
 *	  └──────────────────────────┘  └► gone                        │ its time has come, or it
 *was ▲          agenda_ready()                                    │ touched and may be hurried
 *	  └────────────────────────────────────────────────────────────┘
 */
#ifndef WASMXDS_CONTROLLER_AGENDA_H
#define WASMXDS_CONTROLLER_AGENDA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"

enum agenda_state { AGENDA_READY, AGENDA_LATER, AGENDA_TAKEN };

struct agenda_item {
	struct agenda_item *prev, *next; /* of the list of its state; TAKEN: none */
	char *name;                      /* owned */
	enum agenda_state state;
	bool touched;      /* since it was last taken */
	bool patient;      /* LATER: a touch does not hurry it */
	unsigned failures; /* in a row; the owner's */
	int64_t at;        /* LATER */
};

struct agenda_list {
	struct agenda_item *first, *last;
};

struct agenda {
	struct map items; /* name → struct agenda_item, owned */
	struct agenda_list ready;
	struct agenda_list later; /* in no order */
	int64_t later_at;         /* nothing of later is due before; INT64_MAX: there is none */
};

void agenda_init(struct agenda *a);
void agenda_clear(struct agenda *a);

/* Puts name behind those that are ready, if it is not there already. */
void agenda_touch(struct agenda *a, const char *name);

/* Takes the next one that is ready, or NULL; borrowed, until it is dropped. */
struct agenda_item *agenda_next(struct agenda *a, int64_t now);

/* What becomes of one that was taken.  One that was touched meanwhile is dropped all the same:
 * whoever drops it has looked at it since (item->touched). */
void agenda_ready(struct agenda *a, struct agenda_item *item);
void agenda_later(struct agenda *a, struct agenda_item *item, int64_t at, bool patient);
void agenda_drop(struct agenda *a, const struct agenda_item *item);

/* When there is something to take: 0 at once, INT64_MAX never. */
int64_t agenda_due(const struct agenda *a);

#endif
