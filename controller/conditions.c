/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/conditions.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "controller/standing.h"
#include "controller/wording.h"

/* Between two writes that change nothing but words, or nothing but numbers of proxies. */
#define WORDING_PAUSE_S 300
#define COUNTS_PAUSE_S 60
#define NEWS_LATE_S 30 /* the API server's news of an object may be older than what we wrote */

const char *condition_type_name(enum condition_type type)
{
	static const char *const names[CONDITION_TYPES] = {
		[CONDITION_ACCEPTED] = "Accepted",
		[CONDITION_RESOLVED] = "Resolved",
		[CONDITION_FETCHED] = "Fetched",
		[CONDITION_PROGRAMMED] = "Programmed",
		[CONDITION_READY] = "Ready",
	};

	return names[type];
}

const char *condition_state_name(enum condition_state state)
{
	static const char *const names[] = {
		[CONDITION_UNKNOWN] = "Unknown",
		[CONDITION_FALSE] = "False",
		[CONDITION_TRUE] = "True",
	};

	return names[state];
}

struct prints {
	struct hasher *substance, *wording, *fleet, *counts; /* owned */
};

static void put_text(struct hasher *h, const char *text)
{
	const char *put = text ? text : "";

	hasher_update(h, put, strlen(put) + 1);
}

static void put_number(struct hasher *h, uint64_t n)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, n);
	put_text(h, text);
}

/* Words of others, of which only some of the numbers changed, are the same words. */
static void put_wording(struct hasher *h, const char *text)
{
	char steady[sizeof(((struct standing *)NULL)->first_nack)];

	(void)snprintf(steady, sizeof(steady), "%s", text);
	wording_steady(steady);
	put_text(h, steady);
}

static uint64_t finish(struct hasher *h)
{
	struct digest digest;

	hasher_final(h, &digest);
	hasher_free(h);
	digest.hex[16] = '\0';
	return strtoull(digest.hex, NULL, 16);
}

static uint64_t hash_of(const char *text)
{
	struct hasher *h;

	if (!text || !text[0])
		return 0;
	h = hasher_new();
	put_text(h, text);
	return finish(h);
}

static void put_conditions(const struct prints *p, const struct standing *standing)
{
	for (int i = 0; i < CONDITION_TYPES; i++) {
		const struct standing_condition *c = &standing->conditions[i];

		put_number(p->substance, c->state);
		put_number(p->substance, c->reason);
		if (standing_is_fault(c->reason))
			put_wording(p->wording, c->message);
		else
			put_text(p->substance, c->message);
	}
}

/* That there are proxies, that all have it and that one refused it is worth a write at once. */
static void put_proxies(const struct prints *p, const struct standing *standing)
{
	put_number(p->fleet, standing->proxies_known);
	put_number(p->fleet, standing->connected > 0);
	put_number(p->fleet, standing->acked == standing->connected);
	put_number(p->fleet, standing->nacked > 0);
	put_number(p->counts, standing->connected);
	put_number(p->counts, standing->acked);
	put_number(p->counts, standing->nacked);
	put_wording(p->counts, standing->first_nack);
}

static void take_prints(struct conditions_memory *out, const struct standing *standing,
	const struct conditions_facts *facts)
{
	struct prints p = {hasher_new(), hasher_new(), hasher_new(), hasher_new()};

	put_conditions(&p, standing);
	put_proxies(&p, standing);
	put_number(p.substance, (uint64_t)facts->generation);
	put_text(p.substance, facts->module.hex);
	put_text(p.substance, facts->manifest);
	put_text(p.substance, facts->refetch);
	put_number(p.substance, facts->size_bytes);
	put_number(p.substance, facts->served_bytes);
	out->substance = finish(p.substance);
	out->wording = finish(p.wording);
	out->fleet = finish(p.fleet);
	out->counts = finish(p.counts);
	out->reason = (uint8_t)standing->conditions[CONDITION_READY].reason;
	out->uid = hash_of(facts->uid);
	out->generation = (uint16_t)facts->generation;
}

static void take_transitions(struct conditions_memory *next, const struct standing *standing,
	const struct conditions_memory *known, int64_t now)
{
	for (int i = 0; i < CONDITION_TYPES; i++) {
		enum condition_state state = standing->conditions[i].state;
		bool same = known->since[i] > 0 && known->states[i] == state;

		next->states[i] = (uint8_t)state;
		next->since[i] = same ? known->since[i] : (uint32_t)now;
	}
}

/* When what differs may be written; 0: at once. */
static int64_t write_at(
	const struct conditions_memory *known, const struct conditions_memory *next, int64_t now)
{
	int64_t words = known->written_at + WORDING_PAUSE_S;
	int64_t counts = known->written_at + COUNTS_PAUSE_S;

	/* a clock that was set back must not hold anything up */
	if (known->substance != next->substance || known->fleet != next->fleet ||
		now < known->written_at)
		return 0;
	return known->counts == next->counts ? words : counts;
}

/* Whether the object shows more than is known: what the process before had found out, this one is
 * about to.  That something is served is not said where nothing is. */
