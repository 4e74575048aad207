/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/reconcile.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "controller/backoff.h"

bool reconcile_follows(const struct extension *ext)
{
	return ext->image.protocol == PROTOCOL_LOCAL_FS && !digest_is_set(&ext->image.sha256);
}

static bool resolves(const struct resolution *r, const char *source)
{
	return r->source && strcmp(r->source, source) == 0;
}

/* The module that the image stands for, if that is known and the store has it. */
static bool find_module(
	const struct target *t, const struct reconcile_facts *facts, struct digest *module)
{
	if (digest_is_set(&t->desired->image.sha256)) {
		*module = t->desired->image.sha256;
		return facts->has_pinned;
	}
	if (resolves(&t->fetched, t->source) && facts->has_fetched) {
		*module = t->fetched.module;
		return true;
	}
	*module = t->recorded.module;
	return resolves(&t->recorded, t->source) && facts->has_recorded;
}

/* A followed file whose last fetch failed is tried again, though an older module is known. */
static bool needs_fetch(const struct target *t, bool known)
{
	return !known || (reconcile_follows(t->desired) && t->failure.code != ERR_NONE);
}

static bool wants_fetch(const struct target *t, const struct reconcile_facts *facts, bool known)
{
	if (t->fetching)
		return false;
	if (reconcile_follows(t->desired) && facts->file_mark != t->file_mark)
		return true;
	return needs_fetch(t, known) && facts->now >= t->retry_at;
}

struct reconcile_step reconcile(const struct target *t, const struct reconcile_facts *facts)
{
	struct reconcile_step step = {.wake_at = INT64_MAX};

	if (!t->desired)
		return step;
	step.commit = find_module(t, facts, &step.module);
	step.fetch = wants_fetch(t, facts, step.commit);
	if (!step.fetch && !t->fetching && needs_fetch(t, step.commit))
		step.wake_at = t->retry_at;
	return step;
}

bool target_needs(const struct target *t, const struct digest *digest)
{
	if (!t->desired)
		return false;
	return digest_equal(&t->desired->image.sha256, digest) ||
	       (resolves(&t->fetched, t->source) && digest_equal(&t->fetched.module, digest)) ||
	       (resolves(&t->recorded, t->source) && digest_equal(&t->recorded.module, digest)) ||
	       digest_equal(&t->stripped.served.digest, digest);
}

static void resolution_set(struct resolution *r, const char *source, const struct digest *module)
{
	free(r->source);
	*r = (struct resolution){.source = xstrdup_null(source)};
	if (module)
		r->module = *module;
}

static bool same_image(const struct target *t, const struct extension *ext, const char *source)
{
	return t->desired && strcmp(t->source, source) == 0 &&
	       digest_equal(&t->desired->image.sha256, &ext->image.sha256);
}

void target_desire(struct target *t, struct extension *ext, char *source)
{
	if (!same_image(t, ext, source)) {
		t->failure = (struct err){0};
		t->attempts = 0;
		t->retry_at = 0;
		t->file_mark = 0;
		t->outdated = t->fetching;
	}
	extension_free(t->desired);
	free(t->source);
	t->desired = ext;
	t->source = source;
	t->look_at = 0;
}

void target_observe(struct target *t, const struct record *r)
{
	free(t->served_version);
	t->served_version = r ? xstrdup(r->version) : NULL;
	resolution_set(&t->recorded, r ? r->source : NULL, r ? &r->module : NULL);
	t->recorded_bytes = r ? r->module_bytes : 0;
	t->served_bytes = r ? r->served_bytes : 0;
	/* where both are one, nothing could go, or it was to be kept */
	if (r && !digest_equal(&r->module, &r->served))
		t->stripped = (struct stripped){.module = r->module,
			.served = {.digest = r->served, .bytes = r->served_bytes}};
}

void target_fetched(struct target *t, const struct digest *digest, const struct err *err,
	int64_t now, uint32_t random)
{
	bool outdated = t->outdated;

	t->fetching = false;
	t->outdated = false;
	if (outdated || !t->desired)
		return;
	if (digest) {
		resolution_set(&t->fetched, t->source, digest);
		t->failure = (struct err){0};
		t->attempts = 0;
		return;
	}
	t->failure = *err;
	t->attempts++;
	t->retry_at = now + backoff_delay_ms(err->code, t->attempts, random);
}

void target_not_before(struct target *t, int64_t at)
{
	if (t->failure.code != ERR_NONE && t->retry_at < at)
		t->retry_at = at;
}

struct target *target_new(const char *name)
{
	struct target *t = xcalloc(1, sizeof(*t));

	t->name = xstrdup(name);
	return t;
}

void target_free(void *target)
{
	struct target *t = target;

	if (!t)
		return;
	extension_free(t->desired);
	free(t->name);
	free(t->source);
	free(t->served_version);
	free(t->recorded.source);
	free(t->fetched.source);
	free(t);
}
