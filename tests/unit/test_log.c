/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/limits.h"
#include "tests/unit/test.h"

#define TS "2026-08-22T10:00:00.123Z"
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Renders and ends with a NUL, for comparing. */
static const char *render(enum log_format format, const struct log_field *fields, size_t n)
{
	static char out[LIMIT_LOG_LINE + 1];
	const struct log_line line = {.ts = TS,
		.level = LOG_LEVEL_INFO,
		.msg = "module served",
		.fields = fields,
		.n = n};
	size_t len = log_render(out, LIMIT_LOG_LINE, format, &line);

	out[len] = '\0';
	return out;
}

static void test_log_render__writes_logfmt(void)
{
	const struct log_field fields[] = {LOG_STR("filter", "ns/auth"), LOG_INT("bytes", -120931),
		LOG_BOOL("ok", true), LOG_STR("left_out", NULL)};

	CU_ASSERT_STRING_EQUAL(render(LOG_FORMAT_LOGFMT, fields, COUNT(fields)),
		"ts=" TS
		" level=info msg=\"module served\" filter=ns/auth bytes=-120931 ok=true\n");
}

static void test_log_render__writes_json(void)
{
	const struct log_field fields[] = {LOG_STR("filter", "ns/auth"),
		LOG_INT("bytes", INT64_MIN), LOG_BOOL("ok", false), LOG_STR("left_out", NULL)};

	CU_ASSERT_STRING_EQUAL(render(LOG_FORMAT_JSON, fields, COUNT(fields)),
		"{\"ts\":\"" TS "\",\"level\":\"info\",\"msg\":\"module served\","
		"\"filter\":\"ns/auth\",\"bytes\":-9223372036854775808,\"ok\":false}\n");
}

