/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/due.h - which target is to be looked at first: a heap by target.look_at, so that one
 * that is due costs the same among ten as among ten thousand.  Pure.
 */
#ifndef WASMXDS_CONTROLLER_DUE_H
#define WASMXDS_CONTROLLER_DUE_H

#include <stddef.h>
#include <stdint.h>

#include "controller/target.h"

struct due {
	struct target **items; /* owned; the targets are borrowed; items[0] is the first */
	size_t n;
	size_t cap;
};

void due_clear(struct due *d);

/* Sets t->look_at: ms, INT64_MAX: not before it is set again.  That is more than a glance. */
void due_set(struct due *d, struct target *t, int64_t at);

/* As due_set(), unless it is due earlier. */
void due_no_later(struct due *d, struct target *t, int64_t at);

/* The target is looked at no more. */
void due_drop(struct due *d, struct target *t);

/* Returns one whose time has come, or NULL. */
struct target *due_next(const struct due *d, int64_t now);

/* When the first is due; INT64_MAX: none. */
int64_t due_at(const struct due *d);

#endif
