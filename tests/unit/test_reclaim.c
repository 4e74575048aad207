/* SPDX-License-Identifier: Apache-2.0 */
#include "base/reclaim.h"

#include "tests/unit/test.h"

static void test_reclaim_due__nothing_ended(void)
{
	struct reclaim r = {0};

	CU_ASSERT_FALSE(reclaim_due(&r, 0, 1));
	CU_ASSERT_FALSE(reclaim_due(&r, 0, 1 + 10 * RECLAIM_MS));
}

static void test_reclaim_due__waits_for_others_to_end(void)
{
	struct reclaim r = {0};

	CU_ASSERT_FALSE(reclaim_due(&r, 1, 1000));
	CU_ASSERT_FALSE(reclaim_due(&r, 400, 1000 + RECLAIM_MS - 1));
	CU_ASSERT_TRUE(reclaim_due(&r, 401, 1000 + RECLAIM_MS));
	CU_ASSERT_FALSE(reclaim_due(&r, 401, 1000 + 9 * RECLAIM_MS));
}

static void test_reclaim_due__comes_in_spite_of_a_steady_stream(void)
{
	struct reclaim r = {0};
	int looks = 0;

	for (int i = 1; i <= 60; i++)
		looks += reclaim_due(&r, (uint64_t)i, i * 1000);
	CU_ASSERT_EQUAL(looks, 10);
}

TEST_MAIN("reclaim", TEST(test_reclaim_due__nothing_ended),
	TEST(test_reclaim_due__waits_for_others_to_end),
	TEST(test_reclaim_due__comes_in_spite_of_a_steady_stream))
