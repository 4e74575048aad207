/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws_signer.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "tests/unit/aws_server.h"
#include "tests/unit/test.h"

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* The headers that a signer makes in this environment, a line each; NULL where it makes none. */
static char *sign(const char *const *environment, bool own_fields)
{
	AUTO(aws_fixture) struct aws_fixture f = {0};
	AUTO(buf) struct buf out = BUF_INIT(65536);
	const char *const *headers = NULL;
	struct err err = {0};

	aws_fixture_init(&f, environment);

	AUTO(aws_signer)
	struct aws_signer signer = {
		.task = &f.task,
		.service = "s3",
		.region = "eu-west-1",
		.method = "GET",
		.host = "host.test",
		.path = "/k",
	};

	if (own_fields)
		signer.own_fields[0] = (struct sigv4_field){"X-Amz-Target", "T"};
	CU_ASSERT_EQUAL_FATAL(aws_signer_renew(&signer, &headers, &err), 0);
	if (!headers)
		return NULL;
	for (size_t i = 0; headers[i]; i++)
		CU_ASSERT_EQUAL(buf_printf(&out, &err, "%s\n", headers[i]), 0);
	return buf_take(&out);
}

static void test_aws_signer_renew__makes_all_headers_but_host(void)
{
	static const char *const environment[] = {
		"AWS_ACCESS_KEY_ID=AKID", "AWS_SECRET_ACCESS_KEY=sesame", NULL};
	AUTO(free) char *headers = sign(environment, false);

	CU_ASSERT_PTR_NOT_NULL_FATAL(headers);
	ASSERT_HAS(headers, "Authorization: AWS4-HMAC-SHA256 Credential=AKID/");
	ASSERT_HAS(headers, "/eu-west-1/s3/aws4_request, "
			    "SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=");
	ASSERT_HAS(headers, "\nX-Amz-Date: 20");
	ASSERT_HAS(headers, "\nX-Amz-Content-Sha256: " EMPTY_SHA256 "\n");
	CU_ASSERT_PTR_NULL(strstr(headers, "Host"));
	CU_ASSERT_PTR_NULL(strstr(headers, "Security-Token"));
	CU_ASSERT_PTR_NULL(strstr(headers, "sesame"));
}

static void test_aws_signer_renew__signs_the_session_and_own_fields(void)
{
	static const char *const environment[] = {"AWS_ACCESS_KEY_ID=AKID",
		"AWS_SECRET_ACCESS_KEY=sesame", "AWS_SESSION_TOKEN=session", NULL};
	AUTO(free) char *headers = sign(environment, true);

	CU_ASSERT_PTR_NOT_NULL_FATAL(headers);
	ASSERT_HAS(headers, "SignedHeaders=host;x-amz-content-sha256;x-amz-date;"
			    "x-amz-security-token;x-amz-target, ");
	ASSERT_HAS(headers, "\nX-Amz-Security-Token: session\n");
	ASSERT_HAS(headers, "\nX-Amz-Target: T\n");
}

static void test_aws_signer_renew__makes_none_without_credentials(void)
{
	static const char *const environment[] = {"AWS_EC2_METADATA_DISABLED=true", NULL};

	CU_ASSERT_PTR_NULL(sign(environment, false));
}

static void test_aws_signer_renew__says_why_it_cannot(void)
{
	static const char *const environment[] = {"AWS_ACCESS_KEY_ID=AKID", NULL};
	AUTO(aws_fixture) struct aws_fixture f = {0};
	const char *const *headers = NULL;
	struct err err = {0};

	aws_fixture_init(&f, environment);

	struct aws_signer signer = {.task = &f.task};

	CU_ASSERT_EQUAL(aws_signer_renew(&signer, &headers, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	CU_ASSERT_PTR_NULL(headers);
}

static void test_aws_signer_renew__can_be_called_again(void)
{
	static const char *const environment[] = {
		"AWS_ACCESS_KEY_ID=AKID", "AWS_SECRET_ACCESS_KEY=sesame", NULL};
	AUTO(aws_fixture) struct aws_fixture f = {0};
	const char *const *headers = NULL;
	struct err err = {0};

	aws_fixture_init(&f, environment);

	AUTO(aws_signer)
	struct aws_signer signer = {.task = &f.task,
		.service = "s",
		.region = "r",
		.method = "GET",
		.host = "h",
		.path = "/"};

	for (int i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(aws_signer_renew(&signer, &headers, &err), 0);
		ASSERT_HAS(headers[0], "Authorization: ");
		CU_ASSERT_PTR_NOT_NULL(headers[2]);
		CU_ASSERT_PTR_NULL(headers[3]);
	}
}

TEST_MAIN("aws_signer", TEST(test_aws_signer_renew__makes_all_headers_but_host),
	TEST(test_aws_signer_renew__signs_the_session_and_own_fields),
	TEST(test_aws_signer_renew__makes_none_without_credentials),
	TEST(test_aws_signer_renew__says_why_it_cannot),
	TEST(test_aws_signer_renew__can_be_called_again))
