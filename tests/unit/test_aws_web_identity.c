/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws_remote.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "tests/unit/aws_server.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/test.h"

#define ROLE "arn:aws:iam::123456789012:role/my-role"
#define ANSWER                                                                              \
	"<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>" \
	"<SessionToken>session</SessionToken><SecretAccessKey>sesame</SecretAccessKey>"     \
	"<Expiration>2099-01-02T03:04:05Z</Expiration><AccessKeyId>ASIA</AccessKeyId>"      \
	"</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"

/* Asks an STS that answers status and body; *request is what it was asked. */
static int ask(struct aws_credentials *out, unsigned status, const char *body, char **request,
	struct err *err)
{
	const struct aws_route route = {"POST", "/", NULL, status, NULL, body};
	AUTO(aws_server) struct aws_server *s = aws_server_start(&route, 1);
	AUTO(fixture_dir) char *dir = fixture_dir();
	AUTO(free) char *path = fixture_write(dir, "token", "to.ken+/\n", 9);
	AUTO(free) char *file = xasprintf("AWS_WEB_IDENTITY_TOKEN_FILE=%s", path);
	AUTO(free) char *url = xasprintf("AWS_ENDPOINT_URL_STS=%s", aws_server_url(s));
	const char *const environment[] = {file, url, "AWS_ROLE_ARN=" ROLE, NULL};
	AUTO(aws_fixture) struct aws_fixture f = {0};

	aws_fixture_init(&f, environment);

	int rc = aws_web_identity(out, &f.task, &f.environment, err);

	*request = aws_server_request(s, 0);
	return rc;
}

static void test_aws_web_identity__assumes_the_role(void)
{
	AUTO(aws_credentials) struct aws_credentials c = {0};
	AUTO(free) char *request = NULL;
	struct err err = {0};

	CU_ASSERT_EQUAL(ask(&c, 200, ANSWER, &request, &err), 0);
	CU_ASSERT_STRING_EQUAL(c.key_id, "ASIA");
	CU_ASSERT_STRING_EQUAL(c.secret, "sesame");
	CU_ASSERT_STRING_EQUAL(c.session_token, "session");
	ASSERT_HAS(request, "\nAction=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn="
			    "arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fmy-role&"
			    "RoleSessionName=wasmxds&WebIdentityToken=to.ken%2B%2F");
	ASSERT_HAS(request, "Content-Type: application/x-www-form-urlencoded");
	CU_ASSERT_PTR_NULL(strstr(request, "Authorization"));
}

static void test_aws_web_identity__says_what_sts_said(void)
{
	static const struct {
		unsigned status;
		const char *body;
		enum err_code code;
		const char *want;
	} cases[] = {
		{403, "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>",
			ERR_DENIED, "AccessDenied"},
		{400,
			"<ErrorResponse><Error><Code>ExpiredTokenException</Code></Error>"
			"</ErrorResponse>",
			ERR_DENIED, "ExpiredTokenException"},
		{400,
			"<ErrorResponse><Error><Code>IDPCommunicationError</Code></Error>"
			"</ErrorResponse>",
			ERR_TRANSIENT, "IDPCommunicationError"},
		{403, "<html>", ERR_DENIED, "403"},
		{302, "", ERR_DENIED, "302"},
		{503, "", ERR_TRANSIENT, "503"},
		{200, "<html>", ERR_INVALID, "AccessKeyId"},
		{200, "", ERR_INVALID, "AccessKeyId"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(aws_credentials) struct aws_credentials c = {0};
		AUTO(free) char *request = NULL;
		struct err err = {0};

		CU_ASSERT_EQUAL(ask(&c, cases[i].status, cases[i].body, &request, &err), -1);
		CU_ASSERT_EQUAL(err.code, cases[i].code);
		ASSERT_HAS(err.msg, cases[i].want);
		CU_ASSERT_PTR_NULL(strstr(err.msg, "to.ken"));
		CU_ASSERT_FALSE(aws_credentials_are_set(&c));
	}
}

static int with(const char *const *environment, struct err *err)
{
	AUTO(aws_fixture) struct aws_fixture f = {0};
	AUTO(aws_credentials) struct aws_credentials c = {0};

	aws_fixture_init(&f, environment);

	int rc = aws_web_identity(&c, &f.task, &f.environment, err);

	CU_ASSERT_FALSE(aws_credentials_are_set(&c));
	return rc;
}

static void test_aws_web_identity__is_not_there_without_a_token_file(void)
{
	static const char *const environment[] = {"AWS_ROLE_ARN=" ROLE, NULL};
	struct err err = {0};

	CU_ASSERT_EQUAL(with(environment, &err), 0);
}

static void test_aws_web_identity__names_what_is_missing(void)
{
	static const char *const no_role[] = {"AWS_WEB_IDENTITY_TOKEN_FILE=/dev/null", NULL};
	static const char *const no_file[] = {
		"AWS_WEB_IDENTITY_TOKEN_FILE=/nonexistent", "AWS_ROLE_ARN=" ROLE, NULL};
	static const char *const no_token[] = {
		"AWS_WEB_IDENTITY_TOKEN_FILE=/dev/null", "AWS_ROLE_ARN=" ROLE, NULL};
	static const char *const no_endpoint[] = {"AWS_WEB_IDENTITY_TOKEN_FILE=/dev/null",
		"AWS_ROLE_ARN=" ROLE, "AWS_ENDPOINT_URL_STS=sts", NULL};
	const struct {
		const char *const *environment;
		const char *want;
	} cases[] = {
		{no_role, "AWS_ROLE_ARN: must"},
		{no_file, "AWS_WEB_IDENTITY_TOKEN_FILE: /nonexistent"},
		{no_token, "AWS_WEB_IDENTITY_TOKEN_FILE: /dev/null must"},
		{no_endpoint, "AWS_ENDPOINT_URL_STS: must"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {0};

		CU_ASSERT_EQUAL(with(cases[i].environment, &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
		ASSERT_HAS(err.msg, cases[i].want);
	}
}

TEST_MAIN("aws_web_identity", TEST(test_aws_web_identity__assumes_the_role),
	TEST(test_aws_web_identity__says_what_sts_said),
	TEST(test_aws_web_identity__is_not_there_without_a_token_file),
	TEST(test_aws_web_identity__names_what_is_missing))
