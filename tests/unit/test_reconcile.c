/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/reconcile.h"

#include "tests/unit/target_fixture.h"

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
	CU_ASSERT_EQUAL(failure_code(t), ERR_TRANSIENT);
	CU_ASSERT_EQUAL(t->attempts, 1);
	CU_ASSERT_EQUAL(t->retry_at, 1000 + backoff_delay_ms(ERR_TRANSIENT, 1, 0));
	CU_ASSERT_TRUE(only_waits(t, &(struct reconcile_facts){.now = 1000}, t->retry_at));
	CU_ASSERT_TRUE(only_fetches(t, &(struct reconcile_facts){.now = t->retry_at}));
	failed(t, ERR_DENIED, 2000);
	CU_ASSERT_EQUAL(t->attempts, 2);
	CU_ASSERT_EQUAL(t->retry_at, 2000 + backoff_delay_ms(ERR_DENIED, 2, 0));
	fetched(t, "m");
	CU_ASSERT_PTR_NULL(t->failure);
	CU_ASSERT_EQUAL(t->attempts, 0);
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

static void test_reconcile__asks_a_tracked_source_each_interval(void)
{
	struct target *t = target_tracking(100000);
	struct reconcile_facts facts = {.now = 0};
	struct reconcile_step step;

	CU_ASSERT_TRUE(only_fetches(t, &facts));
	fetched(t, "m");
	CU_ASSERT_EQUAL(t->check_at, 90000);
	facts.has_fetched = true;
	step = reconcile(t, &facts);
	CU_ASSERT_FALSE(step.fetch);
	CU_ASSERT_TRUE(step.commit);
	CU_ASSERT_EQUAL(step.wake_at, 90000);
	facts.now = 90000;
	step = reconcile(t, &facts);
	CU_ASSERT_TRUE(step.fetch);
	CU_ASSERT_TRUE(step.commit);
	CU_ASSERT_STRING_EQUAL(step.known, REVISION);
	target_free(t);
}

static void test_reconcile__keeps_the_module_of_a_tracked_source_that_fails(void)
{
	struct target *t = target_tracking(100000);
	struct reconcile_facts facts = {.has_fetched = true};
	struct reconcile_step step;

	fetched(t, "m");
	failed(t, ERR_TRANSIENT, 90000);
	CU_ASSERT_TRUE(reconcile_lags(t));
	facts.now = 90000;
	step = reconcile(t, &facts);
	CU_ASSERT_FALSE(step.fetch);
	CU_ASSERT_TRUE(step.commit);
	CU_ASSERT_EQUAL(step.wake_at, t->retry_at);
	target_free(t);
}

static void test_reconcile__fetches_once_for_each_value_of_refetch(void)
{
	struct target *t = target_new("a/1");
	struct reconcile_facts facts = {.has_recorded = true};

	desire_refetch(t, NULL, NULL);
	observe(t, SOURCE, "m");
	CU_ASSERT_TRUE(only_commits(t, &facts, "m"));
	desire_refetch(t, NULL, "one");
	CU_ASSERT_TRUE(reconcile(t, &facts).fetch);
	CU_ASSERT_PTR_NULL(reconcile(t, &facts).known);
	CU_ASSERT_TRUE(reconcile(t, &facts).commit);
	fetched(t, "m");
	CU_ASSERT_STRING_EQUAL(t->refetched, "one");
	CU_ASSERT_TRUE(t->unrecorded);
	facts.has_fetched = true;
	CU_ASSERT_TRUE(only_commits(t, &facts, "m"));
	desire_refetch(t, NULL, NULL);
	CU_ASSERT_TRUE(only_commits(t, &facts, "m"));
	desire_refetch(t, NULL, "two");
	CU_ASSERT_TRUE(reconcile(t, &facts).fetch);
	target_free(t);
}

static void test_reconcile__fetches_what_is_pinned_for_refetch_too(void)
{
	struct target *t = target_new("a/1");
	struct reconcile_facts facts = {.has_pinned = true};

	desire_refetch(t, "m", "one");
	CU_ASSERT_TRUE(reconcile(t, &facts).fetch);
	failed(t, ERR_NOT_FOUND, 0);
	CU_ASSERT_TRUE(target_wants_refetch(t));
	CU_ASSERT_TRUE(reconcile_lags(t));
	CU_ASSERT_TRUE(reconcile(t, &facts).commit);
	CU_ASSERT_FALSE(reconcile(t, &facts).fetch);
	facts.now = t->retry_at;
	CU_ASSERT_TRUE(reconcile(t, &facts).fetch);
	fetched(t, "m");
	CU_ASSERT_TRUE(only_commits(t, &facts, "m"));
	target_free(t);
}

