/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/resume.h"

#include <string.h>

#include "base/auto.h"
#include "tests/unit/test.h"

static void test_content_range_parse__reads_three_numbers(void)
{
	struct content_range r = {0};

	CU_ASSERT_TRUE(content_range_parse(&r, "bytes 5-9/10"));
	CU_ASSERT_EQUAL(r.first, 5);
	CU_ASSERT_EQUAL(r.last, 9);
	CU_ASSERT_EQUAL(r.total, 10);
	CU_ASSERT_TRUE(content_range_parse(&r, "BYTES 0-0/18446744073709551615"));
	CU_ASSERT_EQUAL(r.total, UINT64_MAX);
}

static void test_content_range_parse__refuses_all_else(void)
{
	static const char *const values[] = {"", "bytes", "bytes ", "bytes 5-9", "bytes 5-9/",
		"bytes 5-9/*", "bytes */10", "bytes 9-5/10", "bytes 5-10/10", "bytes 5-9/10x",
		"bytes -5-9/10", "bytes +5-9/10", "bytes 5 -9/10", "bytes  5-9/10", "items 5-9/10",
		"bytes=5-9/10", "bytes 5-9/18446744073709551616"};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct content_range r = {.first = 77};

		CU_ASSERT_FALSE(content_range_parse(&r, values[i]));
		CU_ASSERT_EQUAL(r.first, 77);
	}
}

static void test_resume_note__needs_a_strong_etag_or_a_name_for_ever(void)
{
	static const struct {
		const char *etag;
		bool immutable;
		bool possible;
		const char *kept;
	} table[] = {
		{"\"a\"", false, true, "\"a\""},
		{"\"a\"", true, true, "\"a\""},
		{"W/\"a\"", false, false, NULL},
		{"W/\"a\"", true, true, NULL},
		{NULL, false, false, NULL},
		{NULL, true, true, NULL},
		{"", false, false, NULL},
		{"\"\"", false, false, NULL},
		{"a", false, false, NULL},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		AUTO(resume) struct resume r = {0};

		resume_note(&r, "\"before\"", 5, true);
		resume_note(&r, table[i].etag, 10, table[i].immutable);
		CU_ASSERT_EQUAL(r.possible, table[i].possible);
		CU_ASSERT_EQUAL(r.total, 10);
		CU_ASSERT_EQUAL(r.etag == NULL, table[i].kept == NULL);
		if (r.etag && table[i].kept)
			CU_ASSERT_STRING_EQUAL(r.etag, table[i].kept);
	}
}

static void test_resume_fits__wants_the_part_behind(void)
{
	static const struct {
		uint64_t from;
		int64_t length; /* of the first answer */
		const char *range;
		const char *etag;
		bool fits;
	} table[] = {
		{5, 10, "bytes 5-9/10", "\"a\"", true},
		{5, 10, "bytes 5-7/10", "\"a\"", true},
		{5, 10, "bytes 5-9/10", NULL, true},
		{5, -1, "bytes 5-9/10", "\"a\"", true},
		{5, 10, "bytes 5-9/10", "\"b\"", false},
		{5, 10, "bytes 5-9/10", "W/\"a\"", false},
		{5, 10, "bytes 4-9/10", "\"a\"", false},
		{5, 10, "bytes 6-9/10", "\"a\"", false},
		{5, 10, "bytes 5-9/11", "\"a\"", false},
		{5, 10, NULL, "\"a\"", false},
		{5, 10, "nonsense", "\"a\"", false},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		AUTO(resume) struct resume r = {0};

		resume_note(&r, "\"a\"", table[i].length, false);
		CU_ASSERT_EQUAL(resume_fits(&r, table[i].from, table[i].range, table[i].etag),
			table[i].fits);
	}
}

TEST_MAIN("resume", TEST(test_content_range_parse__reads_three_numbers),
	TEST(test_content_range_parse__refuses_all_else),
	TEST(test_resume_note__needs_a_strong_etag_or_a_name_for_ever),
	TEST(test_resume_fits__wants_the_part_behind))
