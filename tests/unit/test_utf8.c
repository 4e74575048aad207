/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <stdlib.h>

#include "base/auto.h"
#include "tests/unit/test.h"

static void test_utf8_len__knows_valid_and_invalid(void)
{
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {
		{"a", 1}, {"\x7F", 1}, {"\x80", 0}, /* a continuation first */
		{"\xC0\xAF", 0},                    /* overlong */
		{"\xC1\xBF", 0},                    /* overlong */
		{"\xC2\x80", 2},                    /* U+0080 */
		{"\xC3(", 0},                       /* no continuation */
		{"\xE0\x9F\xBF", 0},                /* overlong */
		{"\xE0\xA0\x80", 3},                /* U+0800 */
		{"\xED\x9F\xBF", 3},                /* U+D7FF */
		{"\xED\xA0\x80", 0},                /* surrogate */
		{"\xEF\xBF\xBF", 3},                /* U+FFFF */
		{"\xE2\x82", 0},                    /* cut */
		{"\xF0\x8F\xBF\xBF", 0},            /* overlong */
		{"\xF0\x90\x80\x80", 4},            /* U+10000 */
		{"\xF4\x8F\xBF\xBF", 4},            /* U+10FFFF */
		{"\xF4\x90\x80\x80", 0},            /* beyond */
		{"\xF5\x80\x80\x80", 0},            /* beyond */
		{"\xFF", 0},                        /* never */
		{"\xE2\x82\xAC\xE2\x82", 3}         /* only the first counts */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CU_ASSERT_EQUAL(utf8_len(cases[i].text, strlen(cases[i].text)), cases[i].len);
	CU_ASSERT_EQUAL(utf8_len("", 0), 0);
	CU_ASSERT_EQUAL(utf8_len("\0", 1), 1);
}

static void test_utf8_whole__drops_only_a_cut_character(void)
{
	const char *text = "ab\xE2\x82\xAC";

	CU_ASSERT_EQUAL(utf8_whole(text, 5), 5);
	CU_ASSERT_EQUAL(utf8_whole(text, 4), 2);
	CU_ASSERT_EQUAL(utf8_whole(text, 3), 2);
	CU_ASSERT_EQUAL(utf8_whole(text, 2), 2);
	CU_ASSERT_EQUAL(utf8_whole(text, 0), 0);
	CU_ASSERT_EQUAL(utf8_whole("\x80\x80\x80\x80\x80", 5), 5);
}

static void assert_copy(const char *text, size_t max, const char *want)
{
	AUTO(free) char *copy = utf8_copy(text, max);

	CU_ASSERT_STRING_EQUAL(copy, want);
}

static void test_utf8_copy__is_valid_and_no_longer(void)
{
	assert_copy("", 0, "");
	assert_copy("abc", 9, "abc");
	assert_copy("ab\xE2\x82\xAC", 5, "ab\xE2\x82\xAC");
	assert_copy("ab\xE2\x82\xAC", 4, "ab");
	assert_copy("ab\xE2\x82", 9, "ab??");
	assert_copy("\xFFn\xC3(\x80", 9, "?n?(?");
	assert_copy("\x80\x80\x80", 2, "??");
}

TEST_MAIN("utf8", TEST(test_utf8_copy__is_valid_and_no_longer),
	TEST(test_utf8_len__knows_valid_and_invalid),
	TEST(test_utf8_whole__drops_only_a_cut_character))
