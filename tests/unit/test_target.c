/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/target.h"

#include "tests/unit/target_fixture.h"

static void test_target_desire__forgets_failures_with_the_image(void)
{
	struct target *t = target_wanting("one");

	failed(t, ERR_UNVERIFIED, 1000);
	desire(t, "one", SOURCE);
	CU_ASSERT_EQUAL(failure_code(t), ERR_UNVERIFIED);
	CU_ASSERT_TRUE(only_waits(t, &(struct reconcile_facts){.now = 1000}, t->retry_at));
	desire(t, "two", SOURCE);
	CU_ASSERT_PTR_NULL(t->failure);
	CU_ASSERT_TRUE(only_fetches(t, &(struct reconcile_facts){.now = 1000}));
	failed(t, ERR_TRANSIENT, 1000);
	desire(t, "two", "https://example.com/other.wasm");
	CU_ASSERT_PTR_NULL(t->failure);
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

static void test_target_not_after__brings_forward_what_may_pass_by_itself(void)
{
	struct target *t = target_wanting(NULL);

	target_not_after(t, 5000);
	CU_ASSERT_EQUAL(t->retry_at, 0);
	failed(t, ERR_TRANSIENT, 1000);
	target_not_before(t, 50000);
	target_not_after(t, 60000);
	CU_ASSERT_EQUAL(t->retry_at, 50000);
	target_not_after(t, 9000);
	CU_ASSERT_EQUAL(t->retry_at, 9000);
	failed(t, ERR_DENIED, 1000);
	target_not_after(t, 9000);
	CU_ASSERT_TRUE(t->retry_at > 9000);
	target_free(t);
}

static void test_target_fetched__ignores_what_is_outdated(void)
{
	struct target *t = target_wanting(NULL);

	begin(t);
	desire(t, NULL, "https://example.com/other.wasm");
	CU_ASSERT_TRUE(only_waits(t, &(struct reconcile_facts){.now = 0}, INT64_MAX));
	fetched(t, "of the old source");
	CU_ASSERT_PTR_NULL(t->fetched);
	CU_ASSERT_TRUE(only_fetches(t, &(struct reconcile_facts){.has_fetched = true}));
	failed(t, ERR_TRANSIENT, 1000);
	CU_ASSERT_EQUAL(failure_code(t), ERR_TRANSIENT);
	begin(t);
	desire(t, NULL, SOURCE);
	failed(t, ERR_TRANSIENT, 2000);
	CU_ASSERT_PTR_NULL(t->failure);
	CU_ASSERT_EQUAL(t->retry_at, 0);
	target_free(t);
}

static void test_target_fetched__counts_where_the_image_stayed_the_same(void)
{
	struct target *t = target_wanting(NULL);

	begin(t);
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
	CU_ASSERT_PTR_NULL(t->fetched);
	target_free(t);
}

static bool needs(const struct target *t, const struct digest *digest)
{
	struct digest out[TARGET_NEEDS];
	size_t n = target_needs(t, out);

	for (size_t i = 0; i < n; i++) {
		if (digest_equal(&out[i], digest))
			return true;
	}
	return false;
}

static void test_target_needs__means_what_it_is_or_will_be_made_from(void)
{
	struct target *t = target_new("a/1");
	struct digest pinned = digest_named("pinned");
	struct digest new = digest_named("fetched");
	AUTO(record) struct record r = RECORD_INIT;

	CU_ASSERT_FALSE(needs(t, &pinned));
	desire(t, NULL, SOURCE);
	fetched(t, "fetched");
	CU_ASSERT_TRUE(needs(t, &new));
	CU_ASSERT_FALSE(needs(t, &pinned));
	desire(t, "pinned", "https://example.com/other.wasm");
	CU_ASSERT_TRUE(needs(t, &pinned));
	CU_ASSERT_FALSE(needs(t, &new));
	r.version = xstrdup("01");
	r.source = xstrdup("https://example.com/other.wasm");
	r.module = digest_named("recorded");
	target_observe(t, &r);
	CU_ASSERT_TRUE(needs(t, &r.module));
	target_free(t);
}

static void test_target_fetched__spreads_the_next_questions(void)
{
	struct target *t = target_tracking(100000);
	struct digest d = digest_named("m");
	const struct target_catch got = {.module = &d, .revision = ""};

	for (uint32_t random = 0; random < 100000; random += 777) {
		begin(t);
		target_fetched(t, &got, NULL, 500, random);
		CU_ASSERT(t->check_at >= 90500 && t->check_at <= 110500);
	}
	begin(t);
	target_fetched(t, &got, NULL, 500, 20000);
	CU_ASSERT_EQUAL(t->check_at, 110500);
	target_free(t);
}

static void test_target_fetched__asks_a_tracked_source_that_failed_no_later_than_the_interval(void)
{
	struct target *often = target_tracking(10000);
	struct target *rarely = target_tracking(10L * BACKOFF_UNLIKELY_MS);

	failed(often, ERR_INVALID, 1000);
	CU_ASSERT_EQUAL(often->retry_at, 1000 + 9000);
	failed(often, ERR_TRANSIENT, 2000);
	CU_ASSERT_EQUAL(often->retry_at, 2000 + backoff_delay_ms(ERR_TRANSIENT, 2, 0));
	failed(rarely, ERR_INVALID, 1000);
	CU_ASSERT_EQUAL(rarely->retry_at, 1000 + backoff_delay_ms(ERR_INVALID, 1, 0));
	target_free(often);
	target_free(rarely);
}

static void test_target_fetched__knows_what_did_not_change(void)
{
	struct target *t = target_tracking(100000);
	const struct target_catch same = {.unchanged = true};
	struct digest m = digest_named("m");

	observe(t, SOURCE, "m");
	failed(t, ERR_TRANSIENT, 0);
	begin(t);
	target_fetched(t, &same, NULL, 1000, 0);
	CU_ASSERT_PTR_NULL(t->failure);
	CU_ASSERT_FALSE(t->unrecorded);
	CU_ASSERT_EQUAL(t->check_at, 91000);
	CU_ASSERT_TRUE(digest_equal(&target_resolution(t)->module, &m));
	target_free(t);
}

/* Another revision of the same module goes into the record, so that it is known after a restart. */
static void test_target_fetched__has_another_revision_recorded(void)
{
	struct target *t = target_tracking(100000);

	observe(t, SOURCE, "m");
	fetched(t, "m");
	CU_ASSERT_TRUE(t->unrecorded);
	observe(t, SOURCE, "m");
	CU_ASSERT_FALSE(t->unrecorded);
	CU_ASSERT_PTR_NULL(t->fetched);
	target_free(t);
}

static void test_target_desire__asks_at_once_when_tracking_begins(void)
{
	struct target *t = target_wanting(NULL);
	struct extension *ext = extension_of(PROTOCOL_HTTPS, NULL);
	struct reconcile_facts facts = {.has_recorded = true};

	observe(t, SOURCE, "m");
	target_resume(t, 1000, 999);
	CU_ASSERT_TRUE(only_commits(t, &facts, "m"));
	ext->image.track_ms = 100000;
	(void)target_desire(t, ext);
	CU_ASSERT_TRUE(reconcile(t, &facts).fetch);
	target_free(t);
}

static void test_target_resume__spreads_the_first_questions(void)
{
	struct target *t = target_new("a/1");
	struct extension *ext = extension_of(PROTOCOL_HTTPS, NULL);
	struct reconcile_facts facts = {.now = 1000, .has_recorded = true};
	struct reconcile_step step;

	observe(t, SOURCE, "m");
	target_resume(t, 1000, 60999);
	ext->image.track_ms = 100000;
	(void)target_desire(t, ext);
	step = reconcile(t, &facts);
	CU_ASSERT_FALSE(step.fetch);
	CU_ASSERT_EQUAL(step.wake_at, 1999);
	target_free(t);
}

/* The value that a fetch is for is the one that stood there when it began. */
static void test_target_fetched__does_not_answer_a_later_refetch(void)
{
	struct target *t = target_new("a/1");
	struct digest m = digest_named("m");
	const struct target_catch got = {.module = &m, .revision = ""};

	desire_refetch(t, NULL, "one");
	begin(t);
	desire_refetch(t, NULL, "two");
	target_fetched(t, &got, NULL, 0, 0);
	CU_ASSERT_STRING_EQUAL(t->refetched, "one");
	CU_ASSERT_TRUE(target_wants_refetch(t));
	target_free(t);
}

/* A restart does not ask again. */
static void test_target_observe__knows_what_refetch_was_answered(void)
{
	struct target *t = target_new("a/1");
	AUTO(record) struct record r = RECORD_INIT;

	r.version = xstrdup("01");
	r.source = xstrdup(SOURCE);
	r.refetch = xstrdup("one");
	r.revision = xstrdup(REVISION);
	r.module = digest_named("m");
	target_observe(t, &r);
	desire_refetch(t, NULL, "one");
	CU_ASSERT_FALSE(target_wants_refetch(t));
	CU_ASSERT_STRING_EQUAL(target_resolution(t)->revision, REVISION);
	target_free(t);
}

/* There may be 10,000 that come to the same after a restart. */
static void test_target_settle__forgets_what_the_record_says_too(void)
{
	struct target *t = target_new("a/1");

	(void)target_desire(t, extension_of(PROTOCOL_HTTPS, NULL));
	observe(t, SOURCE, "m");
	fetched(t, "other");
	target_settle(t);
	CU_ASSERT_PTR_NOT_NULL(t->fetched);
	fetched(t, "m");
	target_settle(t);
	CU_ASSERT_PTR_NULL(t->fetched);
	CU_ASSERT_PTR_EQUAL(target_resolution(t), &t->recorded);
	target_free(t);
}

static void test_target_refuse__keeps_what_was_desired(void)
{
	struct target *t = target_wanting(NULL);

	target_refuse(t, "spec.runtime: is wrong");
	CU_ASSERT_STRING_EQUAL(t->refusal, "spec.runtime: is wrong");
	CU_ASSERT_PTR_NOT_NULL(t->desired);
	desire(t, NULL, SOURCE);
	CU_ASSERT_PTR_NULL(t->refusal);
	target_free(t);
	t = target_new("a/1");
	CU_ASSERT_FALSE(target_wanted(t));
	target_refuse(t, "");
	CU_ASSERT_TRUE(target_wanted(t));
	target_abandon(t);
	CU_ASSERT_FALSE(target_wanted(t));
	target_free(t);
}

TEST_MAIN("target", TEST(test_target_desire__forgets_failures_with_the_image),
	TEST(test_target_not_before__takes_the_later_of_both),
	TEST(test_target_not_after__brings_forward_what_may_pass_by_itself),
	TEST(test_target_fetched__ignores_what_is_outdated),
	TEST(test_target_fetched__counts_where_the_image_stayed_the_same),
	TEST(test_target_fetched__ends_for_what_nobody_asks_for_any_more),
	TEST(test_target_needs__means_what_it_is_or_will_be_made_from),
	TEST(test_target_fetched__spreads_the_next_questions),
	TEST(test_target_fetched__asks_a_tracked_source_that_failed_no_later_than_the_interval),
	TEST(test_target_fetched__knows_what_did_not_change),
	TEST(test_target_fetched__has_another_revision_recorded),
	TEST(test_target_desire__asks_at_once_when_tracking_begins),
	TEST(test_target_resume__spreads_the_first_questions),
	TEST(test_target_fetched__does_not_answer_a_later_refetch),
	TEST(test_target_observe__knows_what_refetch_was_answered),
	TEST(test_target_settle__forgets_what_the_record_says_too),
	TEST(test_target_refuse__keeps_what_was_desired))
