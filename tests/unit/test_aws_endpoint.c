/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws_endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

static void test_aws_suffix__follows_the_partition(void)
{
	CU_ASSERT_STRING_EQUAL(aws_suffix("eu-west-1"), "amazonaws.com");
	CU_ASSERT_STRING_EQUAL(aws_suffix("us-gov-west-1"), "amazonaws.com");
	CU_ASSERT_STRING_EQUAL(aws_suffix("cn-north-1"), "amazonaws.com.cn");
	CU_ASSERT_STRING_EQUAL(aws_suffix("us-iso-east-1"), "c2s.ic.gov");
	CU_ASSERT_STRING_EQUAL(aws_suffix("us-isob-east-1"), "sc2s.sgov.gov");
	CU_ASSERT_STRING_EQUAL(aws_suffix("eusc-de-east-1"), "amazonaws.eu");
}

static void test_aws_is_region__wants_one_label(void)
{
	static const char *const bad[] = {"", "-", "eu-west-", "-eu", "EU-WEST-1", "eu.west",
		"eu-west-1/", "eu west", "evil.test#", "eu-west-1\n",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

	CU_ASSERT_TRUE(aws_is_region("eu-west-1"));
	CU_ASSERT_TRUE(aws_is_region("minio"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_FALSE(aws_is_region(bad[i]));
}

static void test_aws_endpoint_of_region__is_https(void)
{
	AUTO(aws_endpoint) struct aws_endpoint e = {0};
	struct guard guard;

	aws_endpoint_of_region(&e, "sts", "cn-north-1");
	CU_ASSERT_STRING_EQUAL(e.origin, "https://sts.cn-north-1.amazonaws.com.cn");
	CU_ASSERT_STRING_EQUAL(e.host, "sts.cn-north-1.amazonaws.com.cn");
	CU_ASSERT_STRING_EQUAL(e.path, "");
	CU_ASSERT_TRUE(e.https);
	CU_ASSERT_PTR_NULL(aws_endpoint_guard(&e, &guard));
}

static void test_aws_endpoint_parse__reads_what_a_user_may_write(void)
{
	static const struct {
		const char *url, *origin, *host, *path;
		bool https;
	} cases[] = {
		{"https://s3.test", "https://s3.test", "s3.test", "", true},
		{"https://s3.test/", "https://s3.test", "s3.test", "", true},
		{"https://s3.test:443", "https://s3.test", "s3.test", "", true},
		{"http://s3.test:80/a/b//", "http://s3.test", "s3.test", "/a/b", false},
		{"http://127.0.0.1:7070", "http://127.0.0.1:7070", "127.0.0.1:7070", "", false},
		{"https://[fd00::1]:8/x", "https://[fd00::1]:8", "[fd00::1]:8", "/x", true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(aws_endpoint) struct aws_endpoint e = {0};
		struct err err = {0};

		CU_ASSERT_EQUAL_FATAL(aws_endpoint_parse(&e, cases[i].url, "--x", &err), 0);
		CU_ASSERT_STRING_EQUAL(e.origin, cases[i].origin);
		CU_ASSERT_STRING_EQUAL(e.host, cases[i].host);
		CU_ASSERT_STRING_EQUAL(e.path, cases[i].path);
		CU_ASSERT_EQUAL(e.https, cases[i].https);
	}
}

static void test_aws_endpoint_parse__names_what_is_none(void)
{
	static const char *const bad[] = {"", "s3.test", "ftp://s3.test", "https://",
		"https://user@s3.test", "https://u:sesame@s3.test", "https://s3.test?a=b",
		"https://s3.test#f", "https://s3 test", "file:///etc/passwd",
		"https://s3.test:0x1"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct aws_endpoint e = {0};
		struct err err = {0};

		CU_ASSERT_EQUAL(aws_endpoint_parse(&e, bad[i], "--s3-endpoint", &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
		ASSERT_HAS(err.msg, "--s3-endpoint: must be ");
		CU_ASSERT_PTR_NULL(strstr(err.msg, "sesame"));
		CU_ASSERT_PTR_NULL(e.origin);
	}
}

/* Whether a fetch may connect to address where url is the endpoint. */
static bool may_connect(const char *url, const char *address)
{
	AUTO(aws_endpoint) struct aws_endpoint e = {0};
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	const struct guard usual = {0};
	struct guard guard;
	struct err err;

	CU_ASSERT_EQUAL_FATAL(aws_endpoint_parse(&e, url, "--x", &err), 0);
	CU_ASSERT_EQUAL_FATAL(inet_pton(AF_INET, address, &v4.sin_addr), 1);
	const struct guard *g = aws_endpoint_guard(&e, &guard);

	return guard_check(g ? g : &usual, (const struct sockaddr *)&v4, &err) == 0;
}

static void test_aws_endpoint_guard__exempts_the_address_that_was_named(void)
{
	CU_ASSERT_TRUE(may_connect("http://169.254.169.254", "169.254.169.254"));
	CU_ASSERT_FALSE(may_connect("http://169.254.169.254", "169.254.169.253"));
	CU_ASSERT_FALSE(may_connect("http://169.254.169.254", "127.0.0.1"));
	CU_ASSERT_TRUE(may_connect("http://127.0.0.1:7070", "127.0.0.1"));
	CU_ASSERT_FALSE(may_connect("http://127.0.0.1:7070", "127.0.0.2"));
	CU_ASSERT_TRUE(may_connect("http://localhost:7070", "127.0.0.1"));
	CU_ASSERT_FALSE(may_connect("http://localhost:7070", "169.254.169.254"));
	CU_ASSERT_FALSE(may_connect("https://s3.test", "127.0.0.1"));
	CU_ASSERT_FALSE(may_connect("https://localhost.evil.test", "127.0.0.1"));
}

static void test_aws_endpoint_is_loopback__knows_its_spellings(void)
{
	static const struct {
		const char *url;
		bool want;
	} cases[] = {
		{"http://127.0.0.1", true},
		{"http://127.9.9.9:1", true},
		{"http://[::1]:1", true},
		{"http://LocalHost", true},
		{"http://128.0.0.1", false},
		{"http://[::2]", false},
		{"http://127.evil.test", false},
		{"http://localhost.evil.test", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(aws_endpoint) struct aws_endpoint e = {0};
		struct err err;

		CU_ASSERT_EQUAL_FATAL(aws_endpoint_parse(&e, cases[i].url, "--x", &err), 0);
		CU_ASSERT_EQUAL(aws_endpoint_is_loopback(&e), cases[i].want);
	}
}

static void test_aws_endpoint_copy__owns_its_copy(void)
{
	AUTO(aws_endpoint) struct aws_endpoint copy = {0};
	struct aws_endpoint e = {0};

	aws_endpoint_of_region(&e, "s3", "eu-west-1");
	aws_endpoint_copy(&copy, &e);
	aws_endpoint_clear(&e);
	CU_ASSERT_STRING_EQUAL(copy.origin, "https://s3.eu-west-1.amazonaws.com");
}

TEST_MAIN("aws_endpoint", TEST(test_aws_suffix__follows_the_partition),
	TEST(test_aws_is_region__wants_one_label), TEST(test_aws_endpoint_of_region__is_https),
	TEST(test_aws_endpoint_parse__reads_what_a_user_may_write),
	TEST(test_aws_endpoint_parse__names_what_is_none),
	TEST(test_aws_endpoint_guard__exempts_the_address_that_was_named),
	TEST(test_aws_endpoint_is_loopback__knows_its_spellings),
	TEST(test_aws_endpoint_copy__owns_its_copy))
