/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include "base/auto.h"
#include "tests/unit/test.h"

static void test_buf_append__keeps_a_nul_behind(void)
{
	AUTO(buf) struct buf b = BUF_INIT(100);
	struct err err;

	CU_ASSERT_EQUAL(buf_append(&b, "abc", 3, &err), 0);
	CU_ASSERT_EQUAL(buf_append(&b, "", 0, &err), 0);
	CU_ASSERT_EQUAL(buf_append(&b, "de", 2, &err), 0);
	CU_ASSERT_EQUAL(b.len, 5);
	CU_ASSERT_STRING_EQUAL(buf_text(&b), "abcde");
}

static void test_buf_append__accepts_exactly_the_ceiling(void)
{
	AUTO(buf) struct buf b = BUF_INIT(5);
	struct err err;

	CU_ASSERT_EQUAL(buf_append(&b, "abcde", 5, &err), 0);
	CU_ASSERT_EQUAL(buf_append(&b, "f", 1, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, "5");
	CU_ASSERT_STRING_EQUAL(buf_text(&b), "abcde");
}

static void test_buf_append__grows_byte_by_byte_to_the_ceiling(void)
{
	AUTO(buf) struct buf b = BUF_INIT(10000);
	struct err err;
	size_t n = 0;

	while (buf_append(&b, "x", 1, &err) == 0)
		n++;
	CU_ASSERT_EQUAL(n, 10000);
	CU_ASSERT_EQUAL(strlen(buf_text(&b)), 10000);
	CU_ASSERT_TRUE(b.cap <= 10001);
}

static void test_buf_append__refuses_a_size_that_wraps(void)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);
	struct err err;

	CU_ASSERT_EQUAL(buf_append(&b, "abc", 3, &err), 0);
	CU_ASSERT_PTR_NULL(buf_reserve(&b, SIZE_MAX, &err));
	CU_ASSERT_PTR_NULL(buf_reserve(&b, SIZE_MAX - 3, &err));
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	CU_ASSERT_EQUAL(b.len, 3);
}

static void test_buf_reserve__leaves_a_nul_behind_what_was_written(void)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);
	struct err err;
	char *room = buf_reserve(&b, 600, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(room);
	memset(room, 'x', 600);
	room = buf_reserve(&b, 600, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(room);
	memcpy(room, "abc", 3);
	b.len += 3;
	CU_ASSERT_STRING_EQUAL(buf_text(&b), "abc");
	CU_ASSERT_PTR_NULL(buf_reserve(&b, 998, &err));
	CU_ASSERT_PTR_NOT_NULL(buf_reserve(&b, 997, &err));
}

static void test_buf_printf__appends_and_respects_the_ceiling(void)
{
	AUTO(buf) struct buf b = BUF_INIT(8);
	struct err err;

	CU_ASSERT_EQUAL(buf_printf(&b, &err, "%s=%d", "n", 42), 0);
	CU_ASSERT_EQUAL(buf_printf(&b, &err, "%s", ""), 0);
	CU_ASSERT_EQUAL(buf_printf(&b, &err, "%s", "12345"), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	CU_ASSERT_STRING_EQUAL(buf_text(&b), "n=42");
	CU_ASSERT_EQUAL(buf_printf(&b, &err, "%s", "1234"), 0);
	CU_ASSERT_STRING_EQUAL(buf_text(&b), "n=421234");
}

static void test_buf_take__leaves_an_empty_buffer_with_its_ceiling(void)
{
	AUTO(buf) struct buf b = BUF_INIT(8);
	struct err err;
	AUTO(free) char *none = buf_take(&b);

	CU_ASSERT_STRING_EQUAL(none, "");
	CU_ASSERT_EQUAL(buf_append(&b, "abc", 3, &err), 0);

	AUTO(free) char *text = buf_take(&b);

	CU_ASSERT_STRING_EQUAL(text, "abc");
	CU_ASSERT_EQUAL(b.len, 0);
	CU_ASSERT_STRING_EQUAL(buf_text(&b), "");
	CU_ASSERT_EQUAL(b.max, 8);
}

static void test_buf_clear__can_be_used_again(void)
{
	AUTO(buf) struct buf b;
	struct err err;

	buf_init(&b, 4);
	CU_ASSERT_EQUAL(buf_append(&b, "abcd", 4, &err), 0);
	buf_clear(&b);
	buf_clear(&b);
	CU_ASSERT_EQUAL(buf_append(&b, "efgh", 4, &err), 0);
	CU_ASSERT_STRING_EQUAL(buf_text(&b), "efgh");
}

TEST_MAIN("buf", TEST(test_buf_append__keeps_a_nul_behind),
	TEST(test_buf_append__accepts_exactly_the_ceiling),
	TEST(test_buf_append__grows_byte_by_byte_to_the_ceiling),
	TEST(test_buf_append__refuses_a_size_that_wraps),
	TEST(test_buf_reserve__leaves_a_nul_behind_what_was_written),
	TEST(test_buf_printf__appends_and_respects_the_ceiling),
	TEST(test_buf_take__leaves_an_empty_buffer_with_its_ceiling),
	TEST(test_buf_clear__can_be_used_again))
