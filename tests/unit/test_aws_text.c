/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

static void test_aws_is_header_value__wants_one_printable_line(void)
{
	static const char *const good[] = {"a", "AKIA/+=", "Basic abc", "~!"};
	static const char *const bad[] = {
		"", " a", "a ", "a\r\nX: y", "a\n", "\x7f", "\xc3\xbc", "a\tb"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CU_ASSERT_TRUE(aws_is_header_value(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_FALSE(aws_is_header_value(bad[i]));
}

static void test_aws_is_header_value__has_a_ceiling(void)
{
	AUTO(free) char *text = xcalloc(LIMIT_AWS_TOKEN_BYTES + 2, 1);

	memset(text, 'a', LIMIT_AWS_TOKEN_BYTES);
	CU_ASSERT_TRUE(aws_is_header_value(text));
	text[LIMIT_AWS_TOKEN_BYTES] = 'a';
	CU_ASSERT_FALSE(aws_is_header_value(text));
}

static void test_aws_is_name__wants_what_can_be_shown_and_be_a_path(void)
{
	char text[LIMIT_AWS_NAME_BYTES + 2] = {0};

	CU_ASSERT_TRUE(aws_is_name("NoSuchKey"));
	CU_ASSERT_TRUE(aws_is_name("my-role_1.2+3=4,5@6"));
	CU_ASSERT_FALSE(aws_is_name(""));
	CU_ASSERT_FALSE(aws_is_name("a/b"));
	CU_ASSERT_FALSE(aws_is_name("a b"));
	CU_ASSERT_FALSE(aws_is_name("a?b"));
	memset(text, 'a', LIMIT_AWS_NAME_BYTES);
	CU_ASSERT_TRUE(aws_is_name(text));
	text[LIMIT_AWS_NAME_BYTES] = 'a';
	CU_ASSERT_FALSE(aws_is_name(text));
}

static void test_aws_time_parse__reads_what_aws_writes(void)
{
	struct err err;
	time_t t = 0;

	CU_ASSERT_EQUAL(aws_time_parse(&t, "2026-01-02T03:04:05Z", &err), 0);
	CU_ASSERT_EQUAL(t, 1767323045);
	CU_ASSERT_EQUAL(aws_time_parse(&t, "2026-01-02T03:04:06.123Z", &err), 0);
	CU_ASSERT_EQUAL(t, 1767323046);
}

static void test_aws_time_parse__refuses_all_else(void)
{
	static const char *const bad[] = {"", "now", "2026-01-02", "2026-01-02T03:04:05",
		"2026-01-02T03:04:05+01:00", "2026-01-02T03:04:05Zx", "1767323045",
		"2026-13-02T03:04:05Z"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = {0};
		time_t t = 7;

		CU_ASSERT_EQUAL(aws_time_parse(&t, bad[i], &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
		CU_ASSERT_EQUAL(t, 7);
	}
}

static void test_aws_secret_free__takes_null(void)
{
	aws_secret_free(NULL);
	aws_secret_free(xstrdup("secret"));
}

static void test_aws_secret_buf_clear__empties_the_buffer(void)
{
	struct buf b = BUF_INIT(64);
	struct err err;

	aws_secret_buf_clear(&b);
	CU_ASSERT_EQUAL(buf_append(&b, "secret", 6, &err), 0);
	aws_secret_buf_clear(&b);
	CU_ASSERT_EQUAL(b.len, 0);
	CU_ASSERT_PTR_NULL(b.data);
	CU_ASSERT_EQUAL(b.max, 64);
}

TEST_MAIN("aws_text", TEST(test_aws_is_header_value__wants_one_printable_line),
	TEST(test_aws_is_header_value__has_a_ceiling),
	TEST(test_aws_is_name__wants_what_can_be_shown_and_be_a_path),
	TEST(test_aws_time_parse__reads_what_aws_writes),
	TEST(test_aws_time_parse__refuses_all_else), TEST(test_aws_secret_free__takes_null),
	TEST(test_aws_secret_buf_clear__empties_the_buffer))
