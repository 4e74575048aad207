/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/upkeep.h"

#include "base/log.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/test.h"

#define MINUTE 60000
#define HOUR (60 * (int64_t)MINUTE)

static struct upkeep upkeep_of(int64_t grace, int64_t interval)
{
	struct upkeep_options options = {.gc_grace_ms = grace, .scrub_interval_ms = interval};
	struct upkeep u;

	upkeep_init(&u, &options, 0);
	return u;
}

static bool has_blob(const struct store *st, const struct digest *digest)
{
	uint64_t size = 0;

	return store_has_blob(st, digest, &size);
}

static void test_upkeep_init__looks_at_the_store_once_and_by_itself(void)
{
	struct upkeep u = upkeep_of(10 * MINUTE, 0);

	CU_ASSERT_EQUAL(upkeep_due(&u), MINUTE);
	u = upkeep_of(10 * MINUTE, 24 * HOUR);
	CU_ASSERT_EQUAL(upkeep_due(&u), 1000);
}

static void test_upkeep_run__does_nothing_before_it_is_due(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct upkeep u = upkeep_of(0, 0);
	struct digest digest;
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL_FATAL(put_blob(st, "module", &digest, &err), 0);
	CU_ASSERT_FALSE(upkeep_run(&u, st, upkeep_due(&u) - 1));
	CU_ASSERT(has_blob(st, &digest));
	CU_ASSERT_FALSE(upkeep_run(&u, st, upkeep_due(&u)));
	CU_ASSERT_FALSE(has_blob(st, &digest));
	CU_ASSERT_EQUAL(upkeep_due(&u), INT64_MAX);
}

static void test_upkeep_run__comes_back_when_a_grace_period_ends(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct upkeep u = upkeep_of(10 * MINUTE, 0);
	struct digest digest;
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL_FATAL(put_blob(st, "module", &digest, &err), 0);
	CU_ASSERT_FALSE(upkeep_run(&u, st, MINUTE));
	CU_ASSERT_EQUAL(upkeep_due(&u), 11 * MINUTE);
	CU_ASSERT_FALSE(upkeep_run(&u, st, 11 * MINUTE));
	CU_ASSERT_FALSE(has_blob(st, &digest));
}

static void test_upkeep_record_changed__collects_once_a_minute_at_most(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct upkeep u = upkeep_of(10 * MINUTE, 0);

	CU_ASSERT_FALSE(upkeep_run(&u, st, 5 * MINUTE));
	CU_ASSERT_EQUAL(upkeep_due(&u), INT64_MAX);
	upkeep_record_changed(&u);
	CU_ASSERT_EQUAL(upkeep_due(&u), 6 * MINUTE);
	upkeep_record_changed(&u);
	CU_ASSERT_EQUAL(upkeep_due(&u), 6 * MINUTE);
}

static void test_upkeep_no_room__collects_soon_and_without_grace_once(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct upkeep u = upkeep_of(10 * MINUTE, 0);
	struct digest digest;
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL_FATAL(put_blob(st, "module", &digest, &err), 0);
	upkeep_no_room(&u);
	CU_ASSERT(upkeep_due(&u) <= MINUTE / 2);
	CU_ASSERT_FALSE(upkeep_run(&u, st, upkeep_due(&u)));
	CU_ASSERT_FALSE(has_blob(st, &digest));
	CU_ASSERT_EQUAL_FATAL(put_blob(st, "module", &digest, &err), 0);
	upkeep_record_changed(&u);
	CU_ASSERT_FALSE(upkeep_run(&u, st, upkeep_due(&u)));
	CU_ASSERT(has_blob(st, &digest));
}

static void test_upkeep_run__tells_of_a_damaged_record_and_tries_again(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct upkeep u = upkeep_of(10 * MINUTE, 0);
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL_FATAL(put_record(st, "default/auth", "0a", &err), 0);
	overwrite(f.path, "resources/default/auth", "rotten");
	CU_ASSERT(upkeep_run(&u, st, MINUTE));
	CU_ASSERT_EQUAL(upkeep_due(&u), 2 * MINUTE);
}

static void test_upkeep_run__tells_of_a_damaged_module(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct upkeep u = upkeep_of(10 * MINUTE, 24 * HOUR);
	struct digest digest;
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL_FATAL(put_blob(st, "module", &digest, &err), 0);
	AUTO(free) char *path = xasprintf("blobs/sha256/%s", digest.hex);

	overwrite(f.path, path, "rotten");
	CU_ASSERT(upkeep_run(&u, st, upkeep_due(&u)));
	CU_ASSERT_FALSE(has_blob(st, &digest));
}

static void test_upkeep_run__spreads_a_round_over_the_interval(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct upkeep u = upkeep_of(30 * 24 * HOUR, 24 * HOUR);
	struct err err = {.msg = ""};
	struct digest digest;
	int64_t now = 0;

	for (char text[] = "a"; text[0] <= 'k'; text[0]++)
		CU_ASSERT_EQUAL_FATAL(put_blob(st, text, &digest, &err), 0);
	/* The first round is quick; that it is over is told. */
	for (int i = 0; i < 11; i++) {
		now = u.scrub_at;
		CU_ASSERT_FALSE(upkeep_run(&u, st, now));
		CU_ASSERT_EQUAL(u.scrub_at, now + 1000);
	}
	now = u.scrub_at;
	CU_ASSERT(upkeep_run(&u, st, now));
	CU_ASSERT_EQUAL(u.scrub_at, now + 2 * HOUR);
	u.collect_at = INT64_MAX;
	CU_ASSERT_FALSE(upkeep_run(&u, st, u.scrub_at));
	CU_ASSERT_EQUAL(u.scrub_at, now + 4 * HOUR);
}

static void test_upkeep_run__never_scrubs_without_an_interval(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct upkeep u = upkeep_of(10 * MINUTE, 0);

	CU_ASSERT_FALSE(upkeep_run(&u, st, 1000 * HOUR));
	CU_ASSERT_EQUAL(upkeep_due(&u), INT64_MAX);
}

TEST_MAIN("upkeep", TEST(test_upkeep_init__looks_at_the_store_once_and_by_itself),
	TEST(test_upkeep_run__does_nothing_before_it_is_due),
	TEST(test_upkeep_run__comes_back_when_a_grace_period_ends),
	TEST(test_upkeep_record_changed__collects_once_a_minute_at_most),
	TEST(test_upkeep_no_room__collects_soon_and_without_grace_once),
	TEST(test_upkeep_run__tells_of_a_damaged_record_and_tries_again),
	TEST(test_upkeep_run__tells_of_a_damaged_module),
	TEST(test_upkeep_run__spreads_a_round_over_the_interval),
	TEST(test_upkeep_run__never_scrubs_without_an_interval))
