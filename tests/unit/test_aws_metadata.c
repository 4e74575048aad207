/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws_remote.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "tests/unit/aws_server.h"
#include "tests/unit/test.h"

#define ROLES "/latest/meta-data/iam/security-credentials/"
#define TOKEN "X-aws-ec2-metadata-token: imds-token"
#define TTL "X-aws-ec2-metadata-token-ttl-seconds: 300"
#define CREDENTIALS                                                                      \
	"{\"Code\":\"Success\",\"AccessKeyId\":\"ASIA\",\"SecretAccessKey\":\"sesame\"," \
	"\"Token\":\"session\",\"Expiration\":\"2099-01-02T03:04:05Z\"}"
#define SESSION                                                          \
	{                                                                \
		"PUT", "/latest/api/token", TTL, 200, NULL, "imds-token" \
	}

/* Asks a server with these routes; returns how many requests it took, or -1 with err. */
static int ask(struct aws_credentials *out, const struct aws_route *routes, size_t n,
	const char *more, struct err *err)
{
	AUTO(aws_server) struct aws_server *s = aws_server_start(routes, n);
	AUTO(free)
	char *url = xasprintf("AWS_EC2_METADATA_SERVICE_ENDPOINT=%s/", aws_server_url(s));
	const char *const environment[] = {url, more, NULL};
	AUTO(aws_fixture) struct aws_fixture f = {0};

	aws_fixture_init(&f, environment);
	if (aws_metadata(out, &f.task, &f.environment, err) < 0)
		return -1;
	return (int)aws_server_requests(s);
}

static void test_aws_metadata__opens_a_session_and_asks_for_the_role(void)
{
	static const struct aws_route routes[] = {SESSION,
		{"GET", ROLES, TOKEN, 200, NULL, "my-role\nother\n"},
		{"GET", ROLES "my-role", TOKEN, 200, NULL, CREDENTIALS}};
	AUTO(aws_credentials) struct aws_credentials c = {0};
	struct err err = {0};

	CU_ASSERT_EQUAL(ask(&c, routes, 3, NULL, &err), 3);
	CU_ASSERT_STRING_EQUAL(c.key_id, "ASIA");
	CU_ASSERT_STRING_EQUAL(c.session_token, "session");
	CU_ASSERT_NOT_EQUAL(c.expires, 0);
}

static void test_aws_metadata__is_not_there_where_it_says_no_or_nothing(void)
{
	static const struct aws_route off[] = {{"PUT", "/latest/api/token", NULL, 403, NULL, ""}};
	static const struct aws_route silent[] = {{"PUT", "/latest/api/token", NULL, 0, NULL, ""}};
	static const struct aws_route no_role[] = {SESSION, {"GET", ROLES, TOKEN, 404, NULL, "x"}};
	const struct {
		const struct aws_route *routes;
		size_t n;
		int requests;
	} cases[] = {{off, 1, 1}, {silent, 1, 1}, {no_role, 2, 2}, {NULL, 0, 1}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(aws_credentials) struct aws_credentials c = {0};
		struct err err = {0};

		CU_ASSERT_EQUAL(
			ask(&c, cases[i].routes, cases[i].n, NULL, &err), cases[i].requests);
		CU_ASSERT_FALSE(aws_credentials_are_set(&c));
	}
}

static void test_aws_metadata__is_not_there_where_nobody_listens(void)
{
	static const char *const environment[] = {
		"AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:1", NULL};
	AUTO(aws_fixture) struct aws_fixture f = {0};
	AUTO(aws_credentials) struct aws_credentials c = {0};
	struct err err = {0};

	aws_fixture_init(&f, environment);
	CU_ASSERT_EQUAL(aws_metadata(&c, &f.task, &f.environment, &err), 0);
	CU_ASSERT_FALSE(aws_credentials_are_set(&c));
}

static void test_aws_metadata__is_not_asked_where_it_is_disabled(void)
{
	AUTO(aws_credentials) struct aws_credentials c = {0};
	struct err err = {0};

	CU_ASSERT_EQUAL(ask(&c, NULL, 0, "AWS_EC2_METADATA_DISABLED=TRUE", &err), 0);
	CU_ASSERT_EQUAL(ask(&c, NULL, 0, "AWS_EC2_METADATA_DISABLED=false", &err), 1);
}

static void test_aws_metadata__says_what_is_wrong(void)
{
	static const struct aws_route broken[] = {
		{"PUT", "/latest/api/token", NULL, 500, NULL, ""}};
	static const struct aws_route odd_token[] = {
		{"PUT", "/latest/api/token", NULL, 200, NULL, "sesame\r\nX: y"}};
	static const struct aws_route odd_role[] = {
		SESSION, {"GET", ROLES, TOKEN, 200, NULL, "../../user-data"}};
	static const struct aws_route refused[] = {SESSION, {"GET", ROLES, TOKEN, 401, NULL, ""}};
	static const struct aws_route failed[] = {SESSION, {"GET", ROLES, TOKEN, 200, NULL, "r"},
		{"GET", ROLES "r", TOKEN, 200, NULL, "{\"Code\":\"Failed\"}"}};
	static const struct aws_route away[] = {
		SESSION, {"GET", ROLES, TOKEN, 302, "Location: /x", ""}};
	const struct {
		const struct aws_route *routes;
		size_t n;
		enum err_code code;
		const char *want;
	} cases[] = {
		{broken, 1, ERR_TRANSIENT, "500"},
		{odd_token, 1, ERR_INVALID, "token"},
		{odd_role, 2, ERR_INVALID, "role"},
		{refused, 2, ERR_DENIED, "401"},
		{failed, 3, ERR_TRANSIENT, "Failed"},
		{away, 2, ERR_DENIED, "302"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(aws_credentials) struct aws_credentials c = {0};
		struct err err = {0};

		CU_ASSERT_EQUAL(ask(&c, cases[i].routes, cases[i].n, NULL, &err), -1);
		CU_ASSERT_EQUAL(err.code, cases[i].code);
		ASSERT_HAS(err.msg, cases[i].want);
		ASSERT_HAS(err.msg, "127.0.0.1");
		CU_ASSERT_PTR_NULL(strstr(err.msg, "sesame"));
	}
}

static void test_aws_metadata__names_a_wrong_variable(void)
{
	static const char *const environment[] = {"AWS_EC2_METADATA_SERVICE_ENDPOINT=imds", NULL};
	AUTO(aws_fixture) struct aws_fixture f = {0};
	AUTO(aws_credentials) struct aws_credentials c = {0};
	struct err err = {0};

	aws_fixture_init(&f, environment);
	CU_ASSERT_EQUAL(aws_metadata(&c, &f.task, &f.environment, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, "AWS_EC2_METADATA_SERVICE_ENDPOINT: must be");
}

TEST_MAIN("aws_metadata", TEST(test_aws_metadata__opens_a_session_and_asks_for_the_role),
	TEST(test_aws_metadata__is_not_there_where_it_says_no_or_nothing),
	TEST(test_aws_metadata__is_not_there_where_nobody_listens),
	TEST(test_aws_metadata__is_not_asked_where_it_is_disabled),
	TEST(test_aws_metadata__says_what_is_wrong),
	TEST(test_aws_metadata__names_a_wrong_variable))
