/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "controller/targets_parts.h"

#define ASKED_MS 10000 /* between two looks at a permit that is being asked for */

/* Returns the namespace of a target; the caller frees it. */
static char *namespace_of(const char *name)
{
	return xstrndup(name, strcspn(name, "/"));
}

static struct permit *take(
	struct targets *ts, const char *name, const struct digest *module, const char *source)
{
	AUTO(free) char *namespace = namespace_of(name);

	return permission_take(&ts->permissions, namespace, module, source);
}

/* All of the namespace that have the module look at that anew. */
static void wake_users(struct targets *ts, const struct permit *g)
{
	struct target *t = NULL;
	const char *name = NULL;
	size_t at = 0;

	while ((t = map_next(&ts->by_name, &at, &name))) {
		if (t->permit && t->permit->holding == g->holding)
			due_set(&ts->due, t, io_monotonic_ms());
	}
}

/* Permits became due that were not. */
static void wake_due(struct targets *ts)
{
	int64_t now = io_monotonic_ms();
	struct target *t = NULL;
	const char *name = NULL;
	size_t at = 0;

	ts->permissions.hurried = false;
	while ((t = map_next(&ts->by_name, &at, &name))) {
		if (t->permit && permission_due(&ts->permissions, t->permit) <= now)
			due_no_later(&ts->due, t, now);
	}
}

bool targets_may_have(struct targets *ts, const struct target *t, const struct digest *module)
{
	AUTO(free) char *source = target_source(t);
	struct permit *g = NULL;
	bool may = false;

	if (!digest_is_set(module))
		return false;
	g = take(ts, t->name, module, source);
	may = permission_holds(g);
	permission_give_back(&ts->permissions, g);
	return may;
}

void targets_restore_permit(struct targets *ts, struct target *t, const struct record *r)
{
	if (!r->source)
		return;
	t->permit = take(ts, t->name, &r->module, r->source);
	permission_restored(
		&ts->permissions, t->permit, r->revoked, io_monotonic_ms(), targets_random());
	if (r->revision && !permission_proof(&ts->permissions, r->source))
		permission_prove(&ts->permissions, r->source, &r->module, r->revision);
}

/* The module that the image stands for, as far as it is known; NULL: it is not. */
static const struct digest *module_of(const struct target *t)
{
	const struct resolution *r = target_resolution(t);

	if (digest_is_set(&t->desired->image.sha256))
		return &t->desired->image.sha256;
	return r ? &r->module : NULL;
}

/* What the namespace has by another source is its own by this one too, until that is asked. */
void targets_find_permit(struct targets *ts, struct target *t)
{
	const struct digest *module = module_of(t);
	AUTO(free) char *source = target_source(t);
	struct permit *g = module ? take(ts, t->name, module, source) : NULL;

	permission_give_back(&ts->permissions, t->permit);
	t->permit = g;
	if (g && g->state == PERMIT_NONE && permission_holds(g))
		permission_restored(
			&ts->permissions, g, false, io_monotonic_ms(), targets_random());
}

void targets_drop_permit(struct targets *ts, struct target *t)
{
	permission_give_back(&ts->permissions, t->permit);
	t->permit = NULL;
}

void targets_given(struct targets *ts, const char *name, const struct digest *module,
	const char *source, const char *revision)
{
	struct permit *g = take(ts, name, module, source);
	bool held = permission_holds(g);

	permission_given(&ts->permissions, g, io_monotonic_ms(), targets_random());
	if (revision)
		permission_prove(&ts->permissions, source, module, revision);
	if (!held)
		wake_users(ts, g);
	permission_give_back(&ts->permissions, g);
}

void targets_answered(struct targets *ts, struct permit *g, const struct err *err)
{
	if (err && err->code != ERR_DENIED)
		log_debug("permission not asked for", LOG_STR("source", g->source), LOG_ERR(err));
	if (permission_answered(&ts->permissions, g, err, io_monotonic_ms(), targets_random()))
		wake_users(ts, g);
	if (ts->permissions.hurried)
		wake_due(ts);
}

const struct proof *targets_proof(const struct targets *ts, const struct target *t)
{
	const struct digest *pinned = &t->desired->image.sha256;
	AUTO(free) char *source = target_source(t);
	const struct proof *proof = permission_proof(&ts->permissions, source);

	if (!proof || target_wants_refetch(t) || !targets_has_module(ts, &proof->module))
		return NULL;
	return !digest_is_set(pinned) || digest_equal(pinned, &proof->module) ? proof : NULL;
}

/* A file of this machine is not asked: whoever may name it may read it. */
void targets_check_permit(struct targets *ts, struct target *t, bool may_ask)
{
	int64_t now = io_monotonic_ms();

	if (!t->permit || t->desired->image.protocol == PROTOCOL_LOCAL_FS)
		return;
	if (permission_due(&ts->permissions, t->permit) <= now && may_ask)
		targets_start_check(ts, t);
	if (t->permit->checking || permission_due(&ts->permissions, t->permit) <= now)
		due_no_later(&ts->due, t, now + ASKED_MS);
	else
		due_no_later(&ts->due, t, permission_due(&ts->permissions, t->permit));
}

bool targets_is_revoked(const struct target *t)
{
	return t->permit && t->permit->state == PERMIT_LOST && !permission_holds(t->permit);
}

/* A restart must not give back what a source took away. */
void targets_note_revoked(struct targets *ts, struct target *t)
{
	AUTO(record) struct record r = RECORD_INIT;
	struct err err;

	if (!t->served_version || t->recorded_revoked == targets_is_revoked(t) ||
		!targets_may_write(ts))
		return;
	record_init(&r);
	if (store_peek_record(ts->store, t->name, &r, &err) == 0) {
		r.revoked = targets_is_revoked(t);
		if (store_put_record(ts->store, &r, &err) == 0) {
			t->recorded_revoked = r.revoked;
			return;
		}
	}
	log_error("record not marked", LOG_STR("name", t->name), LOG_ERR(&err));
}
