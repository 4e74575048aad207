/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/permission.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "controller/backoff.h"

#define UNUSED_MS 600000 /* what is never checked is kept for so long after its last use */
#define RESTORED_PART 3  /* of the interval: so soon after a start everything is asked */

struct holding {
	char *key;     /* owned */
	unsigned held; /* permits that are */
	unsigned permits;
};

static void holding_free(void *holding)
{
	struct holding *h = holding;

	free(h->key);
	free(h);
}

static void permit_free(void *permit)
{
	struct permit *g = permit;

	free(g->key);
	free(g->why);
	free(g);
}

static void proof_free(void *proof)
{
	struct proof *x = proof;

	if (!x)
		return;
	free(x->revision);
	free(x);
}

void permissions_init(struct permissions *p, int64_t interval_ms)
{
	*p = (struct permissions){.interval_ms = interval_ms};
}

void permissions_clear(struct permissions *p)
{
	map_clear(&p->permits, permit_free);
	map_clear(&p->holdings, holding_free);
	map_clear(&p->proofs, proof_free);
}

static struct holding *hold(struct permissions *p, char *key)
{
	AUTO(free) char *mine = key;
	struct holding *h = map_get(&p->holdings, mine);

	if (!h) {
		h = xcalloc(1, sizeof(*h));
		h->key = STEAL(mine);
		(void)map_put(&p->holdings, h->key, h);
	}
	h->permits++;
	return h;
}

static void set_missing(struct permissions *p, struct permit *g, bool missing)
{
	p->missing -= g->missing;
	p->missing += missing;
	g->missing = missing;
	g->shown_on = 0;
}

static void set_state(struct permissions *p, struct permit *g, enum permit_state state)
{
	set_missing(p, g, false);
	if (g->state == PERMIT_HELD)
		g->holding->held--;
	if (state == PERMIT_HELD)
		g->holding->held++;
	g->state = state;
}

static void forget(struct permissions *p, struct permit *g)
{
	struct holding *h = g->holding;

	set_state(p, g, PERMIT_NONE);
	if (--h->permits == 0)
		holding_free(map_take(&p->holdings, h->key));
	(void)map_take(&p->permits, g->key);
	permit_free(g);
}

struct permit *permission_take(struct permissions *p, const char *namespace,
	const struct digest *module, const char *source)
{
	AUTO(free) char *key = xasprintf("%s %s %s", namespace, module->hex, source);
	struct permit *g = map_get(&p->permits, key);

	if (!g) {
		g = xcalloc(1, sizeof(*g));
		g->key = STEAL(key);
		g->source = g->key + strlen(g->key) - strlen(source);
		g->holding = hold(p, xasprintf("%s %s", namespace, module->hex));
		(void)map_put(&p->permits, g->key, g);
	}
	g->users++;
	g->idle_since = 0;
	return g;
}

struct permit *permission_share(struct permit *g)
{
	g->users++;
	return g;
}

/* One that is held stays for a while: an extension that is renamed does not ask again. */
void permission_give_back(struct permissions *p, struct permit *g)
{
	if (!g)
		return;
	assert(g->users > 0);
	if (--g->users == 0 && g->state != PERMIT_HELD && !g->checking)
		forget(p, g);
}

static bool is_over(struct permit *g, int64_t now, int64_t keep_ms)
{
	if (g->users > 0 || g->checking)
		return false;
	if (g->idle_since == 0)
		g->idle_since = now;
	return now >= g->check_at || now - g->idle_since >= keep_ms;
}

static void sweep_permits(struct permissions *p, int64_t now, int64_t keep_ms)
{
	AUTO(free) struct permit **idle = xcalloc(p->permits.n + 1, sizeof(void *));
	struct permit *g;
	const char *key;
	size_t at = 0;
	size_t n = 0;

	while ((g = map_next(&p->permits, &at, &key))) {
		if (is_over(g, now, keep_ms))
			idle[n++] = g;
	}
	for (size_t i = 0; i < n; i++)
		forget(p, idle[i]);
}

static void sweep_proofs(struct permissions *p)
{
	struct map kept = {.slots = NULL};
	const struct permit *g;
	const char *key;
	size_t at = 0;

	while ((g = map_next(&p->permits, &at, &key))) {
		struct proof *proof = map_take(&p->proofs, g->source);

		if (proof)
			(void)map_put(&kept, g->source, proof);
	}
	map_clear(&p->proofs, proof_free);
	p->proofs = kept;
}

void permissions_sweep(struct permissions *p, int64_t now, int64_t keep_ms)
{
	sweep_permits(p, now, keep_ms);
	sweep_proofs(p);
}

bool permission_holds(const struct permit *g)
{
	return g->holding->held > 0;
}

/* From three quarters of it to all, so that what was granted together is not asked together. */
static int64_t spread(int64_t interval_ms, uint32_t random)
{
	return interval_ms - random % (interval_ms / 4 + 1);
}

