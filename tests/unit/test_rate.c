/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/rate.h"

#include "tests/unit/test.h"

static void test_rate_take__gives_a_burst_and_then_one_at_a_time(void)
{
	struct rate r = {0};

	for (int i = 0; i < 5; i++)
		CU_ASSERT_TRUE(rate_take(&r, 1000, 100, 5));
	CU_ASSERT_FALSE(rate_take(&r, 1000, 100, 5));
	CU_ASSERT_FALSE(rate_take(&r, 1099, 100, 5));
	CU_ASSERT_TRUE(rate_take(&r, 1100, 100, 5));
	CU_ASSERT_FALSE(rate_take(&r, 1100, 100, 5));
}

static void test_rate_take__never_saves_more_than_a_burst(void)
{
	struct rate r = {0};

	CU_ASSERT_TRUE(rate_take(&r, 1000, 100, 2));
	CU_ASSERT_TRUE(rate_take(&r, 1000000, 100, 2));
	CU_ASSERT_TRUE(rate_take(&r, 1000000, 100, 2));
	CU_ASSERT_FALSE(rate_take(&r, 1000000, 100, 2));
}

TEST_MAIN("rate", TEST(test_rate_take__gives_a_burst_and_then_one_at_a_time),
	TEST(test_rate_take__never_saves_more_than_a_burst))
