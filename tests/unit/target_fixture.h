/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/target_fixture.h - targets in the states that decisions are about.
 */
#ifndef WASMXDS_TESTS_UNIT_TARGET_FIXTURE_H
#define WASMXDS_TESTS_UNIT_TARGET_FIXTURE_H

#include <string.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "controller/backoff.h"
#include "controller/reconcile.h"
#include "tests/unit/test.h"

#define URI "example.com/f.wasm"
#define SOURCE "https://" URI
#define REVISION "\"r1\""

static inline struct digest digest_named(const char *text)
{
	struct digest d;

	digest_of(&d, text, strlen(text));
	return d;
}

static inline struct extension *extension_of(enum image_protocol protocol, const char *pinned)
{
	struct extension *ext = xcalloc(1, sizeof(*ext));

	ext->namespace = xstrdup("a");
	ext->name = xstrdup("1");
	ext->image.protocol = protocol;
	ext->image.uri = xstrdup(URI);
	if (pinned)
		ext->image.sha256 = digest_named(pinned);
	return ext;
}

static inline void desire(struct target *t, const char *pinned, const char *source)
{
	struct extension *ext = extension_of(PROTOCOL_HTTPS, pinned);

	free(ext->image.uri);
	ext->image.uri = xstrdup(source + strlen("https://"));
	(void)target_desire(t, ext);
}

static inline struct target *target_wanting(const char *pinned)
{
	struct target *t = target_new("a/1");

	desire(t, pinned, SOURCE);
	return t;
}

static inline struct target *target_following(void)
{
	struct target *t = target_new("a/1");

	(void)target_desire(t, extension_of(PROTOCOL_LOCAL_FS, NULL));
	return t;
}

/* As targets_start_fetch() does, but for the mark of a followed file. */
static inline void begin(struct target *t)
{
	if (t->desired)
		target_fetching(t, t->file_mark);
}

static inline void fetched(struct target *t, const char *module)
{
	struct digest d = digest_named(module);
	const struct target_catch got = {.module = &d, .revision = REVISION};

	begin(t);
	target_fetched(t, &got, NULL, 0, 0);
}

static inline void failed(struct target *t, enum err_code code, int64_t now)
{
	struct err err;

	(void)err_set(&err, code, "why");
	begin(t);
	target_fetched(t, NULL, &err, now, 0);
}

static inline void observe(struct target *t, const char *source, const char *module)
{
	AUTO(record) struct record r = RECORD_INIT;

	r.version = xstrdup("01");
	r.source = xstrdup(source);
	r.module = digest_named(module);
	target_observe(t, &r);
}

static inline enum err_code failure_code(const struct target *t)
{
	return t->failure ? t->failure->code : ERR_NONE;
}

/* Asserts in the words of the caller: what is to be done now. */
static inline bool only_fetches(const struct target *t, const struct reconcile_facts *facts)
{
	struct reconcile_step step = reconcile(t, facts);

	return step.fetch && !step.commit && step.wake_at == INT64_MAX;
}

static inline bool only_commits(
	const struct target *t, const struct reconcile_facts *facts, const char *module)
{
	struct reconcile_step step = reconcile(t, facts);
	struct digest want = digest_named(module);

	return !step.fetch && step.commit && digest_equal(&step.module, &want) &&
	       step.wake_at == INT64_MAX;
}

static inline bool only_waits(
	const struct target *t, const struct reconcile_facts *facts, int64_t until)
{
	struct reconcile_step step = reconcile(t, facts);

	return !step.fetch && !step.commit && step.wake_at == until;
}

static inline struct target *target_tracking(int64_t interval_ms)
{
	struct target *t = target_new("a/1");
	struct extension *ext = extension_of(PROTOCOL_HTTPS, NULL);

	ext->image.track_ms = interval_ms;
	(void)target_desire(t, ext);
	return t;
}

static inline void desire_refetch(struct target *t, const char *pinned, const char *value)
{
	struct extension *ext = extension_of(PROTOCOL_HTTPS, pinned);

	ext->refetch = xstrdup_null(value);
	(void)target_desire(t, ext);
}

#endif
