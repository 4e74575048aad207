/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/reconcile.h"

#include "base/auto.h"
#include "base/xalloc.h"
#include "controller/backoff.h"
#include "tests/unit/test.h"

#define SOURCE "https://example.com/f.wasm"

static struct digest digest_named(const char *text)
{
	struct digest d;

	digest_of(&d, text, strlen(text));
	return d;
}

static struct extension *extension_of(enum image_protocol protocol, const char *pinned)
{
	struct extension *ext = xcalloc(1, sizeof(*ext));

	ext->namespace = xstrdup("a");
	ext->name = xstrdup("1");
	ext->image.protocol = protocol;
	ext->image.uri = xstrdup("example.com/f.wasm");
	if (pinned)
		ext->image.sha256 = digest_named(pinned);
	return ext;
}

static void desire(struct target *t, const char *pinned, const char *source)
{
	target_desire(t, extension_of(PROTOCOL_HTTPS, pinned), xstrdup(source));
}

static struct target *target_wanting(const char *pinned)
{
	struct target *t = target_new("a/1");

	desire(t, pinned, SOURCE);
	return t;
}

static struct target *target_following(void)
{
	struct target *t = target_new("a/1");

	target_desire(t, extension_of(PROTOCOL_LOCAL_FS, NULL), xstrdup("local_fs://f.wasm"));
	return t;
}

static void fetched(struct target *t, const char *module)
{
	struct digest d = digest_named(module);

	t->fetching = true;
	target_fetched(t, &d, NULL, 0, 0);
}

static void failed(struct target *t, enum err_code code, int64_t now)
{
	struct err err;

	(void)err_set(&err, code, "why");
	t->fetching = true;
	target_fetched(t, NULL, &err, now, 0);
}

static void observe(struct target *t, const char *source, const char *module)
{
	AUTO(record) struct record r = RECORD_INIT;

	r.version = xstrdup("01");
	r.source = xstrdup(source);
	r.module = digest_named(module);
	target_observe(t, &r);
}

/* Asserts in the words of the caller: what is to be done now. */
static bool only_fetches(const struct target *t, const struct reconcile_facts *facts)
{
	struct reconcile_step step = reconcile(t, facts);

	return step.fetch && !step.commit && step.wake_at == INT64_MAX;
}

static bool only_commits(
	const struct target *t, const struct reconcile_facts *facts, const char *module)
{
	struct reconcile_step step = reconcile(t, facts);
	struct digest want = digest_named(module);

	return !step.fetch && step.commit && digest_equal(&step.module, &want) &&
	       step.wake_at == INT64_MAX;
}

static bool only_waits(const struct target *t, const struct reconcile_facts *facts, int64_t until)
{
	struct reconcile_step step = reconcile(t, facts);

	return !step.fetch && !step.commit && step.wake_at == until;
}

static void test_reconcile__does_nothing_for_what_nobody_asks_for(void)
{
	struct target *t = target_new("a/1");

	observe(t, SOURCE, "m");
	CU_ASSERT_TRUE(only_waits(t, &(struct reconcile_facts){.has_recorded = true}, INT64_MAX));
	target_free(t);
	target_free(NULL);
}

static void test_reconcile__fetches_what_is_not_there(void)
{
	struct target *t = target_wanting(NULL);

	CU_ASSERT_TRUE(only_fetches(t, &(struct reconcile_facts){.now = 0}));
	t->fetching = true;
	CU_ASSERT_TRUE(only_waits(t, &(struct reconcile_facts){.now = 0}, INT64_MAX));
	fetched(t, "m");
	CU_ASSERT_FALSE(t->fetching);
	CU_ASSERT_TRUE(only_commits(t, &(struct reconcile_facts){.has_fetched = true}, "m"));
	target_free(t);
}

static void test_reconcile__fetches_nothing_that_the_store_has(void)
{
	struct target *t = target_wanting("pinned");

	CU_ASSERT_TRUE(only_commits(t, &(struct reconcile_facts){.has_pinned = true}, "pinned"));
	CU_ASSERT_TRUE(only_fetches(t, &(struct reconcile_facts){.has_pinned = false}));
	target_free(t);
}