static void test_log_render__quotes_only_where_needed(void)
{
	static const struct {
		const char *value;
		const char *shown;
	} cases[] = {
		{"plain-1.2:x/y", "k=plain-1.2:x/y\n"},
		{"\xC3\xA9", "k=\xC3\xA9\n"},
		{"", "k=\"\"\n"},
		{"a b", "k=\"a b\"\n"},
		{"a=b", "k=\"a=b\"\n"},
		{"a\"b", "k=\"a\\\"b\"\n"},
		{"a\\b", "k=\"a\\\\b\"\n"},
		{"a\nlevel=error", "k=\"a\\u000alevel=error\"\n"},
		{"\x1B[31m", "k=\"\\u001b[31m\"\n"},
		{"\x7F", "k=\"\\u007f\"\n"},
		{"\xC2\x9B", "k=\"\\u009b\"\n"},
		{"\xFFz", "k=\"\\ufffdz\"\n"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct log_field field = LOG_STR("k", cases[i].value);

		ASSERT_HAS(render(LOG_FORMAT_LOGFMT, &field, 1), cases[i].shown);
	}
}

static void test_log_render__json_comes_back_as_it_went_in(void)
{
	const char *value = "q\" b\\ n\n e\x1B d\x7F \xC3\xA9 \xF0\x9F\x98\x80";
	const struct log_field field = LOG_STR("k", value);
	const char *line = render(LOG_FORMAT_JSON, &field, 1);
	struct err err;
	AUTO(cjson) cJSON *tree = json_parse(line, strlen(line), &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(tree);
	CU_ASSERT_STRING_EQUAL(json_text(tree, "k"), value);
}

static const struct log_field hostile[] = {LOG_STR("a", "two words and \"quotes\" and \\"),
	LOG_INT("b", 1234567890), LOG_STR("c", "\n\n\n\n\xFF\xF0\x9F\x98\x80"), LOG_BOOL("d", true),
	LOG_STR("e", "plain"), LOG_INT("f", -1)};

/* Returns whether the quotes in a logfmt line pair up. */
static bool is_balanced(const char *line, size_t len)
{
	bool open = false;

	for (size_t i = 0; i < len; i++) {
		if (open && line[i] == '\\')
			i++;
		else if (line[i] == '"')
			open = !open;
	}
	return !open;
}

/* At every length at which it can be cut. */
static void test_log_render__a_cut_line_is_still_whole(void)
{
	const struct log_line line = {.ts = TS,
		.level = LOG_LEVEL_WARN,
		.msg = "a \"message\"",
		.fields = hostile,
		.n = COUNT(hostile)};

	for (size_t cap = 64; cap < 400; cap++) {
		AUTO(free) char *out = malloc(cap);
		struct err err;

		CU_ASSERT_PTR_NOT_NULL_FATAL(out);

		size_t len = log_render(out, cap, LOG_FORMAT_JSON, &line);
		AUTO(cjson) cJSON *tree = json_parse(out, len, &err);

		CU_ASSERT_TRUE(len <= cap);
		CU_ASSERT_PTR_NOT_NULL_FATAL(tree);
		CU_ASSERT_EQUAL(cJSON_HasObjectItem(tree, "f"), !cJSON_HasObjectItem(tree, "cut"));
		CU_ASSERT_PTR_EQUAL(memchr(out, '\n', len), out + len - 1);

		len = log_render(out, cap, LOG_FORMAT_LOGFMT, &line);
		CU_ASSERT_TRUE(len <= cap);
		CU_ASSERT_TRUE(is_balanced(out, len));
		CU_ASSERT_PTR_EQUAL(memchr(out, '\n', len), out + len - 1);
	}
}

static void test_log_render__cuts_a_long_value_and_says_so(void)
{
	char value[2 * LIMIT_LOG_LINE];
	const struct log_field fields[] = {LOG_STR("k", value), LOG_INT("after", 1)};

	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';

	const char *line = render(LOG_FORMAT_LOGFMT, fields, COUNT(fields));

	ASSERT_HAS(line, "xxx cut=true\n");
	CU_ASSERT_PTR_NULL(strstr(line, "after"));
	line = render(LOG_FORMAT_JSON, fields, COUNT(fields));
	ASSERT_HAS(line, "xxx\",\"cut\":true}\n");
	CU_ASSERT_EQUAL(strlen(line), LIMIT_LOG_LINE);
}

/* Puts a pipe in the place of stderr; returns its reading end and what stderr was. */
static int stderr_to_pipe(int *saved)
{
	int ends[2];

	CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	*saved = dup(STDERR_FILENO);
	CU_ASSERT_EQUAL_FATAL(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	close(ends[1]);
	return ends[0];
}

static void test_log_write__writes_one_line_from_the_least_level_up(void)
{
	char out[LIMIT_LOG_LINE + 1] = "";
	int saved = -1;
	const struct err err = {.code = ERR_DENIED, .msg = "no entry"};

	log_setup(LOG_LEVEL_WARN, LOG_FORMAT_LOGFMT);

	AUTO(fd) int end = stderr_to_pipe(&saved);

	errno = EXDEV;
	log_info("not shown");
	log_warn("shown", LOG_ERR(&err));

	int errnum = errno;
	ssize_t n = read(end, out, sizeof(out) - 1);

	CU_ASSERT_EQUAL(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	close(saved);
	CU_ASSERT_EQUAL(errnum, EXDEV);
	CU_ASSERT_TRUE(n > 0);
	CU_ASSERT_EQUAL(strncmp(out, "ts=20", 5), 0);
	CU_ASSERT_EQUAL(out[strlen("ts=" TS) - 1], 'Z');
	CU_ASSERT_STRING_EQUAL(
		out + strlen("ts=" TS), " level=warn msg=shown err=\"no entry\" code=denied\n");
	CU_ASSERT_FALSE(log_enabled(LOG_LEVEL_INFO));
	CU_ASSERT_TRUE(log_enabled(LOG_LEVEL_ERROR));
}

TEST_MAIN("log", TEST(test_log_render__writes_logfmt), TEST(test_log_render__writes_json),
	TEST(test_log_render__quotes_only_where_needed),
	TEST(test_log_render__json_comes_back_as_it_went_in),
	TEST(test_log_render__a_cut_line_is_still_whole),
	TEST(test_log_render__cuts_a_long_value_and_says_so),
	TEST(test_log_write__writes_one_line_from_the_least_level_up))
