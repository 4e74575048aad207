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
	unsigned held; /* grants that are */
	unsigned grants;
};

static void holding_free(void *holding)
{
	struct holding *h = holding;

	free(h->key);
	free(h);
}

static void grant_free(void *grant)
{
	struct grant *g = grant;

	free(g->key);
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
	map_clear(&p->grants, grant_free);
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
	h->grants++;
	return h;
}

static void set_state(struct grant *g, enum grant_state state)
{
	if (g->state == GRANT_HELD)
		g->holding->held--;
	if (state == GRANT_HELD)
		g->holding->held++;
	g->state = state;
}

static void forget(struct permissions *p, struct grant *g)
{
	struct holding *h = g->holding;

	set_state(g, GRANT_NONE);
	if (--h->grants == 0)
		holding_free(map_take(&p->holdings, h->key));
	(void)map_take(&p->grants, g->key);
	grant_free(g);
}

struct grant *permission_take(struct permissions *p, const char *namespace,
	const struct digest *module, const char *source)
{
	AUTO(free) char *key = xasprintf("%s %s %s", namespace, module->hex, source);
	struct grant *g = map_get(&p->grants, key);

	if (!g) {
		g = xcalloc(1, sizeof(*g));
		g->key = STEAL(key);
		g->source = g->key + strlen(g->key) - strlen(source);
		g->holding = hold(p, xasprintf("%s %s", namespace, module->hex));
		(void)map_put(&p->grants, g->key, g);
	}
	g->users++;
	return g;
}

/* One that is held stays for a while: an extension that is renamed does not ask again. */
void permission_give_back(struct permissions *p, struct grant *g)
{
	if (!g)
		return;
	assert(g->users > 0);
	if (--g->users == 0 && g->state != GRANT_HELD && !g->checking)
		forget(p, g);
}

static void sweep_grants(struct permissions *p, int64_t now)
{
	AUTO(free) struct grant **idle = xcalloc(p->grants.n + 1, sizeof(*idle));
	struct grant *g;
	const char *key;
	size_t at = 0;
	size_t n = 0;

	while ((g = map_next(&p->grants, &at, &key))) {
		if (g->users == 0 && !g->checking && now >= g->check_at)
			idle[n++] = g;
	}
	for (size_t i = 0; i < n; i++)
		forget(p, idle[i]);
}

static void sweep_proofs(struct permissions *p)
{
	struct map kept = {.slots = NULL};
	const struct grant *g;
	const char *key;
	size_t at = 0;

	while ((g = map_next(&p->grants, &at, &key))) {
		struct proof *proof = map_take(&p->proofs, g->source);

		if (proof)
			(void)map_put(&kept, g->source, proof);
	}
	map_clear(&p->proofs, proof_free);
	p->proofs = kept;
}

void permissions_sweep(struct permissions *p, int64_t now)
{
	sweep_grants(p, now);
	sweep_proofs(p);
}

bool permission_holds(const struct grant *g)
{
	return g->holding->held > 0;
}

/* From three quarters of it to all, so that what was granted together is not asked together. */
static int64_t spread(int64_t interval_ms, uint32_t random)
{
	return interval_ms - random % (interval_ms / 4 + 1);
}

void permission_given(struct permissions *p, struct grant *g, int64_t now, uint32_t random)
{
	set_state(g, GRANT_HELD);
	g->why = (struct err){.code = ERR_NONE};
	g->failed = 0;
	g->check_at = now + spread(p->interval_ms > 0 ? p->interval_ms : UNUSED_MS, random);
}

void permission_restored(
	struct permissions *p, struct grant *g, bool lost, int64_t now, uint32_t random)
{
	if (g->state != GRANT_NONE)
		return;
	set_state(g, lost ? GRANT_LOST : GRANT_HELD);
	if (lost)
		(void)err_set(&g->why, ERR_DENIED, "the source said no before the last start");
	g->check_at = now + random % (p->interval_ms / RESTORED_PART + 1);
}

int64_t permission_due(const struct permissions *p, const struct grant *g)
{
	if (p->interval_ms == 0 || g->state != GRANT_HELD || g->checking)
		return INT64_MAX;
	return g->check_at;
}

void permission_asked(struct grant *g)
{
	g->checking = true;
}

bool permission_answered(
	struct permissions *p, struct grant *g, const struct err *err, int64_t now, uint32_t random)
{
	bool before = permission_holds(g);

	g->checking = false;
	if (!err) {
		permission_given(p, g, now, random);
	} else if (err->code == ERR_DENIED) {
		set_state(g, g->state == GRANT_NONE ? GRANT_NONE : GRANT_LOST);
		g->why = *err;
	} else {
		int64_t wait = backoff_delay_ms(ERR_TRANSIENT, ++g->failed, random);

		g->check_at = now + (wait < p->interval_ms ? wait : p->interval_ms);
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
