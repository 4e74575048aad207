/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/backoff.h"

#include <limits.h>
#include <stdbool.h>

#include "tests/unit/test.h"

static const uint32_t randoms[] = {0, 1, 499, 500, 60000, 123456789, UINT32_MAX};

#define RANDOMS (sizeof(randoms) / sizeof(randoms[0]))

static bool all_within(enum err_code code, unsigned attempts, int64_t least, int64_t most)
{
	for (size_t i = 0; i < RANDOMS; i++) {
		int64_t delay = backoff_delay_ms(code, attempts, randoms[i]);

		if (delay < least || delay > most)
			return false;
	}
	return true;
}

static void test_backoff_delay_ms__doubles_up_to_its_ceiling(void)
{
	int64_t most = BACKOFF_FIRST_MS;

	for (unsigned attempts = 1; attempts < 12; attempts++) {
		int64_t ceiling = most < BACKOFF_MOST_MS ? most : BACKOFF_MOST_MS;

		CU_ASSERT_TRUE(all_within(ERR_TRANSIENT, attempts, 1, ceiling));
		CU_ASSERT_EQUAL(
			backoff_delay_ms(ERR_TRANSIENT, attempts, (uint32_t)ceiling - 1), ceiling);
		most *= 2;
	}
}

static void test_backoff_delay_ms__holds_its_ceiling_for_any_number_of_attempts(void)
{
	CU_ASSERT_TRUE(all_within(ERR_TRANSIENT, 0, 1, BACKOFF_FIRST_MS));
	CU_ASSERT_TRUE(all_within(ERR_NOT_FOUND, 1000000, 1, BACKOFF_MOST_MS));
	CU_ASSERT_TRUE(all_within(ERR_FULL, UINT_MAX, 1, BACKOFF_MOST_MS));
}

static void test_backoff_delay_ms__waits_long_for_what_needs_a_hand(void)
{
	static const enum err_code codes[] = {ERR_INVALID, ERR_UNVERIFIED, ERR_DENIED};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		CU_ASSERT_TRUE(
			all_within(codes[i], 1, BACKOFF_UNLIKELY_MS / 2, BACKOFF_UNLIKELY_MS));
		CU_ASSERT_TRUE(
			all_within(codes[i], 99, BACKOFF_UNLIKELY_MS / 2, BACKOFF_UNLIKELY_MS));
	}
}

static void test_backoff_delay_ms__spreads_those_that_failed_together(void)
{
	CU_ASSERT_NOT_EQUAL(
		backoff_delay_ms(ERR_TRANSIENT, 3, 7), backoff_delay_ms(ERR_TRANSIENT, 3, 1007));
	CU_ASSERT_NOT_EQUAL(
		backoff_delay_ms(ERR_DENIED, 3, 7), backoff_delay_ms(ERR_DENIED, 3, 1007));
}

static void test_backoff_most_ms__grows_with_the_extensions(void)
{
	CU_ASSERT_EQUAL(backoff_most_ms(1), BACKOFF_SOON_MS);
	CU_ASSERT_EQUAL(backoff_most_ms(1000), BACKOFF_SOON_MS);
	for (size_t n = 0; n < 12000; n++)
		CU_ASSERT(backoff_most_ms(n) <= backoff_most_ms(n + 1));
	CU_ASSERT_EQUAL(backoff_most_ms(10000), BACKOFF_MOST_MS);
	CU_ASSERT_EQUAL(backoff_most_ms(SIZE_MAX), BACKOFF_MOST_MS);
}

TEST_MAIN("backoff", TEST(test_backoff_most_ms__grows_with_the_extensions),
	TEST(test_backoff_delay_ms__doubles_up_to_its_ceiling),
	TEST(test_backoff_delay_ms__holds_its_ceiling_for_any_number_of_attempts),
	TEST(test_backoff_delay_ms__waits_long_for_what_needs_a_hand),
	TEST(test_backoff_delay_ms__spreads_those_that_failed_together))