static void test_reconcile__fetches_at_once_for_refetch_whatever_failed_before(void)
{
	struct target *t = target_new("a/1");
	const struct reconcile_facts facts = {.now = 0};

	desire_refetch(t, NULL, NULL);
	failed(t, ERR_DENIED, 0);
	CU_ASSERT_FALSE(reconcile(t, &facts).fetch);
	desire_refetch(t, NULL, "one");
	CU_ASSERT_TRUE(reconcile(t, &facts).fetch);
	failed(t, ERR_DENIED, 0);
	desire_refetch(t, NULL, "one");
	CU_ASSERT_FALSE(reconcile(t, &facts).fetch);
	desire_refetch(t, NULL, NULL);
	CU_ASSERT_FALSE(reconcile(t, &facts).fetch);
	target_free(t);
}

static void test_reconcile__does_nothing_while_suspended(void)
{
	struct target *t = target_new("a/1");
	struct extension *ext = extension_of(PROTOCOL_HTTPS, NULL);

	ext->suspend = true;
	ext->image.track_ms = 100000;
	ext->refetch = xstrdup("one");
	(void)target_desire(t, ext);
	CU_ASSERT_TRUE(only_waits(t, &(struct reconcile_facts){.now = 0}, INT64_MAX));
	observe(t, SOURCE, "m");
	CU_ASSERT_TRUE(only_waits(t, &(struct reconcile_facts){.has_recorded = true}, INT64_MAX));
	CU_ASSERT_TRUE(reconcile(t, &(struct reconcile_facts){.has_recorded = true}).known_module);
	target_free(t);
}

/* After a restart the source may not have said yet what Secrets there are. */
static void test_reconcile__waits_for_word_of_what_it_refers_to(void)
{
	struct target *t = target_wanting(NULL);

	CU_ASSERT_TRUE(only_waits(t, &(struct reconcile_facts){.unsure_pull = true}, INT64_MAX));
	CU_ASSERT_TRUE(only_fetches(t, &(struct reconcile_facts){.unsure_configs = true}));
	observe(t, SOURCE, "m");
	CU_ASSERT_TRUE(only_waits(t,
		&(struct reconcile_facts){.has_recorded = true, .unsure_configs = true},
		INT64_MAX));
	CU_ASSERT_TRUE(only_waits(t,
		&(struct reconcile_facts){.has_recorded = true, .unsure_pull = true}, INT64_MAX));
	target_free(t);
}

static void test_reconcile__asks_no_source_without_the_pull_secret(void)
{
	struct target *t = target_wanting(NULL);

	CU_ASSERT_TRUE(only_waits(t, &(struct reconcile_facts){.lacks_pull = true}, INT64_MAX));
	observe(t, SOURCE, "m");
	t->desired->refetch = xstrdup("one");
	CU_ASSERT_TRUE(only_commits(
		t, &(struct reconcile_facts){.has_recorded = true, .lacks_pull = true}, "m"));
	target_free(t);
}

TEST_MAIN("reconcile", TEST(test_reconcile__does_nothing_for_what_nobody_asks_for),
	TEST(test_reconcile__fetches_what_is_not_there),
	TEST(test_reconcile__fetches_nothing_that_the_store_has),
	TEST(test_reconcile__keeps_what_was_resolved_before),
	TEST(test_reconcile__resolves_another_source_anew),
	TEST(test_reconcile__takes_the_pin_for_the_truth),
	TEST(test_reconcile__waits_after_a_failure),
	TEST(test_reconcile_follows__means_local_files_without_a_pin),
	TEST(test_reconcile__follows_a_file_that_changes),
	TEST(test_reconcile__looks_at_a_changed_file_before_the_backoff_ends),
	TEST(test_reconcile__tries_a_followed_file_again_beside_its_last_good_module),
	TEST(test_reconcile__asks_a_tracked_source_each_interval),
	TEST(test_reconcile__keeps_the_module_of_a_tracked_source_that_fails),
	TEST(test_reconcile__fetches_once_for_each_value_of_refetch),
	TEST(test_reconcile__fetches_what_is_pinned_for_refetch_too),
	TEST(test_reconcile__fetches_at_once_for_refetch_whatever_failed_before),
	TEST(test_reconcile__does_nothing_while_suspended),
	TEST(test_reconcile__waits_for_word_of_what_it_refers_to),
	TEST(test_reconcile__asks_no_source_without_the_pull_secret))
