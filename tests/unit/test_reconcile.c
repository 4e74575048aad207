/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/reconcile.h"

#include "base/auto.h"
#include "base/xalloc.h"
#include "controller/backoff.h"
#include "tests/unit/test.h"

#define URI "example.com/f.wasm"
#define SOURCE "https://" URI
#define REVISION "\"r1\""

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
	ext->image.uri = xstrdup(URI);
	if (pinned)
		ext->image.sha256 = digest_named(pinned);
	return ext;
}

static void desire(struct target *t, const char *pinned, const char *source)
{
	struct extension *ext = extension_of(PROTOCOL_HTTPS, pinned);

	free(ext->image.uri);
	ext->image.uri = xstrdup(source + strlen("https://"));
	(void)target_desire(t, ext);
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

	(void)target_desire(t, extension_of(PROTOCOL_LOCAL_FS, NULL));
	return t;
}

/* As targets_start_fetch() does, but for the mark of a followed file. */
static void begin(struct target *t)
{
	if (t->desired)
		target_fetching(t, t->file_mark);
}

static void fetched(struct target *t, const char *module)
{
	struct digest d = digest_named(module);
	const struct target_catch got = {.module = &d, .revision = REVISION};

	begin(t);
	target_fetched(t, &got, NULL, 0, 0);
}

static void failed(struct target *t, enum err_code code, int64_t now)
{
	struct err err;

	(void)err_set(&err, code, "why");
	begin(t);
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

static enum err_code failure_code(const struct target *t)
{
	return t->failure ? t->failure->code : ERR_NONE;
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

static struct target *target_tracking(int64_t interval_ms)
{
	struct target *t = target_new("a/1");
	struct extension *ext = extension_of(PROTOCOL_HTTPS, NULL);

	ext->image.track_ms = interval_ms;
	(void)target_desire(t, ext);
	return t;
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

static void desire_refetch(struct target *t, const char *pinned, const char *value)
{
	struct extension *ext = extension_of(PROTOCOL_HTTPS, pinned);

	ext->refetch = xstrdup_null(value);
	(void)target_desire(t, ext);
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

TEST_MAIN("reconcile", TEST(test_reconcile__does_nothing_for_what_nobody_asks_for),
	TEST(test_reconcile__fetches_what_is_not_there),
	TEST(test_reconcile__fetches_nothing_that_the_store_has),
	TEST(test_reconcile__keeps_what_was_resolved_before),
	TEST(test_reconcile__resolves_another_source_anew),
	TEST(test_reconcile__takes_the_pin_for_the_truth),
	TEST(test_reconcile__waits_after_a_failure),
	TEST(test_target_desire__forgets_failures_with_the_image),
	TEST(test_target_not_before__takes_the_later_of_both),
	TEST(test_target_not_after__brings_forward_what_may_pass_by_itself),
	TEST(test_target_fetched__ignores_what_is_outdated),
	TEST(test_target_fetched__counts_where_the_image_stayed_the_same),
	TEST(test_target_fetched__ends_for_what_nobody_asks_for_any_more),
	TEST(test_reconcile_follows__means_local_files_without_a_pin),
	TEST(test_reconcile__follows_a_file_that_changes),
	TEST(test_reconcile__looks_at_a_changed_file_before_the_backoff_ends),
	TEST(test_reconcile__tries_a_followed_file_again_beside_its_last_good_module),
	TEST(test_target_needs__means_what_it_is_or_will_be_made_from),
	TEST(test_reconcile__asks_a_tracked_source_each_interval),
	TEST(test_target_fetched__spreads_the_next_questions),
	TEST(test_reconcile__keeps_the_module_of_a_tracked_source_that_fails),
	TEST(test_target_fetched__asks_a_tracked_source_that_failed_no_later_than_the_interval),
	TEST(test_target_fetched__knows_what_did_not_change),
	TEST(test_target_fetched__has_another_revision_recorded),
	TEST(test_target_desire__asks_at_once_when_tracking_begins),
	TEST(test_target_resume__spreads_the_first_questions),
	TEST(test_reconcile__fetches_once_for_each_value_of_refetch),
	TEST(test_reconcile__fetches_what_is_pinned_for_refetch_too),
	TEST(test_reconcile__fetches_at_once_for_refetch_whatever_failed_before),
	TEST(test_target_fetched__does_not_answer_a_later_refetch),
	TEST(test_target_observe__knows_what_refetch_was_answered),
	TEST(test_target_settle__forgets_what_the_record_says_too),
	TEST(test_reconcile__does_nothing_while_suspended),
	TEST(test_reconcile__waits_for_word_of_what_it_refers_to),
	TEST(test_reconcile__asks_no_source_without_the_pull_secret),
	TEST(test_target_refuse__keeps_what_was_desired))
