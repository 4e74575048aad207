/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

#define CORPUS "tests/fuzz/corpus/json"

/* Expects text to be refused, and with which words. */
static void refuses(const char *text, size_t n, const char *says)
{
	struct err err = {.code = ERR_NONE};
	AUTO(cjson) cJSON *tree = json_parse(text, n, &err);

	CU_ASSERT_PTR_NULL(tree);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, says);
}

/* The corpus of the fuzz target says by its names what is good and what is bad. */
static void test_json_parse__judges_the_corpus(void)
{
	AUTO(dir) DIR *folder = opendir(CORPUS);
	const struct dirent *entry = NULL;
	unsigned good = 0;
	unsigned bad = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(folder);
	while ((entry = readdir(folder))) {
		AUTO(buf) struct buf text = BUF_INIT(LIMIT_JSON_BYTES);
		struct err err = {.code = ERR_NONE};
		bool is_good = strncmp(entry->d_name, "good-", 5) == 0;

		if (!is_good && strncmp(entry->d_name, "bad-", 4) != 0)
			continue;
		CU_ASSERT_EQUAL(io_read_file(dirfd(folder), entry->d_name, &text, &err), 0);

		AUTO(cjson) cJSON *tree = json_parse(buf_text(&text), text.len, &err);

		if (is_good != (tree != NULL))
			printf("\n  %s: %s\n", entry->d_name, tree ? "accepted" : err.msg);
		CU_ASSERT_EQUAL(tree != NULL, is_good);
		good += is_good;
		bad += !is_good;
	}
	CU_ASSERT_TRUE(good >= 10);
	CU_ASSERT_TRUE(bad >= 40);
}

