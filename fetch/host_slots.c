/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/host_slots.h"

#include <assert.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/xalloc.h"

struct host {
	char *name; /* owned */
	int slots;
	int busy;
	struct host_turn *first; /* borrowed; who waits */
	struct host_turn *last;
	struct host *next; /* in the order of turns */
	bool ready;        /* is in that order */
};

static void host_free(void *host)
{
	struct host *h = host;

	free(h->name);
	free(h);
}

void host_slots_init(struct host_slots *s, int each)
{
	*s = (struct host_slots){.each = each > 0 ? each : 1};
}

void host_slots_clear(struct host_slots *s)
{
	map_clear(&s->hosts, host_free);
	s->first = NULL;
	s->last = NULL;
}

static void make_ready(struct host_slots *s, struct host *h)
{
	if (h->ready || !h->first || h->busy >= h->slots)
		return;
	h->ready = true;
	h->next = NULL;
	if (s->last)
		s->last->next = h;
	else
		s->first = h;
	s->last = h;
}

void host_slots_wait(struct host_slots *s, const char *name, struct host_turn *turn)
{
	struct host *h = map_get(&s->hosts, name);

	if (!h) {
		h = xcalloc(1, sizeof(*h));
		h->name = xstrdup(name);
		h->slots = name[0] ? s->each : INT_MAX;
		(void)map_put(&s->hosts, name, h);
	}
	*turn = (struct host_turn){.host = h};
	if (h->last)
		h->last->next = turn;
	else
		h->first = turn;
	h->last = turn;
	make_ready(s, h);
}

struct host_turn *host_slots_next(struct host_slots *s)
{
	struct host *h = s->first;

	if (!h)
		return NULL;
	s->first = h->next;
	if (!s->first)
		s->last = NULL;
	h->ready = false;

	struct host_turn *turn = h->first;
	h->first = turn->next;
	if (!h->first)
		h->last = NULL;
	turn->next = NULL;
	h->busy++;
	make_ready(s, h);
	return turn;
}

void host_slots_give_back(struct host_slots *s, struct host_turn *turn)
{
	struct host *h = turn->host;

	assert(h && h->busy > 0);
	turn->host = NULL;
	h->busy--;
	if (h->busy == 0 && !h->first) {
		(void)map_take(&s->hosts, h->name);
		host_free(h);
		return;
	}
	make_ready(s, h);
}
