/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/access.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/limits.h"
#include "tests/unit/review_fixture.h"
#include "tests/unit/test.h"

static const struct referral creds = {
	.field = "f", .resource = "secrets", .namespace = "vault", .name = "creds"};

static char *ask(const char *text)
{
	AUTO(review) struct review r = {.tree = NULL};
	AUTO(buf) struct buf out = BUF_INIT(LIMIT_REVIEW_BYTES);
	struct err err;

	CU_ASSERT_EQUAL_FATAL(review_parse(&r, text, strlen(text), &err), 0);
	CU_ASSERT_EQUAL_FATAL(access_question(&out, &r, &creds, &err), 0);
	return buf_take(&out);
}

static void test_access_question__asks_for_the_user_of_the_review(void)
{
	AUTO(free) char *text = review_text(&(struct review_parts){.object = "{}"});
	AUTO(free) char *asked = ask(text);

	CU_ASSERT_STRING_EQUAL(asked,
		"{\"apiVersion\":\"authorization.k8s.io/v1\",\"kind\":\"SubjectAccessReview\","
		"\"spec\":{\"resourceAttributes\":{\"verb\":\"get\",\"version\":\"v1\","
		"\"resource\":"
		"\"secrets\",\"namespace\":\"vault\",\"name\":\"creds\"},\"user\":\"alice\","
		"\"uid\":"
		"\"7\",\"groups\":[\"devs\",\"all\"],\"extra\":{\"k\":[\"v\"]}}}");
}

#define HEAD "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"request\":"

/* The API server then refuses the question: nobody is allowed. */
static void test_access_question__makes_nobody_up(void)
{
	AUTO(free) char *none = ask(HEAD "{\"uid\":\"1\"}}");
	AUTO(free)
	char *odd = ask(HEAD "{\"uid\":\"1\",\"userInfo\":{\"username\":7,\"groups\":\"g\","
			     "\"extra\":[],\"uid\":{}}}}");

	ASSERT_HAS(none, "\"user\":\"\"}}");
	ASSERT_HAS(odd, "\"user\":\"\"}}");
}

/* What is cut at a NUL might be the name of somebody who may do more. */
static void test_access_question__cuts_no_name_at_a_nul(void)
{
	AUTO(free)
	char *asked = ask(HEAD "{\"uid\":\"1\",\"userInfo\":{\"username\":\"root\\u0000\","
			       "\"groups\":[\"all\",\"admins\\u0000\"],\"uid\":\"0\\u0000\"}}}");

	ASSERT_HAS(asked, "\"user\":\"\",\"groups\":[\"all\"]}}");
}

static void test_access_answer__reads_the_verdict(void)
{
	static const char yes[] = "{\"status\":{\"allowed\":true}}";
	static const char no[] = "{\"status\":{\"allowed\":false,\"reason\":\"x\"}}";
	bool allowed = false;
	struct err err;

	CU_ASSERT_EQUAL(access_answer(&allowed, yes, strlen(yes), &err), 0);
	CU_ASSERT_TRUE(allowed);
	CU_ASSERT_EQUAL(access_answer(&allowed, no, strlen(no), &err), 0);
	CU_ASSERT_FALSE(allowed);
}

static void refuses(const char *text)
{
	bool allowed = false;
	struct err err = {.code = ERR_NONE};

	CU_ASSERT_EQUAL(access_answer(&allowed, text, strlen(text), &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	CU_ASSERT_FALSE(allowed);
}

static void test_access_answer__believes_nothing_else(void)
{
	refuses("");
	refuses("{}");
	refuses("{\"status\":{}}");
	refuses("{\"status\":{\"allowed\":\"true\"}}");
	refuses("{\"status\":{\"allowed\":1}}");
}

TEST_MAIN("access", TEST(test_access_question__asks_for_the_user_of_the_review),
	TEST(test_access_question__makes_nobody_up),
	TEST(test_access_question__cuts_no_name_at_a_nul),
	TEST(test_access_answer__reads_the_verdict),
	TEST(test_access_answer__believes_nothing_else))