/* A restart: what was resolved stays, whether or not the source is there or has moved on. */
static void test_reconcile__keeps_what_was_resolved_before(void)
{
	struct target *t = target_wanting(NULL);

	observe(t, SOURCE, "old");
	CU_ASSERT_TRUE(only_commits(t, &(struct reconcile_facts){.has_recorded = true}, "old"));
	CU_ASSERT_TRUE(only_fetches(t, &(struct reconcile_facts){.has_recorded = false}));
	target_observe(t, NULL);
	CU_ASSERT_PTR_NULL(t->served_version);
	CU_ASSERT_TRUE(only_fetches(t, &(struct reconcile_facts){.has_recorded = true}));
	target_free(t);
}

static void test_reconcile__resolves_another_source_anew(void)
{
	struct target *t = target_wanting(NULL);

	observe(t, "https://example.com/other.wasm", "old");
	CU_ASSERT_TRUE(only_fetches(t, &(struct reconcile_facts){.has_recorded = true}));
	fetched(t, "new");
	CU_ASSERT_TRUE(only_commits(
		t, &(struct reconcile_facts){.has_recorded = true, .has_fetched = true}, "new"));
	desire(t, NULL, "https://example.com/third.wasm");
	CU_ASSERT_TRUE(only_fetches(
		t, &(struct reconcile_facts){.has_recorded = true, .has_fetched = true}));
	target_free(t);
}

static void test_reconcile__takes_the_pin_for_the_truth(void)
{
	struct target *t = target_wanting("pinned");

	observe(t, SOURCE, "old");
	fetched(t, "other");
	CU_ASSERT_TRUE(only_fetches(
		t, &(struct reconcile_facts){.has_recorded = true, .has_fetched = true}));
	target_free(t);
}

static void test_reconcile__waits_after_a_failure(void)
{
	struct target *t = target_wanting(NULL);

	failed(t, ERR_TRANSIENT, 1000);
	CU_ASSERT_EQUAL(t->failure.code, ERR_TRANSIENT);
	CU_ASSERT_EQUAL(t->attempts, 1);
	CU_ASSERT_EQUAL(t->retry_at, 1000 + backoff_delay_ms(ERR_TRANSIENT, 1, 0));
	CU_ASSERT_TRUE(only_waits(t, &(struct reconcile_facts){.now = 1000}, t->retry_at));
	CU_ASSERT_TRUE(only_fetches(t, &(struct reconcile_facts){.now = t->retry_at}));
	failed(t, ERR_DENIED, 2000);
	CU_ASSERT_EQUAL(t->attempts, 2);
	CU_ASSERT_EQUAL(t->retry_at, 2000 + backoff_delay_ms(ERR_DENIED, 2, 0));
	fetched(t, "m");
	CU_ASSERT_EQUAL(t->failure.code, ERR_NONE);
	CU_ASSERT_EQUAL(t->attempts, 0);
	target_free(t);
}

static void test_target_desire__forgets_failures_with_the_image(void)
{
	struct target *t = target_wanting("one");

	failed(t, ERR_UNVERIFIED, 1000);
	desire(t, "one", SOURCE);
	CU_ASSERT_EQUAL(t->failure.code, ERR_UNVERIFIED);
	CU_ASSERT_TRUE(only_waits(t, &(struct reconcile_facts){.now = 1000}, t->retry_at));
	desire(t, "two", SOURCE);
	CU_ASSERT_EQUAL(t->failure.code, ERR_NONE);
	CU_ASSERT_TRUE(only_fetches(t, &(struct reconcile_facts){.now = 1000}));
	failed(t, ERR_TRANSIENT, 1000);
	desire(t, "two", "https://example.com/other.wasm");
	CU_ASSERT_EQUAL(t->failure.code, ERR_NONE);
	CU_ASSERT_EQUAL(t->attempts, 0);
	CU_ASSERT_TRUE(only_fetches(t, &(struct reconcile_facts){.now = 1000}));
	target_free(t);
}

