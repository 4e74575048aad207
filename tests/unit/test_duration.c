/* SPDX-License-Identifier: Apache-2.0 */
#include "api/duration.h"

#include "base/limits.h"
#include "tests/unit/test.h"

static void test_duration_parse__reads_what_go_writes(void)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {{"1ms", 1}, {"500ms", 500}, {"1s", 1000}, {"1.5s", 1500}, {"0.001s", 1},
		{"0.05s", 50}, {"2m", 120000}, {"1m30s", 90000}, {"1h0m0.25s", 3600250},
		{"0h5ms", 5}, {"24h", LIMIT_DURATION_MS}, {"86400000ms", LIMIT_DURATION_MS}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err err = {.msg = ""};
		int64_t ms = -1;

		CU_ASSERT_EQUAL(duration_parse(&ms, rows[i].text, &err), 0);
		CU_ASSERT_EQUAL(ms, rows[i].ms);
		CU_ASSERT_STRING_EQUAL(err.msg, "");
	}
}

static void refuses(const char *text, const char *reason)
{
	struct err err = {.msg = ""};
	int64_t ms = -1;

	CU_ASSERT_EQUAL(duration_parse(&ms, text, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, reason);
	CU_ASSERT_EQUAL(ms, -1);
}

static void test_duration_parse__refuses_what_is_none(void)
{
	static const char *const texts[] = {"", "1", "s", "ms", "1 s", " 1s", "1s ", "-1s", "+1s",
		"1d", "1S", "1us", "1.s", ".5s", "1.0000s", "1.5ms", "0.0001s", "1sx", "1s1",
		"1234567890ms", "1s\n", "0x1s", "1e3ms"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		refuses(texts[i], "must be a duration of whole milliseconds");
}

static void test_duration_parse__refuses_what_is_out_of_bounds(void)
{
	static const char *const texts[] = {"0s", "0h0m0ms", "24h1ms", "86400001ms", "999999999h",
		"999999999h999999999h999999999h"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		refuses(texts[i], "must be 1ms to 24h, not \"");
}

static void test_duration_parse__refuses_what_is_too_long(void)
{
	char text[LIMIT_DURATION_BYTES + 2];

	memset(text, '0', sizeof(text));
	memcpy(text + LIMIT_DURATION_BYTES - 3, "1ms", sizeof("1ms"));
	refuses(text, "must be a duration of whole milliseconds");
	memcpy(text + LIMIT_DURATION_BYTES - 2, "1ms", sizeof("1ms"));
	refuses(text, "must be at most 64 bytes, not 65");
}

TEST_MAIN("duration", TEST(test_duration_parse__reads_what_go_writes),
	TEST(test_duration_parse__refuses_what_is_none),
	TEST(test_duration_parse__refuses_what_is_out_of_bounds),
	TEST(test_duration_parse__refuses_what_is_too_long))
