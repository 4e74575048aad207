/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws_environment.h"

#include <string.h>

#include "base/auto.h"
#include "tests/unit/test.h"

static const char *get_some(const char *name)
{
	if (strcmp(name, "AWS_ACCESS_KEY_ID") == 0)
		return "AKID";
	if (strcmp(name, "AWS_ENDPOINT_URL_ECR") == 0)
		return "http://127.0.0.1:1";
	return strcmp(name, "AWS_SESSION_TOKEN") == 0 ? "" : NULL;
}

static const char *echo(const char *name)
{
	return name;
}

static void test_aws_environment_read__leaves_out_what_is_empty(void)
{
	AUTO(aws_environment) struct aws_environment e = {0};

	aws_environment_read(&e, get_some);
	CU_ASSERT_STRING_EQUAL(e.access_key_id, "AKID");
	CU_ASSERT_STRING_EQUAL(e.endpoint_ecr, "http://127.0.0.1:1");
	CU_ASSERT_PTR_NULL(e.session_token);
	CU_ASSERT_PTR_NULL(e.secret_access_key);
}

static void test_aws_environment_read__puts_each_variable_in_its_place(void)
{
	AUTO(aws_environment) struct aws_environment e = {0};

	aws_environment_read(&e, echo);
	CU_ASSERT_STRING_EQUAL(e.access_key_id, "AWS_ACCESS_KEY_ID");
	CU_ASSERT_STRING_EQUAL(e.secret_access_key, "AWS_SECRET_ACCESS_KEY");
	CU_ASSERT_STRING_EQUAL(e.session_token, "AWS_SESSION_TOKEN");
	CU_ASSERT_STRING_EQUAL(e.home, "HOME");
	CU_ASSERT_STRING_EQUAL(e.credentials_file, "AWS_SHARED_CREDENTIALS_FILE");
	CU_ASSERT_STRING_EQUAL(e.config_file, "AWS_CONFIG_FILE");
	CU_ASSERT_STRING_EQUAL(e.profile, "AWS_PROFILE");
	CU_ASSERT_STRING_EQUAL(e.web_identity_token_file, "AWS_WEB_IDENTITY_TOKEN_FILE");
	CU_ASSERT_STRING_EQUAL(e.role_arn, "AWS_ROLE_ARN");
	CU_ASSERT_STRING_EQUAL(e.role_session_name, "AWS_ROLE_SESSION_NAME");
	CU_ASSERT_STRING_EQUAL(e.container_relative_uri, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	CU_ASSERT_STRING_EQUAL(e.container_full_uri, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
	CU_ASSERT_STRING_EQUAL(e.container_token, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
	CU_ASSERT_STRING_EQUAL(e.container_token_file, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	CU_ASSERT_STRING_EQUAL(e.metadata_disabled, "AWS_EC2_METADATA_DISABLED");
	CU_ASSERT_STRING_EQUAL(e.metadata_endpoint, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
	CU_ASSERT_STRING_EQUAL(e.metadata_endpoint_mode, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
	CU_ASSERT_STRING_EQUAL(e.region, "AWS_REGION");
	CU_ASSERT_STRING_EQUAL(e.default_region, "AWS_DEFAULT_REGION");
	CU_ASSERT_STRING_EQUAL(e.endpoint, "AWS_ENDPOINT_URL");
	CU_ASSERT_STRING_EQUAL(e.endpoint_s3, "AWS_ENDPOINT_URL_S3");
	CU_ASSERT_STRING_EQUAL(e.endpoint_sts, "AWS_ENDPOINT_URL_STS");
	CU_ASSERT_STRING_EQUAL(e.endpoint_ecr, "AWS_ENDPOINT_URL_ECR");
}

static void test_aws_environment_clear__leaves_nothing(void)
{
	static const struct aws_environment none;
	struct aws_environment e;

	aws_environment_read(&e, echo);
	aws_environment_clear(&e);
	CU_ASSERT_EQUAL(memcmp(&e, &none, sizeof(e)), 0);
}

static void test_aws_getenv_process__reads_the_real_one(void)
{
	CU_ASSERT_PTR_NOT_NULL(aws_getenv_process("PATH"));
	CU_ASSERT_PTR_NULL(aws_getenv_process("WASMXDS_NOBODY_SETS_THIS"));
}

TEST_MAIN("aws_environment", TEST(test_aws_environment_read__leaves_out_what_is_empty),
	TEST(test_aws_environment_read__puts_each_variable_in_its_place),
	TEST(test_aws_environment_clear__leaves_nothing),
	TEST(test_aws_getenv_process__reads_the_real_one))
