/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/token.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

static void takes(const char *json, const char *text, int64_t lifetime_s)
{
	AUTO(token) struct token t = {.text = NULL};
	struct err err = {.msg = ""};

	if (token_parse(&t, json, strlen(json), &err) < 0)
		printf("\n  %s: %s\n", json, err.msg);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t.text);
	CU_ASSERT_STRING_EQUAL(t.text, text);
	CU_ASSERT_EQUAL(t.lifetime_s, lifetime_s);
}

static void refuses(const char *json, const char *says)
{
	AUTO(token) struct token t = {.text = NULL};
	struct err err = {.code = ERR_NONE, .msg = ""};

	CU_ASSERT_EQUAL(token_parse(&t, json, strlen(json), &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	CU_ASSERT_PTR_NULL(t.text);
	ASSERT_HAS(err.msg, says);
	CU_ASSERT_PTR_NULL(strstr(err.msg, "hunter2"));
}

static void test_token_parse__takes_either_name(void)
{
	takes("{\"token\":\"a.b-c_d\"}", "a.b-c_d", 60);
	takes("{\"access_token\":\"x\"}", "x", 60);
	takes("{\"token\":\"a\",\"access_token\":\"x\"}", "a", 60);
	takes("{\"token\":\"\",\"access_token\":\"x\"}", "x", 60);
	takes("{\"token\":null,\"access_token\":\"x\"}", "x", 60);
}

static void test_token_parse__bounds_the_lifetime(void)
{
	takes("{\"token\":\"a\",\"expires_in\":300}", "a", 300);
	takes("{\"token\":\"a\",\"expires_in\":1}", "a", 60);
	takes("{\"token\":\"a\",\"expires_in\":-5}", "a", 60);
	takes("{\"token\":\"a\",\"expires_in\":\"300\"}", "a", 60);
	takes("{\"token\":\"a\",\"expires_in\":1e300}", "a", 86400);
}

static void test_token_parse__refuses_what_has_none(void)
{
	refuses("", "JSON");
	refuses("<html>", "JSON");
	refuses("{}", "token or an access_token");
	refuses("[]", "token or an access_token");
	refuses("\"hunter2\"", "token or an access_token");
	refuses("{\"token\":1}", "token or an access_token");
	refuses("{\"token\":\"\"}", "token or an access_token");
	refuses("{\"token\":\"a\",\"token\":\"b\"}", "twice");
}

static void test_token_parse__refuses_what_is_not_fit_for_a_header(void)
{
	AUTO(free) char *is_long = xasprintf("{\"token\":\"%0*d\"}", (int)LIMIT_TOKEN_BYTES + 1, 0);

	refuses("{\"token\":\"hunter2\\r\\nX: y\"}", "printable ASCII");
	refuses("{\"token\":\"hunter2 x\"}", "printable ASCII");
	refuses("{\"token\":\"hunter2\\u00fc\"}", "printable ASCII");
	refuses(is_long, "at most 32768 bytes");
}

TEST_MAIN("token", TEST(test_token_parse__takes_either_name),
	TEST(test_token_parse__bounds_the_lifetime), TEST(test_token_parse__refuses_what_has_none),
	TEST(test_token_parse__refuses_what_is_not_fit_for_a_header))
