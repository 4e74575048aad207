/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/wording.h"

#include "base/utf8.h"
#include "tests/unit/test.h"

static void assert_clean(const char *text, size_t cap, const char *want)
{
	char out[64];

	memset(out, '#', sizeof(out));
	CU_ASSERT_FATAL(cap <= sizeof(out));
	wording_clean(out, cap, text);
	CU_ASSERT_STRING_EQUAL(out, want);
}

static void test_wording_clean__keeps_what_is_clean(void)
{
	assert_clean("", 64, "");
	assert_clean(NULL, 64, "");
	assert_clean("HTTP 503 from \"a\\b\"", 64, "HTTP 503 from \"a\\b\"");
	assert_clean("gr\xc3\xbc\xc3\x9f", 64, "gr\xc3\xbc\xc3\x9f");
}

static void test_wording_clean__puts_all_on_one_line_of_utf8(void)
{
	assert_clean("a\nb\tc\x7f", 64, "a b c ");
	assert_clean("a\xff\xfe", 64, "a??");
	assert_clean("cut \xe2\x80", 64, "cut ??");
	assert_clean("c1\xc2\x85x", 64, "c1  x");
}

static void test_wording_clean__cuts_between_characters(void)
{
	assert_clean("12345678", 9, "12345678");
	assert_clean("123456789", 9, "12345\xe2\x80\xa6");
	assert_clean("1234\xc3\xbc\xc3\xbc\xc3\xbc", 9, "1234\xe2\x80\xa6");
	for (size_t cap = 4; cap < 20; cap++) {
		char out[64];

		wording_clean(out, cap,
			"\xc3\xbc"
			"a\xe2\x82\xac"
			"b\xf0\x9f\x98\x80"
			"c\xc3\xbc"
			"dddddd");
		CU_ASSERT(strlen(out) < cap);
		CU_ASSERT_EQUAL(utf8_whole(out, strlen(out)), strlen(out));
		for (size_t at = 0; out[at];) {
			size_t len = utf8_len(out + at, strlen(out + at));

			CU_ASSERT_FATAL(len > 0);
			at += len;
		}
	}
}

static void test_wording_clean__changes_nothing_the_second_time(void)
{
	char once[16], twice[16];

	wording_clean(once, sizeof(once), "a long message\nof \xff more than that");
	wording_clean(twice, sizeof(twice), once);
	CU_ASSERT_STRING_EQUAL(once, twice);
}

static void assert_steady(const char *text, const char *want)
{
	char out[256];

	(void)snprintf(out, sizeof(out), "%s", text);
	wording_steady(out);
	CU_ASSERT_STRING_EQUAL(out, want);
}

static void test_wording_steady__drops_durations_and_counts(void)
{
	assert_steady("Failed to connect to a port 80 after 3 ms: refused",
		"Failed to connect to a port 80 after # ms: refused");
	assert_steady("timed out after 10001 milliseconds with 77 bytes received",
		"timed out after # milliseconds with # bytes received");
	assert_steady("tried 12 times: HTTP 503", "tried # times: HTTP 503");
	assert_steady("waited 1.5s, then 20ms", "waited #s, then #ms");
	assert_steady("in 3 s", "in # s");
}

static void test_wording_steady__keeps_every_other_number(void)
{
	static const char *const texts[] = {"", " ", "HTTP 503", "port 8080 is taken",
		"expected 3a7f got 9912", "v1.2.3 is not there", "line 7: 12 of 30", "s3", "7",
		"80 sections", "  two  spaces ", "1.2.3.4:80 ms"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_steady(texts[i], texts[i]);
}

TEST_MAIN("wording", TEST(test_wording_clean__keeps_what_is_clean),
	TEST(test_wording_clean__puts_all_on_one_line_of_utf8),
	TEST(test_wording_clean__cuts_between_characters),
	TEST(test_wording_clean__changes_nothing_the_second_time),
	TEST(test_wording_steady__drops_durations_and_counts),
	TEST(test_wording_steady__keeps_every_other_number))
