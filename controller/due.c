/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/due.h"

#include <stdlib.h>

#include "base/xalloc.h"

#define FIRST_CAP 16

/* A target knows its place, from 1; 0 is none. */
static void put(struct due *d, size_t place, struct target *t)
{
	d->items[place - 1] = t;
	t->due_slot = place;
}

static struct target *item(const struct due *d, size_t place)
{
	return d->items[place - 1];
}

static void sift_up(struct due *d, struct target *t)
{
	size_t place = t->due_slot;

	while (place > 1 && item(d, place / 2)->look_at > t->look_at) {
		put(d, place, item(d, place / 2));
		place /= 2;
	}
	put(d, place, t);
}

static void sift_down(struct due *d, struct target *t)
{
	size_t place = t->due_slot;

	for (;;) {
		size_t child = 2 * place;

		if (child < d->n && item(d, child + 1)->look_at < item(d, child)->look_at)
			child++;
		if (child > d->n || item(d, child)->look_at >= t->look_at)
			break;
		put(d, place, item(d, child));
		place = child;
	}
	put(d, place, t);
}

static void add(struct due *d, struct target *t)
{
	if (d->n == d->cap) {
		d->cap = d->cap ? 2 * d->cap : FIRST_CAP;
		d->items = xreallocarray(d->items, d->cap, sizeof(struct target *));
	}
	d->n++;
	put(d, d->n, t);
	sift_up(d, t);
}

void due_clear(struct due *d)
{
	free(d->items);
	*d = (struct due){.n = 0};
}

void due_drop(struct due *d, struct target *t)
{
	size_t place = t->due_slot;
	struct target *last = NULL;

	t->look_at = INT64_MAX;
	if (place == 0)
		return;
	last = item(d, d->n--);
	t->due_slot = 0;
	if (last == t)
		return;
	put(d, place, last);
	sift_up(d, last);
	sift_down(d, last);
}

void due_set(struct due *d, struct target *t, int64_t at)
{
	t->glance = false;
	if (at == INT64_MAX) {
		due_drop(d, t);
		return;
	}
	t->look_at = at;
	if (t->due_slot == 0) {
		add(d, t);
		return;
	}
	sift_up(d, t);
	sift_down(d, t);
}

void due_no_later(struct due *d, struct target *t, int64_t at)
{
	if (t->due_slot == 0 || at < t->look_at)
		due_set(d, t, at);
}

struct target *due_next(const struct due *d, int64_t now)
{
	return d->n > 0 && d->items[0]->look_at <= now ? d->items[0] : NULL;
}

int64_t due_at(const struct due *d)
{
	return d->n > 0 ? d->items[0]->look_at : INT64_MAX;
}
