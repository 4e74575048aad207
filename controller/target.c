/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/target.h"

#include <stdlib.h>
#include <string.h>

#include "artifact/artifact.h"
#include "base/auto.h"
#include "base/xalloc.h"
#include "controller/backoff.h"

#define RESUME_MS 60000 /* over which tracked sources are asked after a restart */
#define JITTER 10       /* an interval is off by at most its tenth */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static void put_text(char **to, const char *text)
{
	char *copy = text && text[0] ? xstrdup(text) : NULL;

	free(*to);
	*to = copy;
}

static void resolution_clear(struct resolution *r)
{
	free(r->source);
	free(r->revision);
	*r = (struct resolution){.source = NULL};
}

static void forget_fetched(struct target *t)
{
	if (t->fetched)
		resolution_clear(t->fetched);
	free(STEAL(t->fetched));
}

char *target_source(const struct target *t)
{
	return artifact_source(&t->desired->image);
}

bool target_resolves(const struct target *t, const struct resolution *r)
{
	AUTO(free) char *source = NULL;

	if (!t->desired || !r || !r->source)
		return false;
	source = target_source(t);
	return strcmp(r->source, source) == 0;
}

const struct resolution *target_resolution(const struct target *t)
{
	if (target_resolves(t, t->fetched))
		return t->fetched;
	return target_resolves(t, &t->recorded) ? &t->recorded : NULL;
}

size_t target_needs(const struct target *t, struct digest out[TARGET_NEEDS])
{
	size_t n = 0;

	if (!t->desired)
		return 0;
	out[n++] = t->desired->image.sha256;
	if (target_resolves(t, t->fetched))
		out[n++] = t->fetched->module;
	if (target_resolves(t, &t->recorded))
		out[n++] = t->recorded.module;
	return n;
}

bool target_wanted(const struct target *t)
{
	return t->desired || t->refusal;
}

bool target_wants_refetch(const struct target *t)
{
	return t->desired && t->desired->refetch && !same_text(t->desired->refetch, t->refetched);
}

static bool same_image(const struct target *t, const struct extension_image *image)
{
	return t->desired && t->desired->image.protocol == image->protocol &&
	       strcmp(t->desired->image.uri, image->uri) == 0 &&
	       digest_equal(&t->desired->image.sha256, &image->sha256);
}

static void forget_failure(struct target *t)
{
	free(STEAL(t->failure));
	t->attempts = 0;
}

bool target_desire(struct target *t, struct extension *ext)
{
	bool other = !same_image(t, &ext->image);

	if (other) {
		forget_failure(t);
		t->retry_at = 0;
		t->file_mark = 0;
		t->outdated = t->fetching;
	}
	if (t->desired && t->desired->image.track_ms != ext->image.track_ms)
		t->check_at = 0;
	if (t->desired && ext->refetch && !same_text(t->desired->refetch, ext->refetch))
		t->retry_at = 0; /* who asks for a fetch knows why it would go well now */
	extension_free(t->desired);
	t->desired = ext;
	free(STEAL(t->refusal));
	return other;
}

void target_refuse(struct target *t, const char *why)
{
	put_text(&t->refusal, why[0] ? why : "it is not accepted");
}

void target_abandon(struct target *t)
{
	extension_free(STEAL(t->desired));
	free(STEAL(t->refusal));
	target_observe(t, NULL);
}

void target_observe(struct target *t, const struct record *r)
{
	free(t->served_version);
	t->served_version = r ? xstrdup(r->version) : NULL;
	resolution_clear(&t->recorded);
	t->unrecorded = false;
	t->recorded_bytes = r ? r->module_bytes : 0;
	t->served_bytes = r ? r->served_bytes : 0;
	t->has_secret = r && r->secret;
	t->recorded_revoked = r && r->revoked;
	if (!r)
		return;
	t->recorded = (struct resolution){.source = xstrdup_null(r->source),
		.revision = xstrdup_null(r->revision),
		.module = r->module};
	put_text(&t->refetched, r->refetch);
	target_settle(t);
}

void target_settle(struct target *t)
{
	if (t->fetched && digest_equal(&t->fetched->module, &t->recorded.module) &&
		same_text(t->fetched->source, t->recorded.source))
		forget_fetched(t);
}

void target_resume(struct target *t, int64_t now, uint32_t random)
{
	t->check_at = now + random % RESUME_MS;
}

void target_fetching(struct target *t, uint64_t file_mark)
{
	t->fetching = true;
	t->file_mark = file_mark;
	put_text(&t->refetching, t->desired->refetch);
}

static int64_t next_check(const struct target *t, int64_t now, uint32_t random)
{
	int64_t interval = t->desired->image.track_ms;

	return now + interval - interval / JITTER + random % (2 * interval / JITTER + 1);
}

static bool is_news(const struct target *t, const struct target_catch *got)
{
	const struct resolution *before = target_resolution(t);

	if (!same_text(t->refetching, t->refetched))
		return true;
	if (got->unchanged)
		return false;
	return !before || strcmp(before->revision ? before->revision : "", got->revision) != 0;
}

static void take(struct target *t, const struct target_catch *got)
{
	t->unrecorded = t->unrecorded || is_news(t, got);
	put_text(&t->refetched, t->refetching);
	if (got->unchanged)
		return;
	forget_fetched(t);
	t->fetched = xcalloc(1, sizeof(*t->fetched));
	t->fetched->source = target_source(t);
	t->fetched->module = *got->module;
	put_text(&t->fetched->revision, got->revision);
}

void target_fetched(struct target *t, const struct target_catch *got, const struct err *err,
	int64_t now, uint32_t random)
{
	bool outdated = t->outdated;

	t->fetching = false;
	t->outdated = false;
	if (outdated || !t->desired)
		return;
	if (got) {
		take(t, got);
		forget_failure(t);
		t->check_at = next_check(t, now, random);
		return;
	}
	if (!t->failure)
		t->failure = xmalloc(sizeof(*t->failure));
	*t->failure = *err;
	t->attempts++;
	t->retry_at = now + backoff_delay_ms(err->code, t->attempts, random);
	/* whoever mends a module under a tracked uri waits for no more than was asked for */
	if (t->desired->image.track_ms > 0 && next_check(t, now, random) < t->retry_at)
		t->retry_at = next_check(t, now, random);
}

void target_not_after(struct target *t, int64_t at)
{
	if (t->failure && t->failure->code == ERR_TRANSIENT && t->retry_at > at)
		t->retry_at = at;
}

void target_not_before(struct target *t, int64_t at)
{
	if (t->failure && t->retry_at < at)
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
	free(t->refusal);
	free(t->identity.uid);
	free(t->served_version);
	resolution_clear(&t->recorded);
	forget_fetched(t);
	free(t->refetching);
	free(t->refetched);
	free(t->failure);
	status_clear(&t->status);
	publication_clear(&t->publication);
	free(t);
}