static void test_target_not_before__takes_the_later_of_both(void)
{
	struct target *t = target_wanting(NULL);

	target_not_before(t, 5000);
	CU_ASSERT_EQUAL(t->retry_at, 0);
	failed(t, ERR_TRANSIENT, 1000);
	target_not_before(t, 1001);
	CU_ASSERT_EQUAL(t->retry_at, 1000 + backoff_delay_ms(ERR_TRANSIENT, 1, 0));
	target_not_before(t, 9000000);
	CU_ASSERT_EQUAL(t->retry_at, 9000000);
	CU_ASSERT_TRUE(only_waits(t, &(struct reconcile_facts){.now = 8999999}, 9000000));
	target_free(t);
}

static void test_target_fetched__ignores_what_is_outdated(void)
{
	struct target *t = target_wanting(NULL);

	t->fetching = true;
	desire(t, NULL, "https://example.com/other.wasm");
	CU_ASSERT_TRUE(only_waits(t, &(struct reconcile_facts){.now = 0}, INT64_MAX));
	fetched(t, "of the old source");
	CU_ASSERT_PTR_NULL(t->fetched.source);
	CU_ASSERT_TRUE(only_fetches(t, &(struct reconcile_facts){.has_fetched = true}));
	failed(t, ERR_TRANSIENT, 1000);
	CU_ASSERT_EQUAL(t->failure.code, ERR_TRANSIENT);
	t->fetching = true;
	desire(t, NULL, SOURCE);
	failed(t, ERR_TRANSIENT, 2000);
	CU_ASSERT_EQUAL(t->failure.code, ERR_NONE);
	CU_ASSERT_EQUAL(t->retry_at, 0);
	target_free(t);
}

static void test_target_fetched__counts_where_the_image_stayed_the_same(void)
{
	struct target *t = target_wanting(NULL);

	t->fetching = true;
	desire(t, NULL, SOURCE);
	fetched(t, "m");
	CU_ASSERT_TRUE(only_commits(t, &(struct reconcile_facts){.has_fetched = true}, "m"));
	target_free(t);
}

static void test_target_fetched__ends_for_what_nobody_asks_for_any_more(void)
{
	struct target *t = target_wanting(NULL);

	t->fetching = true;
	extension_free(t->desired);
	t->desired = NULL;
	fetched(t, "m");
	CU_ASSERT_FALSE(t->fetching);
	CU_ASSERT_PTR_NULL(t->fetched.source);
	target_free(t);
}

static void test_reconcile_follows__means_local_files_without_a_pin(void)
{
	struct extension *ext = extension_of(PROTOCOL_LOCAL_FS, NULL);

	CU_ASSERT_TRUE(reconcile_follows(ext));
	ext->image.protocol = PROTOCOL_HTTPS;
	CU_ASSERT_FALSE(reconcile_follows(ext));
	ext->image.protocol = PROTOCOL_LOCAL_FS;
	ext->image.sha256 = digest_named("m");
	CU_ASSERT_FALSE(reconcile_follows(ext));
	extension_free(ext);
}

static void test_reconcile__follows_a_file_that_changes(void)
{
	struct target *t = target_following();
	struct reconcile_facts facts = {.file_mark = 7, .has_fetched = true};
	struct reconcile_step step;

	CU_ASSERT_TRUE(only_fetches(t, &facts));
	t->file_mark = 7;
	fetched(t, "first");
	CU_ASSERT_TRUE(only_commits(t, &facts, "first"));
	facts.file_mark = 8;
	step = reconcile(t, &facts);
	CU_ASSERT_TRUE(step.fetch);
	CU_ASSERT_TRUE(step.commit);
	t->fetching = true;
	CU_ASSERT_TRUE(only_commits(t, &facts, "first"));
	target_free(t);
}

static void test_reconcile__looks_at_a_changed_file_before_the_backoff_ends(void)
{
	struct target *t = target_following();

	t->file_mark = 7;
	failed(t, ERR_INVALID, 1000);
	CU_ASSERT_TRUE(
		only_waits(t, &(struct reconcile_facts){.now = 1000, .file_mark = 7}, t->retry_at));
	CU_ASSERT_TRUE(only_fetches(t, &(struct reconcile_facts){.now = 1000, .file_mark = 8}));
	target_free(t);
}

