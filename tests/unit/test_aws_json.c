/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws_json.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "tests/unit/test.h"

static int credentials(struct aws_credentials *out, const char *text, struct err *err)
{
	return aws_json_credentials(out, text, strlen(text), err);
}

static int ecr_token(struct aws_ecr_token *out, const char *text, struct err *err)
{
	return aws_json_ecr_token(out, text, strlen(text), err);
}

static void test_aws_json_credentials__reads_metadata(void)
{
	AUTO(aws_credentials) struct aws_credentials c = {0};
	struct err err = {0};

	CU_ASSERT_EQUAL(credentials(&c,
				"{\"Code\":\"Success\",\"Type\":\"AWS-HMAC\",\"AccessKeyId\":\"A\","
				"\"SecretAccessKey\":\"s\",\"Token\":\"t\","
				"\"Expiration\":\"2026-01-02T03:04:05Z\"}",
				&err),
		0);
	CU_ASSERT_STRING_EQUAL(c.key_id, "A");
	CU_ASSERT_STRING_EQUAL(c.secret, "s");
	CU_ASSERT_STRING_EQUAL(c.session_token, "t");
	CU_ASSERT_EQUAL(c.expires, 1767323045);
}

static void test_aws_json_credentials__reads_keys_for_ever(void)
{
	AUTO(aws_credentials) struct aws_credentials c = {0};
	struct err err = {0};

	CU_ASSERT_EQUAL(
		credentials(&c, "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\"}", &err), 0);
	CU_ASSERT_PTR_NULL(c.session_token);
	CU_ASSERT_EQUAL(c.expires, 0);
}

static void test_aws_json_credentials__says_what_is_wrong_and_hides_secrets(void)
{
	static const struct {
		const char *text, *want;
		enum err_code code;
	} cases[] = {
		{"", "JSON", ERR_INVALID},
		{"[]", "object", ERR_INVALID},
		{"{\"AccessKeyId\":\"A\"}", "SecretAccessKey", ERR_INVALID},
		{"{\"SecretAccessKey\":\"sesame\"}", "AccessKeyId", ERR_INVALID},
		{"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":7}", "SecretAccessKey", ERR_INVALID},
		{"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"sesame\\n\"}", "secret access key",
			ERR_INVALID},
		{"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"sesame\",\"Expiration\":\"soon\"}",
			"soon", ERR_INVALID},
		{"{\"Code\":\"AssumeRoleUnauthorizedAccess\"}", "AssumeRoleUnauthorizedAccess",
			ERR_TRANSIENT},
		{"{\"Code\":\"a b\\u001b\"}", "not Success", ERR_TRANSIENT},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct aws_credentials c = {0};
		struct err err = {0};

		CU_ASSERT_EQUAL(credentials(&c, cases[i].text, &err), -1);
		CU_ASSERT_EQUAL(err.code, cases[i].code);
		ASSERT_HAS(err.msg, cases[i].want);
		CU_ASSERT_PTR_NULL(strstr(err.msg, "sesame"));
		CU_ASSERT_FALSE(aws_credentials_are_set(&c));
	}
}

static void test_aws_json_ecr_token__splits_user_and_password(void)
{
	AUTO(aws_ecr_token) struct aws_ecr_token t = {0};
	struct err err = {0};

	/* AWS:pass:word= */
	CU_ASSERT_EQUAL(
		ecr_token(&t,
			"{\"authorizationData\":[{\"authorizationToken\":"
			"\"QVdTOnBhc3M6d29yZD0=\",\"expiresAt\":1767323045.873,"
			"\"proxyEndpoint\":\"https://1.dkr.ecr.eu-west-1.amazonaws.com\"}]}",
			&err),
		0);
	CU_ASSERT_STRING_EQUAL(t.username, "AWS");
	CU_ASSERT_STRING_EQUAL(t.password, "pass:word=");
	CU_ASSERT_EQUAL(t.expires, 1767323045);
}

static void test_aws_json_ecr_token__says_what_is_wrong(void)
{
#define DATA(token, expires) \
	"{\"authorizationData\":[{\"authorizationToken\":" token ",\"expiresAt\":" expires "}]}"
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"{}", "authorizationToken"}, {"{\"authorizationData\":[]}", "authorizationToken"},
		{"{\"authorizationData\":{\"authorizationToken\":\"QVdTOng=\"}}",
			"authorizationToken"},
		{DATA("7", "1"), "authorizationToken"},
		{DATA("\"QVdTOng=\"", "\"soon\""), "expiresAt"},
		{DATA("\"QVdTOng=\"", "-1"), "expiresAt"},
		{DATA("\"QVdTOng=\"", "1e300"), "expiresAt"}, {DATA("\"***\"", "1"), "base64"},
		{DATA("\"QVdT\"", "1"), "USER:PASSWORD"},       /* AWS */
		{DATA("\"OnNlc2FtZQ==\"", "1"), "USER"},        /* :sesame */
		{DATA("\"QVdTOgBzZXNhbWU=\"", "1"), "USER"},    /* AWS:\0sesame */
		{DATA("\"QVdTOnNlc2FtZQ0K\"", "1"), "no user"}, /* AWS:sesame\r\n */
		{DATA("\"QVdTOg==\"", "1"), "no user"},         /* AWS: */
	};
#undef DATA

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct aws_ecr_token t = {0};
		struct err err = {0};

		CU_ASSERT_EQUAL(ecr_token(&t, cases[i].text, &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
		ASSERT_HAS(err.msg, cases[i].want);
		CU_ASSERT_PTR_NULL(strstr(err.msg, "sesame"));
		CU_ASSERT_PTR_NULL(t.password);
	}
}

static void assert_error(const char *text, const char *want)
{
	AUTO(free) char *name = aws_json_error(text, strlen(text));

	if (!want) {
		CU_ASSERT_PTR_NULL(name);
		return;
	}
	CU_ASSERT_PTR_NOT_NULL_FATAL(name);
	CU_ASSERT_STRING_EQUAL(name, want);
}

static void test_aws_json_error__names_the_refusal(void)
{
	assert_error("{\"__type\":\"AccessDeniedException\",\"Message\":\"m\"}",
		"AccessDeniedException");
	assert_error("{\"__type\":\"com.amazonaws.ecr#ServerException\"}", "ServerException");
	assert_error("{\"__type\":\"a b\"}", NULL);
	assert_error("{\"__type\":7}", NULL);
	assert_error("{}", NULL);
	assert_error("<html>", NULL);
}

TEST_MAIN("aws_json", TEST(test_aws_json_credentials__reads_metadata),
	TEST(test_aws_json_credentials__reads_keys_for_ever),
	TEST(test_aws_json_credentials__says_what_is_wrong_and_hides_secrets),
	TEST(test_aws_json_ecr_token__splits_user_and_password),
	TEST(test_aws_json_ecr_token__says_what_is_wrong),
	TEST(test_aws_json_error__names_the_refusal))
