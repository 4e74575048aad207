/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/agenda.h"

#include <stdlib.h>

#include "base/xalloc.h"

static void item_free(void *item)
{
	struct agenda_item *i = item;

	free(i->name);
	free(i);
}

void agenda_init(struct agenda *a)
{
	*a = (struct agenda){.later_at = INT64_MAX};
}

void agenda_clear(struct agenda *a)
{
	map_clear(&a->items, item_free);
	agenda_init(a);
}

static void add(struct agenda_list *l, struct agenda_item *item)
{
	item->prev = l->last;
	item->next = NULL;
	*(l->last ? &l->last->next : &l->first) = item;
	l->last = item;
}

static void take_out(struct agenda_list *l, struct agenda_item *item)
{
	*(item->prev ? &item->prev->next : &l->first) = item->next;
	*(item->next ? &item->next->prev : &l->last) = item->prev;
	item->prev = item->next = NULL;
}

void agenda_ready(struct agenda *a, struct agenda_item *item)
{
	item->state = AGENDA_READY;
	add(&a->ready, item);
}

void agenda_later(struct agenda *a, struct agenda_item *item, int64_t at, bool patient)
{
	item->state = AGENDA_LATER;
	item->at = item->touched && !patient ? 0 : at;
	item->patient = patient;
	add(&a->later, item);
	if (item->at < a->later_at)
		a->later_at = item->at;
}

void agenda_drop(struct agenda *a, const struct agenda_item *item)
{
	item_free(map_take(&a->items, item->name));
}

void agenda_touch(struct agenda *a, const char *name)
{
	struct agenda_item *item = map_get(&a->items, name);

	if (!item) {
		item = xcalloc(1, sizeof(*item));
		item->name = xstrdup(name);
		(void)map_put(&a->items, name, item);
		agenda_ready(a, item);
	}
	item->touched = true;
	if (item->state == AGENDA_LATER && !item->patient) {
		take_out(&a->later, item);
		agenda_ready(a, item);
	}
}

static void gather(struct agenda *a, int64_t now)
{
	struct agenda_item *next;

	if (now < a->later_at)
		return;
	a->later_at = INT64_MAX;
	for (struct agenda_item *item = a->later.first; item; item = next) {
		next = item->next;
		if (now < item->at) {
			if (item->at < a->later_at)
				a->later_at = item->at;
			continue;
		}
		take_out(&a->later, item);
		agenda_ready(a, item);
	}
}

struct agenda_item *agenda_next(struct agenda *a, int64_t now)
{
	struct agenda_item *item;

	gather(a, now);
	item = a->ready.first;
	if (!item)
		return NULL;
	take_out(&a->ready, item);
	item->state = AGENDA_TAKEN;
	item->touched = false;
	return item;
}

int64_t agenda_due(const struct agenda *a)
{
	return a->ready.first ? 0 : a->later_at;
}