static void test_reconcile__tries_a_followed_file_again_beside_its_last_good_module(void)
{
	struct target *t = target_following();
	struct reconcile_facts facts = {.file_mark = 8, .has_fetched = true};
	struct reconcile_step step;

	fetched(t, "good");
	t->file_mark = 8;
	failed(t, ERR_FULL, 1000);
	facts.now = 1000;
	step = reconcile(t, &facts);
	CU_ASSERT_TRUE(step.commit);
	CU_ASSERT_FALSE(step.fetch);
	CU_ASSERT_EQUAL(step.wake_at, t->retry_at);
	facts.now = t->retry_at;
	step = reconcile(t, &facts);
	CU_ASSERT_TRUE(step.commit);
	CU_ASSERT_TRUE(step.fetch);
	target_free(t);
}

static void test_target_observe__learns_what_is_left_of_a_module(void)
{
	struct target *t = target_wanting(NULL);
	AUTO(record) struct record r = RECORD_INIT;

	record_init(&r);
	r.source = xstrdup("https://elsewhere");
	r.version = xstrdup("01");
	r.module_bytes = 100;
	r.served_bytes = 100;
	digest_of(&r.module, "whole", 5);
	r.served = r.module;
	target_observe(t, &r);
	CU_ASSERT_FALSE(digest_is_set(&t->stripped.module));
	r.served_bytes = 10;
	digest_of(&r.served, "left", 4);
	target_observe(t, &r);
	CU_ASSERT_TRUE(digest_equal(&t->stripped.module, &r.module));
	CU_ASSERT_TRUE(digest_equal(&t->stripped.served.digest, &r.served));
	CU_ASSERT_EQUAL(t->stripped.served.bytes, 10);
	CU_ASSERT_EQUAL(t->recorded_bytes, 100);
	CU_ASSERT_EQUAL(t->served_bytes, 10);
	CU_ASSERT_TRUE(target_needs(t, &r.served));
	target_observe(t, NULL);
	CU_ASSERT_EQUAL(t->served_bytes, 0);
	target_free(t);
}

static void test_target_needs__means_what_it_is_or_will_be_made_from(void)
{
	struct target *t = target_new("a/1");
	struct digest pinned = digest_named("pinned");
	struct digest fetched = digest_named("fetched");

	CU_ASSERT_FALSE(target_needs(t, &pinned));
	desire(t, NULL, SOURCE);
	target_fetched(t, &fetched, NULL, 0, 0);
	CU_ASSERT_TRUE(target_needs(t, &fetched));
	CU_ASSERT_FALSE(target_needs(t, &pinned));
	desire(t, "pinned", "https://example.com/other.wasm");
	CU_ASSERT_TRUE(target_needs(t, &pinned));
	CU_ASSERT_FALSE(target_needs(t, &fetched));
	target_free(t);
}

TEST_MAIN("reconcile", TEST(test_reconcile__does_nothing_for_what_nobody_asks_for),
	TEST(test_reconcile__fetches_what_is_not_there),
	TEST(test_reconcile__fetches_nothing_that_the_store_has),
	TEST(test_reconcile__keeps_what_was_resolved_before),
	TEST(test_reconcile__resolves_another_source_anew),
	TEST(test_reconcile__takes_the_pin_for_the_truth),
	TEST(test_reconcile__waits_after_a_failure),
	TEST(test_target_desire__forgets_failures_with_the_image),
	TEST(test_target_not_before__takes_the_later_of_both),
	TEST(test_target_fetched__ignores_what_is_outdated),
	TEST(test_target_fetched__counts_where_the_image_stayed_the_same),
	TEST(test_target_fetched__ends_for_what_nobody_asks_for_any_more),
	TEST(test_reconcile_follows__means_local_files_without_a_pin),
	TEST(test_reconcile__follows_a_file_that_changes),
	TEST(test_reconcile__looks_at_a_changed_file_before_the_backoff_ends),
	TEST(test_reconcile__tries_a_followed_file_again_beside_its_last_good_module),
	TEST(test_target_observe__learns_what_is_left_of_a_module),
	TEST(test_target_needs__means_what_it_is_or_will_be_made_from))