static bool shows_more(const struct conditions_memory *known, const struct conditions_facts *facts)
{
	bool good = known->states[CONDITION_READY] == CONDITION_TRUE;

	if (known->since[CONDITION_READY] == 0 || (good && !facts->serving))
		return false;
	if (facts->reason == STATUS_UNKNOWN)
		return true;
	return facts->reason == STATUS_FETCHING && known->written_at == 0 &&
	       known->generation == (uint16_t)facts->generation;
}

struct conditions_judgement conditions_judge(
	const struct conditions_memory *known, const struct conditions_facts *facts, int64_t now)
{
	static const struct conditions_memory nothing;
	struct conditions_judgement out = {.verdict = CONDITIONS_SAME};
	struct conditions_memory like; /* what counts of it now */
	struct standing standing;

	standing_of(&standing, facts);
	take_prints(&out.next, &standing, facts);
	like = out.next;
	if (known->uid != out.next.uid)
		known = &nothing;
	if (facts->proxies.pending) {
		like.fleet = known->fleet;
		like.counts = known->counts;
	}
	if (known->substance == like.substance && known->wording == like.wording &&
		known->fleet == like.fleet && known->counts == like.counts)
		return out;
	if (shows_more(known, facts)) {
		out.verdict = CONDITIONS_HELD;
		return out;
	}
	out.look_at = write_at(known, &like, now);
	out.verdict = out.look_at > now ? CONDITIONS_LATER : CONDITIONS_WRITE;
	take_transitions(&out.next, &standing, known, now);
	out.next.written_at = (uint32_t)now;
	return out;
}

/* Reading back what an object shows.  Whatever is not as we write it leads to a hash that is not
 * ours, and so to a write. */

static const char *text_in(const struct node *map, const char *key)
{
	const struct node *node = node_get(map, key);

	return node && node->kind == NODE_TEXT && strlen(node->text) == node->text_len ? node->text
										       : "";
}

static uint64_t number_in(const struct node *map, const char *key)
{
	const struct node *node = node_get(map, key);

	return node && node->kind == NODE_NUMBER ? strtoull(node->text, NULL, 10) : 0;
}

static const struct node *condition_in(const struct node *status, enum condition_type type)
{
	const struct node *list = node_get(status, "conditions");

	for (size_t i = 0; list && list->kind == NODE_LIST && i < list->n; i++) {
		if (strcmp(text_in(&list->children[i], "type"), condition_type_name(type)) == 0)
			return &list->children[i];
	}
	return NULL;
}

static uint32_t time_of(const char *text)
{
	struct tm utc = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &utc);
	int64_t seconds = rest && *rest == '\0' ? (int64_t)timegm(&utc) : 0;

	return seconds > 0 && seconds < UINT32_MAX ? (uint32_t)seconds : 0;
}

/* Returns whether the object shows a condition that we could have written. */
static bool read_condition(struct standing_condition *out, uint32_t *since,
	const struct node *status, enum condition_type type, int64_t generation)
{
	const struct node *node = condition_in(status, type);
	const char *state = text_in(node, "status");

	wording_clean(out->message, sizeof(out->message), text_in(node, "message"));
	*since = time_of(text_in(node, "lastTransitionTime"));
	for (int i = CONDITION_UNKNOWN; i <= CONDITION_TRUE; i++) {
		out->state = (enum condition_state)i;
		if (strcmp(state, condition_state_name(out->state)) == 0)
			return *since > 0 &&
			       status_reason_parse(&out->reason, text_in(node, "reason")) &&
			       number_in(node, "observedGeneration") == (uint64_t)generation;
	}
	return false;
}

static void read_proxies(struct standing *out, const struct node *proxies)
{
	out->proxies_known = proxies && proxies->kind == NODE_MAP;
	out->connected = (uint32_t)number_in(proxies, "connected");
	out->acked = (uint32_t)number_in(proxies, "acked");
	out->nacked = (uint32_t)number_in(proxies, "nacked");
	(void)snprintf(
		out->first_nack, sizeof(out->first_nack), "%s", text_in(proxies, "firstNack"));
}

bool conditions_adopt(
	struct conditions_memory *known, const char *uid, const struct node *status, int64_t now)
{
	struct conditions_facts facts = {
		.uid = uid,
		.generation = (int64_t)number_in(status, "observedGeneration"),
		.manifest = text_in(status, "manifestDigest"),
		.refetch = text_in(status, "lastHandledRefetch"),
		.size_bytes = number_in(status, "sizeBytes"),
		.served_bytes = number_in(status, "servedBytes"),
	};
	struct standing standing = {0};
	struct conditions_memory seen = {0};
	bool ours = true, another;

	if (known->uid == hash_of(uid) && known->written_at > 0 && now >= known->written_at &&
		now - known->written_at < NEWS_LATE_S)
		return false;
	for (int i = 0; i < CONDITION_TYPES; i++) {
		ours &= read_condition(&standing.conditions[i], &seen.since[i], status,
			(enum condition_type)i, facts.generation);
		seen.states[i] = (uint8_t)standing.conditions[i].state;
	}
	read_proxies(&standing, node_get(status, "proxies"));
	(void)snprintf(facts.module.hex, sizeof(facts.module.hex), "%s",
		text_in(status, "resolvedSha256"));
	take_prints(&seen, &standing, &facts);
	if (!ours)
		seen.substance = 0;
	another = known->uid != seen.uid;
	*known = seen;
	return another;
}
