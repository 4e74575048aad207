/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/retry.h"

#include "base/limits.h"
#include "tests/unit/test.h"

static const struct retry_policy policy = {.tries = 5, .first_ms = 100, .most_ms = 1000};

static void test_retry_wait_ms__doubles_up_to_a_ceiling(void)
{
	static const int64_t most[] = {100, 200, 400, 800};
	const struct retry_policy long_policy = {.tries = 100, .first_ms = 100, .most_ms = 1000};

	for (int failed = 1; failed <= 4; failed++) {
		struct retry_state state = {.failed = failed, .random = (uint32_t)most[failed - 1]};

		CU_ASSERT_EQUAL(retry_wait_ms(&policy, &state), most[failed - 1]);
		state.random++;
		CU_ASSERT_EQUAL(retry_wait_ms(&policy, &state), 0);
	}
	for (int failed = 5; failed < 100; failed++) {
		const struct retry_state state = {.failed = failed, .random = 1000};

		CU_ASSERT_EQUAL(retry_wait_ms(&long_policy, &state), 1000);
	}
}

static void test_retry_wait_ms__spreads_over_all_of_it(void)
{
	bool low = false;
	bool high = false;

	for (uint32_t random = 0; random < 4000000000U; random += 1000003U) {
		const struct retry_state state = {.failed = 4, .random = random};
		int64_t wait = retry_wait_ms(&policy, &state);

		CU_ASSERT_TRUE_FATAL(wait >= 0 && wait <= 800);
		low |= wait < 80;
		high |= wait > 720;
	}
	CU_ASSERT_TRUE(low);
	CU_ASSERT_TRUE(high);
}

static void test_retry_wait_ms__ends(void)
{
	static const struct {
		struct retry_policy policy;
		struct retry_state state;
		int64_t wait;
	} table[] = {
		{{5, 100, 1000}, {.failed = 5}, -1},
		{{5, 100, 1000}, {.failed = 4}, 0},
		{{1, 100, 1000}, {.failed = 1}, -1},
		{{0, 100, 1000}, {.failed = 1}, -1},
		{{5, 0, 0}, {.failed = 1, .random = 7}, 0},
		{{5, 100, 1000}, {.failed = 1, .retry_after_ms = 1000}, 1000},
		{{5, 100, 1000}, {.failed = 1, .retry_after_ms = 1001}, -1},
		{{5, 100, 1000}, {.failed = 1, .retry_after_ms = 20, .random = 50}, 50},
		{{5, 100, 1000}, {.failed = 1, .left_ms = 50, .random = 50}, -1},
		{{5, 100, 1000}, {.failed = 1, .left_ms = 51, .random = 50}, 50},
		{{5, 100, 1000}, {.failed = 1, .left_ms = 1}, 0},
		{{100, INT64_MAX / 2 + 1, INT64_MAX}, {.failed = 99}, 0},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		CU_ASSERT_EQUAL(retry_wait_ms(&table[i].policy, &table[i].state), table[i].wait);
}

static void test_retry_after_ms__reads_seconds_and_dates(void)
{
	static const struct {
		const char *value;
		int64_t ms;
	} table[] = {
		{"120", 120000},
		{"1", 1000},
		{"0", 0},
		{"3600", LIMIT_RETRY_AFTER_MS},
		{"3601", LIMIT_RETRY_AFTER_MS},
		{"99999999999999999999999999", LIMIT_RETRY_AFTER_MS},
		{"Fri, 31 Dec 1999 23:59:59 GMT", 59000},
		{"Friday, 31-Dec-99 23:59:59 GMT", 59000},
		{"Fri, 31 Dec 1999 23:59:00 GMT", 0},
		{"Fri, 31 Dec 1999 22:00:00 GMT", 0},
		{"Fri, 31 Dec 2038 22:00:00 GMT", LIMIT_RETRY_AFTER_MS},
		{"", 0},
		{"-5", 0},
		{"5s", 0},
		{"soon", 0},
	};
	const int64_t now = 946684740; /* 1999-12-31T23:59:00Z */

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (retry_after_ms(table[i].value, now) != table[i].ms)
			printf("\n  %s\n", table[i].value);
		CU_ASSERT_EQUAL(retry_after_ms(table[i].value, now), table[i].ms);
	}
}

TEST_MAIN("retry", TEST(test_retry_wait_ms__doubles_up_to_a_ceiling),
	TEST(test_retry_wait_ms__spreads_over_all_of_it), TEST(test_retry_wait_ms__ends),
	TEST(test_retry_after_ms__reads_seconds_and_dates))