static void test_json_parse__says_where_and_what(void)
{
	static const struct {
		const char *text;
		const char *says;
	} cases[] = {
		{"", "byte 0: ends too early"},
		{"[1,", "byte 3: ends too early"},
		{"{\"a\":", "byte 5: ends too early"},
		{"{} x", "byte 3: nothing may stand behind"},
		{"[1 2]", "byte 3: a comma or ] must stand here"},
		{"{\"a\":1]", "byte 6: a comma or } must stand here"},
		{"{a:1}", "byte 1: a key in quotes must stand here"},
		{"{\"a\" 1}", "byte 5: a colon must stand here"},
		{"[1,]", "byte 3: a value must stand here"},
		{"\"a\nb\"", "byte 2: control byte in a string"},
		{"\"a\\u0000\"", "byte 2: \\u0000 is not allowed"},
		{"\"\\ud800x\"", "byte 1: half of a surrogate pair"},
		{"\"\\q\"", "byte 1: unknown escape"},
		{"\"\\u00g0\"", "byte 1: \\u must have four hex digits"},
		{"\"abc", "byte 4: string without an end"},
		{"[01]", "byte 1: number with a leading zero"},
		{"[\"\xC3(\"]", "byte 2: not UTF-8"},
		{"{\"k\":1,\"\\u006b\":2}", "key \"k\" must not stand twice"},
		{"-1e999", "a number is greater than a double can hold"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		refuses(cases[i].text, strlen(cases[i].text), cases[i].says);
}

static void test_json_parse__refuses_a_nul(void)
{
	refuses("\"a\0b\"", 5, "byte 2");
	refuses("{}\0", 3, "byte 2");
}

static void test_json_parse_nul__lets_escaped_nuls_through(void)
{
	static const char text[] = "{\"a\\u0000b\":[\"\\u0000\",\"\\\\u0000\"]}";
	struct err err;
	AUTO(cjson) cJSON *tree = json_parse_nul(text, strlen(text), &err);
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(tree, "a" JSON_NUL "b");

	CU_ASSERT_PTR_NOT_NULL_FATAL(list);
	CU_ASSERT_STRING_EQUAL(cJSON_GetStringValue(cJSON_GetArrayItem(list, 0)), JSON_NUL);
	CU_ASSERT_STRING_EQUAL(cJSON_GetStringValue(cJSON_GetArrayItem(list, 1)), "\\u0000");
}

static void test_json_parse_nul__is_as_strict_in_all_else(void)
{
	static const char *const wrong[] = {"\"\\u000\"", "\"\\u0000", "\"" JSON_NUL "\"",
		"{\"\\u0000\":1,\"\\u0000\":2}", "\"\\u0000\" 1"};
	struct err err;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CU_ASSERT_PTR_NULL(json_parse_nul(wrong[i], strlen(wrong[i]), &err));
	CU_ASSERT_PTR_NULL(json_parse_nul("\"a\0b\"", 5, &err));
}

static void test_json_parse__reads_no_further_than_n(void)
{
	struct err err;
	AUTO(free) char *exact = xmalloc(3);

	memcpy(exact, "123", 3);

	AUTO(cjson) cJSON *tree = json_parse(exact, 3, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(tree);
	CU_ASSERT_EQUAL(cJSON_GetNumberValue(tree), 123.0);
}

static void test_json_parse__holds_the_depth(void)
{
	static char text[LIMIT_JSON_BYTES];
	char good[2 * LIMIT_JSON_DEPTH];
	struct err err;

	memset(good, '[', LIMIT_JSON_DEPTH);
	memset(good + LIMIT_JSON_DEPTH, ']', LIMIT_JSON_DEPTH);

	AUTO(cjson) cJSON *tree = json_parse(good, sizeof(good), &err);

	CU_ASSERT_PTR_NOT_NULL(tree);
	memset(text, '[', sizeof(text));
	refuses(text, sizeof(text), "byte 64: nested deeper than 64 levels");
}

static void test_json_parse__refuses_more_bytes_than_its_ceiling(void)
{
	AUTO(free) char *text = xmalloc(LIMIT_JSON_BYTES + 1);

	memset(text, ' ', LIMIT_JSON_BYTES + 1);
	text[0] = '1';
	refuses(text, LIMIT_JSON_BYTES + 1, "must be at most 8388608");
}

static void test_json_parse__refuses_more_values_than_its_ceiling(void)
{
	AUTO(free) char *text = xmalloc(2 * LIMIT_JSON_VALUES + 1);

	for (size_t i = 0; i < LIMIT_JSON_VALUES; i++)
		memcpy(text + 2 * i, "0,", 2);
	text[0] = '[';
	text[1] = ' ';
	memcpy(text + 2 * LIMIT_JSON_VALUES - 1, ",0", 2);
	refuses(text, 2 * LIMIT_JSON_VALUES + 1, "more than 1000000 values");
}

/* With a comparison of each with each this takes minutes. */
static void test_json_parse__finds_a_double_key_among_many(void)
{
	AUTO(buf) struct buf text = BUF_INIT(LIMIT_JSON_BYTES);
	struct err err = {.code = ERR_NONE};
	int rc = buf_append(&text, "{", 1, &err);

	for (int i = 0; i < 200000 && rc == 0; i++)
		rc = buf_printf(&text, &err, "\"key-%d\":0,", i);
	CU_ASSERT_EQUAL_FATAL(rc, 0);
	CU_ASSERT_EQUAL(buf_append(&text, "\"key-0\":1}", 10, &err), 0);
	refuses(text.data, text.len, "key \"key-0\" must not stand twice");
}

static void test_json_text__gives_only_text(void)
{
	static const char text[] = "{\"a\":\"x\",\"A\":\"y\",\"n\":1,\"o\":{},\"z\":null}";
	struct err err;
	AUTO(cjson) cJSON *tree = json_parse(text, sizeof(text) - 1, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(tree);
	CU_ASSERT_STRING_EQUAL(json_text(tree, "a"), "x");
	CU_ASSERT_STRING_EQUAL(json_text(tree, "A"), "y");
	CU_ASSERT_PTR_NULL(json_text(tree, "n"));
	CU_ASSERT_PTR_NULL(json_text(tree, "o"));
	CU_ASSERT_PTR_NULL(json_text(tree, "z"));
	CU_ASSERT_PTR_NULL(json_text(tree, "missing"));
	CU_ASSERT_PTR_NULL(json_text(NULL, "a"));
}

static void test_json_utf8_valid__gives_the_first_bad_byte(void)
{
	size_t bad = 99;

	CU_ASSERT_TRUE(json_utf8_valid("", 0, &bad));
	CU_ASSERT_TRUE(json_utf8_valid("a\xE2\x82\xAC", 4, &bad));
	CU_ASSERT_EQUAL(bad, 99);
	CU_ASSERT_FALSE(json_utf8_valid("a\xE2\x82\xAC\xFF", 5, &bad));
	CU_ASSERT_EQUAL(bad, 4);
	CU_ASSERT_FALSE(json_utf8_valid("a\xE2\x82\xAC", 3, &bad));
	CU_ASSERT_EQUAL(bad, 1);
}

static void test_json_parse_within__holds_its_own_ceiling(void)
{
	struct err err = {.msg = ""};
	AUTO(cjson) cJSON *most = json_parse_within("[1,2]", 5, 3, &err);
	AUTO(cjson) cJSON *more = json_parse_within("[1,2]", 5, 2, &err);

	CU_ASSERT_PTR_NOT_NULL(most);
	CU_ASSERT_PTR_NULL(more);
	ASSERT_HAS(err.msg, "more than 2 values");
}

TEST_MAIN("json", TEST(test_json_parse__judges_the_corpus),
	TEST(test_json_parse__says_where_and_what), TEST(test_json_parse__refuses_a_nul),
	TEST(test_json_parse__reads_no_further_than_n), TEST(test_json_parse__holds_the_depth),
	TEST(test_json_parse__refuses_more_bytes_than_its_ceiling),
	TEST(test_json_parse__refuses_more_values_than_its_ceiling),
	TEST(test_json_parse__finds_a_double_key_among_many), TEST(test_json_text__gives_only_text),
	TEST(test_json_utf8_valid__gives_the_first_bad_byte),
	TEST(test_json_parse_within__holds_its_own_ceiling),
	TEST(test_json_parse_nul__lets_escaped_nuls_through),
	TEST(test_json_parse_nul__is_as_strict_in_all_else))
