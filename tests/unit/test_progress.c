/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include "tests/unit/test.h"

static void test_progress_size__is_short_and_has_a_unit(void)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{0, "0 bytes"},
		{1023, "1023 bytes"},
		{1024, "1.0 KiB"},
		{1536, "1.5 KiB"},
		{12900000, "12.3 MiB"},
		{UINT64_C(256) << 20, "256.0 MiB"},
		{UINT64_C(3) << 30, "3.0 GiB"},
		{UINT64_C(5) << 40, "5.0 TiB"},
		{UINT64_MAX, "16777216.0 TiB"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CU_ASSERT_STRING_EQUAL(progress_size(cases[i].bytes).text, cases[i].text);
}

static void test_progress_is_due__is_never_so_without_a_terminal(void)
{
	struct progress p = {.is_terminal = false};

	CU_ASSERT_FALSE(progress_is_due(&p));
	progress_draw(&p, "%d", 1);
	CU_ASSERT_FALSE(p.is_drawn);
	p.is_terminal = true;
	CU_ASSERT_TRUE(progress_is_due(&p));
}

TEST_MAIN("progress", TEST(test_progress_size__is_short_and_has_a_unit),
	TEST(test_progress_is_due__is_never_so_without_a_terminal))
