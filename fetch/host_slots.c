/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/host_slots.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"

struct host {
	char *name; /* owned */
	bool local; /* no host at all: without ceilings */
	int slots;
	int busy;
	struct host_health health;
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

void host_slots_init(struct host_slots *s, const struct host_rules *rules)
{
	*s = (struct host_slots){.rules = *rules};
	if (s->rules.each < 1)
		s->rules.each = 1;
}

void host_slots_clear(struct host_slots *s)
{
	map_clear(&s->hosts, host_free);
	s->first = NULL;
	s->last = NULL;
}

static void append(struct host_slots *s, struct host *h)
{
	h->next = NULL;
	if (s->last)
		s->last->next = h;
	else
		s->first = h;
	s->last = h;
}

static void make_ready(struct host_slots *s, struct host *h)
{
	if (h->ready || !h->first || h->busy >= h->slots)
		return;
	h->ready = true;
	append(s, h);
}

/* before: the one in front of h, NULL at the head. */
static void take_out(struct host_slots *s, struct host *before, struct host *h)
{
	if (before)
		before->next = h->next;
	else
		s->first = h->next;
	if (s->last == h)
		s->last = before;
	h->ready = false;
}

/* What is known of hosts that nobody asks is given up when it is too much. */
static void make_room(struct host_slots *s)
{
	AUTO(free) struct host **idle = NULL;
	struct host *h;
	const char *name;
	size_t at = 0;
	size_t n = 0;

	if (s->hosts.n < LIMIT_FETCH_HOSTS)
		return;
	idle = xcalloc(s->hosts.n, sizeof(void *));
	while ((h = map_next(&s->hosts, &at, &name))) {
		if (h->busy == 0 && !h->first)
			idle[n++] = h;
	}
	for (size_t i = 0; i < n; i++) {
		s->ill -= host_health_is_ill(&idle[i]->health, &s->rules);
		(void)map_take(&s->hosts, idle[i]->name);
		host_free(idle[i]);
	}
}

static struct host *find_or_make(struct host_slots *s, const char *name)
{
	struct host *h = map_get(&s->hosts, name);

	if (h)
		return h;
	make_room(s);
	h = xcalloc(1, sizeof(*h));
	h->name = xstrdup(name);
	h->local = name[0] == '\0';
	h->slots = h->local ? INT_MAX : s->rules.each;
	(void)map_put(&s->hosts, name, h);
	return h;
}

int64_t host_slots_wait(struct host_slots *s, const char *name, struct host_turn *turn, int64_t now)
{
	struct host *h = find_or_make(s, name);

	if (host_health_state(&h->health, now) == HOST_SHUT)
		return h->health.shut_until;
	*turn = (struct host_turn){.host = h};
	if (h->last)
		h->last->next = turn;
	else
		h->first = turn;
	h->last = turn;
	make_ready(s, h);
	return 0;
}

/* Returns whether hosts that are not known to answer have all workers but one. */
static bool is_last_worker(const struct host_slots *s)
{
	return s->rules.workers > 1 && s->doubtful >= s->rules.workers - 1;
}

/* Returns from when on the host could have one more at work; INT64_MAX: when something changes. */
static int64_t ready_at(const struct host_slots *s, const struct host *h, int64_t now)
{
	if (h->local)
		return now;
	if (host_health_state(&h->health, now) == HOST_PROBED && h->busy > 0)
		return INT64_MAX;
	if (!h->health.answered && h->busy > 0 && is_last_worker(s))
		return INT64_MAX;
	return host_health_begins_at(&h->health, &s->rules, now);
}

static struct host_turn *begin(struct host_slots *s, struct host *h, int64_t now)
{
	struct host_turn *turn = h->first;

	h->first = turn->next;
	if (!h->first)
		h->last = NULL;
	turn->next = NULL;
	turn->doubtful = !h->local && !h->health.answered;
	turn->probe = host_health_state(&h->health, now) == HOST_PROBED ||
		      (turn->doubtful && s->rules.failures > 0 && is_last_worker(s));
	if (turn->doubtful)
		s->doubtful++;
	host_health_began(&h->health, &s->rules, now);
	h->busy++;
	make_ready(s, h);
	return turn;
}

struct host_turn *host_slots_next(struct host_slots *s, int64_t now, int64_t *wake_at)
{
	struct host *before = NULL;

	*wake_at = INT64_MAX;
	for (struct host *h = s->first; h; before = h, h = h->next) {
		int64_t at = ready_at(s, h, now);

		if (at <= now) {
			take_out(s, before, h);
			return begin(s, h, now);
		}
		if (at < *wake_at)
			*wake_at = at;
	}
	return NULL;
}

/* Ends the wait of all who wait for the host. */
static struct host_turn *dismiss(struct host_slots *s, struct host *h)
{
	struct host_turn *waited = h->first;
	struct host *before = NULL;

	if (h->ready) {
		for (struct host *at = s->first; at != h; at = at->next)
			before = at;
		take_out(s, before, h);
	}
	for (struct host_turn *turn = waited; turn; turn = turn->next)
		turn->host = NULL;
	h->first = NULL;
	h->last = NULL;
	return waited;
}

/* Takes in what became of a request to the host. */
static void take_health(struct host_slots *s, struct host *h, const struct host_end *end)
{
	s->ill -= host_health_is_ill(&h->health, &s->rules);
	if (end->answered || h->local)
		host_health_answered(&h->health);
	else
		host_health_failed(&h->health, &s->rules, host_health_most_ms(s->ill + 1),
			end->retry_after_ms, end->now, end->random);
	s->ill += host_health_is_ill(&h->health, &s->rules);
}

struct host_turn *host_slots_give_back(
	struct host_slots *s, struct host_turn *turn, const struct host_end *end, int64_t *until)
{
	struct host *h = turn->host;

	assert(h && h->busy > 0);
	turn->host = NULL;
	h->busy--;
	if (turn->doubtful)
		s->doubtful--;
	turn->doubtful = false;
	take_health(s, h, end);
	if (host_health_state(&h->health, end->now) == HOST_SHUT) {
		*until = h->health.shut_until;
		return dismiss(s, h);
	}
	make_ready(s, h);
	return NULL;
}

void host_slots_visit(struct host_slots *s, const char *name, struct host_turn *visit, int64_t now)
{
	struct host *h = find_or_make(s, name);

	*visit = (struct host_turn){.host = h};
	host_health_began(&h->health, &s->rules, now);
	h->busy++;
}

void host_slots_leave(struct host_slots *s, struct host_turn *visit)
{
	struct host *h = visit->host;

	assert(h && h->busy > 0);
	visit->host = NULL;
	h->busy--;
	make_ready(s, h);
}

bool host_turn_is_at(const struct host_turn *turn, const char *name)
{
	return turn->host && strcmp(turn->host->name, name) == 0;
}
