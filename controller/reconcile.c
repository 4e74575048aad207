/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/reconcile.h"

bool reconcile_follows(const struct extension *ext)
{
	return ext->image.protocol == PROTOCOL_LOCAL_FS && !digest_is_set(&ext->image.sha256);
}

static bool tracks(const struct target *t)
{
	return t->desired->image.track_ms > 0;
}

/* The module that the image stands for, if that is known and the store has it. */
static bool find_module(
	const struct target *t, const struct reconcile_facts *facts, struct digest *module)
{
	if (digest_is_set(&t->desired->image.sha256)) {
		*module = t->desired->image.sha256;
		return facts->has_pinned;
	}
	if (facts->has_fetched && target_resolves(t, t->fetched)) {
		*module = t->fetched->module;
		return true;
	}
	*module = t->recorded.module;
	return facts->has_recorded && target_resolves(t, &t->recorded);
}

/* When to fetch, if nothing changes before: what is not known, at once; beside a module that is,
 * what was asked for, what is tracked, and a followed file whose last fetch failed. */
static int64_t fetch_at(const struct target *t, bool known)
{
	if (!known || target_wants_refetch(t) || (reconcile_follows(t->desired) && t->failure))
		return t->retry_at;
	if (tracks(t))
		return t->retry_at > t->check_at ? t->retry_at : t->check_at;
	return INT64_MAX;
}

static bool wants_fetch(const struct target *t, const struct reconcile_facts *facts, int64_t at)
{
	if (t->fetching || facts->unsure_pull || facts->lacks_pull)
		return false;
	if (reconcile_follows(t->desired) && facts->file_mark != t->file_mark)
		return true;
	return facts->now >= at;
}

/* What need not be fetched again while the source calls it so. */
static const char *known_revision(const struct target *t, bool known)
{
	const struct resolution *r = target_resolution(t);

	return known && r && tracks(t) && !target_wants_refetch(t) ? r->revision : NULL;
}

struct reconcile_step reconcile(const struct target *t, const struct reconcile_facts *facts)
{
	struct reconcile_step step = {.wake_at = INT64_MAX};
	int64_t at = INT64_MAX;

	if (!t->desired)
		return step;
	step.known_module = find_module(t, facts, &step.module);
	if (t->desired->suspend)
		return step;
	at = fetch_at(t, step.known_module);
	step.commit = step.known_module && !facts->unsure_configs && !facts->unsure_pull;
	step.fetch = wants_fetch(t, facts, at);
	if (step.fetch)
		step.known = known_revision(t, step.known_module);
	else if (!t->fetching && !facts->unsure_pull && !facts->lacks_pull)
		step.wake_at = at;
	return step;
}

bool reconcile_lags(const struct target *t)
{
	return t->failure &&
	       (reconcile_follows(t->desired) || tracks(t) || target_wants_refetch(t));
}
