/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/s3_error.h"

#include "tests/unit/test.h"

static void assert_refused(struct s3_refusal r, enum err_code code, const char *want)
{
	struct err err = {0};

	CU_ASSERT_EQUAL(s3_refused(&r, &err), -1);
	CU_ASSERT_EQUAL(err.code, code);
	ASSERT_HAS(err.msg, want);
}

static void test_s3_refused__knows_what_s3_means(void)
{
	static const struct {
		long status;
		const char *code;
		enum err_code verdict;
		const char *want;
	} cases[] = {
		{404, "NoSuchKey", ERR_NOT_FOUND,
			"answered 404 NoSuchKey: the bucket has no such key"},
		{404, "NoSuchBucket", ERR_NOT_FOUND, "there is no such bucket"},
		{403, "AccessDenied", ERR_DENIED, "access is denied"},
		{403, "InvalidAccessKeyId", ERR_DENIED, "access key id is not known"},
		{404, "XAdminUserNotFound", ERR_DENIED, "access key id is not known"},
		{403, "SignatureDoesNotMatch", ERR_DENIED, "secret access key"},
		{403, "RequestTimeTooSkewed", ERR_DENIED, "clock is more than 15 minutes off"},
		{400, "ExpiredToken", ERR_DENIED, "expired"},
		{400, "InvalidToken", ERR_DENIED, "session token"},
		{403, "InvalidObjectState", ERR_INVALID, "archived"},
		{400, "RequestTimeout", ERR_TRANSIENT, "too long"},
		{503, "SlowDown", ERR_TRANSIENT, "SlowDown"},
		{404, NULL, ERR_NOT_FOUND, "answered 404 no reason given"},
		{403, NULL, ERR_DENIED, "answered 403"},
		{400, "Whatever", ERR_INVALID, "answered 400 Whatever"},
		{200, NULL, ERR_INVALID, "answered 200"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct s3_refusal r = {
			.status = cases[i].status, .code = cases[i].code, .is_signed = true};

		assert_refused(r, cases[i].verdict, cases[i].want);
	}
}

static void test_s3_refused__says_that_nothing_was_signed(void)
{
	struct s3_refusal r = {.status = 403, .code = "AccessDenied"};
	struct err err = {0};

	assert_refused(r, ERR_DENIED, "no AWS credentials were found");
	r.is_signed = true;
	(void)s3_refused(&r, &err);
	CU_ASSERT_PTR_NULL(strstr(err.msg, "no AWS credentials"));
	r = (struct s3_refusal){.status = 404, .code = "NoSuchKey"};
	(void)s3_refused(&r, &err);
	CU_ASSERT_PTR_NULL(strstr(err.msg, "no AWS credentials"));
}

static void test_s3_refused__names_the_region(void)
{
	const struct s3_refusal moved = {.status = 301,
		.code = "PermanentRedirect",
		.region = "eu-west-1",
		.is_signed = true};
	const struct s3_refusal away = {.status = 307, .is_signed = true};

	assert_refused(moved, ERR_INVALID, "the bucket is in the region eu-west-1");
	assert_refused(away, ERR_INVALID, "redirects of S3 are not followed");
}

TEST_MAIN("s3_error", TEST(test_s3_refused__knows_what_s3_means),
	TEST(test_s3_refused__says_that_nothing_was_signed),
	TEST(test_s3_refused__names_the_region))