void permission_given(struct permissions *p, struct permit *g, int64_t now, uint32_t random)
{
	set_state(p, g, PERMIT_HELD);
	free(STEAL(g->why));
	g->failed = 0;
	g->check_at = now + spread(p->interval_ms > 0 ? p->interval_ms : UNUSED_MS, random);
}

void permission_restored(
	struct permissions *p, struct permit *g, bool lost, int64_t now, uint32_t random)
{
	if (g->state != PERMIT_NONE)
		return;
	set_state(p, g, lost ? PERMIT_LOST : PERMIT_HELD);
	if (lost)
		g->why = xstrdup("the source said no before the last start");
	g->check_at = now + random % (p->interval_ms / RESTORED_PART + 1);
}

int64_t permission_due(const struct permissions *p, const struct permit *g)
{
	if (p->interval_ms == 0 || g->state != PERMIT_HELD || g->checking)
		return INT64_MAX;
	return g->check_at;
}

void permission_hurry(struct permit *g, int64_t now)
{
	if (g->check_at > now)
		g->check_at = now;
}

void permission_asked(struct permissions *p, struct permit *g)
{
	g->checking = true;
	g->asked_on = ++p->turn;
}

/* Everywhere else namespaces have no credentials of their own that could make a difference. */
static bool is_registry(const char *source)
{
	static const char registry[] = "oci://";

	return strncmp(source, registry, sizeof(registry) - 1) == 0;
}

static bool is_same_thing(const struct permit *a, const struct permit *b)
{
	/* behind the namespace */
	return strcmp(strchrnul(a->key, ' '), strchrnul(b->key, ' ')) == 0;
}

static void hurry(struct permissions *p, struct permit *g, int64_t now)
{
	permission_hurry(g, now);
	p->hurried = true;
}

/* The source has no such thing for g: others that it let have it are to say whether it is so. */
static void ask_others(struct permissions *p, const struct permit *g, int64_t now)
{
	struct permit *other;
	const char *key;
	size_t at = 0;

	while ((other = map_next(&p->permits, &at, &key))) {
		if (other->state == PERMIT_HELD && !other->missing && other->users > 0 &&
			is_same_thing(other, g))
			hurry(p, other, now);
	}
}

/* The source showed it to g, which asked after others had been told that there is no such thing:
 * they ask once more, since it may have come back meanwhile. */
static void point_out(struct permissions *p, const struct permit *g, int64_t now)
{
	struct permit *other;
	const char *key;
	size_t at = 0;

	while (p->missing > 0 && (other = map_next(&p->permits, &at, &key))) {
		if (!other->missing || other->shown_on > 0 || other->missing_on > g->asked_on ||
			!is_same_thing(other, g))
			continue;
		other->shown_on = ++p->turn;
		hurry(p, other, now);
	}
}

static void note_missing(struct permissions *p, struct permit *g, int64_t now)
{
	if (g->missing || g->state != PERMIT_HELD || !is_registry(g->source))
		return;
	set_missing(p, g, true);
	g->missing_on = ++p->turn;
	ask_others(p, g, now);
}

static void lose(struct permissions *p, struct permit *g, const char *why)
{
	set_state(p, g, g->state == PERMIT_NONE ? PERMIT_NONE : PERMIT_LOST);
	free(g->why);
	g->why = xstrdup(why);
}

bool permission_answered(struct permissions *p, struct permit *g, const struct err *err,
	int64_t now, uint32_t random)
{
	bool before = permission_holds(g);

	g->checking = false;
	if (!err) {
		permission_given(p, g, now, random);
		point_out(p, g, now);
	} else if (err->code == ERR_DENIED) {
		lose(p, g, err->msg);
	} else if (err->code == ERR_NOT_FOUND && g->shown_on > 0 && g->asked_on > g->shown_on) {
		AUTO(free) char *why = xasprintf("%s, and it is there for others", err->msg);

		lose(p, g, why);
	} else {
		int64_t wait = backoff_delay_ms(ERR_TRANSIENT, ++g->failed, random);

		g->check_at = now + (wait < p->interval_ms ? wait : p->interval_ms);
		if (err->code == ERR_NOT_FOUND)
			note_missing(p, g, now);
	}
	return permission_holds(g) != before;
}

void permission_prove(struct permissions *p, const char *source, const struct digest *module,
	const char *revision)
{
	struct proof *proof;

	if (!revision || !revision[0]) {
		proof_free(map_take(&p->proofs, source));
		return;
	}
	proof = xcalloc(1, sizeof(*proof));
	proof->module = *module;
	proof->revision = xstrdup(revision);
	proof_free(map_put(&p->proofs, source, proof));
}

const struct proof *permission_proof(const struct permissions *p, const char *source)
{
	return map_get(&p->proofs, source);
}
