/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/verdict.h"

#include "tests/unit/test.h"

static void test_verdict_of__says_what_the_caller_does_next(void)
{
	static const struct {
		long status;
		enum err_code code;
	} cases[] = {
		{301, ERR_INVALID},
		{400, ERR_INVALID},
		{401, ERR_DENIED},
		{403, ERR_DENIED},
		{404, ERR_NOT_FOUND},
		{408, ERR_TRANSIENT},
		{409, ERR_CONFLICT},
		{410, ERR_CONFLICT},
		{422, ERR_INVALID},
		{429, ERR_TRANSIENT},
		{500, ERR_TRANSIENT},
		{503, ERR_TRANSIENT},
		{600, ERR_INVALID},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {.code = ERR_NONE};

		CU_ASSERT_EQUAL(verdict_of(cases[i].status, "", 0, &err), -1);
		CU_ASSERT_EQUAL(err.code, cases[i].code);
	}
}

static void test_verdict_of__lets_every_success_pass(void)
{
	static const long statuses[] = {200, 201, 202, 204};

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		struct err err = {.code = ERR_NONE};

		CU_ASSERT_EQUAL(verdict_of(statuses[i], "?", 1, &err), 0);
		CU_ASSERT_EQUAL(err.code, ERR_NONE);
	}
}

static void test_verdict_of__gives_the_words_of_the_server(void)
{
	static const char body[] = "{\"kind\":\"Status\",\"message\":\"secrets \\\"s\\\" is\\n"
				   "forbidden\",\"code\":403}";
	struct err err = {.code = ERR_NONE};

	CU_ASSERT_EQUAL(verdict_of(403, body, sizeof(body) - 1, &err), -1);
	CU_ASSERT_STRING_EQUAL(err.msg, "the API server answered 403: secrets \"s\" is forbidden");
}

static void test_verdict_of__does_without_words_where_there_are_none(void)
{
	static const char *const bodies[] = {"", "<html>", "[]", "{\"message\":7}", "null"};

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct err err = {.code = ERR_NONE};

		CU_ASSERT_EQUAL(verdict_of(502, bodies[i], strlen(bodies[i]), &err), -1);
		CU_ASSERT_STRING_EQUAL(err.msg, "the API server answered 502");
	}
}

static void test_verdict_of__cuts_many_words_between_characters(void)
{
	char body[2048] = "{\"message\":\"";
	struct err err = {.code = ERR_NONE};
	size_t n = strlen(body);

	for (int i = 0; i < 500; i++) {
		memcpy(body + n, "\xC3\xA4", 2);
		n += 2;
	}
	memcpy(body + n, "\"}", 3);
	CU_ASSERT_EQUAL(verdict_of(422, body, strlen(body), &err), -1);
	CU_ASSERT_TRUE(strlen(err.msg) < sizeof(err.msg) - 64);
	CU_ASSERT_EQUAL(err.msg[strlen(err.msg) - 1], '\xA4');
}

TEST_MAIN("verdict", TEST(test_verdict_of__says_what_the_caller_does_next),
	TEST(test_verdict_of__lets_every_success_pass),
	TEST(test_verdict_of__gives_the_words_of_the_server),
	TEST(test_verdict_of__does_without_words_where_there_are_none),
	TEST(test_verdict_of__cuts_many_words_between_characters))
