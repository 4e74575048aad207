/* SPDX-License-Identifier: Apache-2.0 */
#include "base/quote.h"

#include "tests/unit/test.h"

static void expect_quoted(const char *text, size_t n, const char *want)
{
	CU_ASSERT_STRING_EQUAL(quote_bytes(text, n).text, want);
}

static void test_quote__escapes_what_could_forge_output(void)
{
	expect_quoted("", 0, "\"\"");
	expect_quoted("a\"b\\c", 5, "\"a\\\"b\\\\c\"");
	expect_quoted("\x1b[1m\n\0\x7f", 7, "\"\\x1b[1m\\x0a\\x00\\x7f\"");
	expect_quoted("\xc2\x9bm", 3, "\"\\xc2\\x9bm\"");
	expect_quoted("a\xe2\x80\xae", 4, "\"a\\xe2\\x80\\xae\"");
	expect_quoted("\xe2\x81\xa6", 3, "\"\\xe2\\x81\\xa6\"");
	expect_quoted("\xff\xc3", 2, "\"\\xff\\xc3\"");
	expect_quoted("ü€😀", strlen("ü€😀"), "\"ü€😀\"");
}

static void test_quote__cuts_between_characters(void)
{
	char text[200];

	memset(text, 'x', sizeof(text));
	memcpy(text + 79, "😀", strlen("😀"));
	ASSERT_HAS(quote_bytes(text, 80).text, "xxx\\xf0\"");
	ASSERT_HAS(quote_bytes(text, sizeof(text)).text, "xxx😀…\"");
	memset(text, '\x01', sizeof(text));
	CU_ASSERT_EQUAL(strlen(quote_bytes(text, sizeof(text)).text), 2 + 80 * 4 + strlen("…"));
}

TEST_MAIN("quote", TEST(test_quote__escapes_what_could_forge_output),
	TEST(test_quote__cuts_between_characters))
