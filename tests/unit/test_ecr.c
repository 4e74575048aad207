/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/ecr.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "tests/unit/aws_server.h"
#include "tests/unit/test.h"

#define TARGET "X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"
#define ANSWER(expires)                                                         \
	"{\"authorizationData\":[{\"authorizationToken\":\"QVdTOnNlc2FtZQ==\"," \
	"\"expiresAt\":" expires "}]}"
#define FAR "4070908800"

static void test_ecr_host_parse__takes_registries_of_aws(void)
{
	static const struct {
		const char *host, *account, *region;
		bool fips;
	} cases[] = {
		{"123456789012.dkr.ecr.eu-west-1.amazonaws.com", "123456789012", "eu-west-1",
			false},
		{"000000000000.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "000000000000",
			"us-gov-west-1", true},
		{"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "123456789012", "cn-north-1",
			false},
		{"123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov", "123456789012", "us-iso-east-1",
			false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ecr_host h = {0};

		CU_ASSERT_TRUE_FATAL(ecr_host_parse(&h, cases[i].host));
		CU_ASSERT_STRING_EQUAL(h.account, cases[i].account);
		CU_ASSERT_STRING_EQUAL(h.region, cases[i].region);
		CU_ASSERT_EQUAL(h.fips, cases[i].fips);
	}
}

static void test_ecr_host_parse__takes_nothing_that_only_looks_so(void)
{
	static const char *const bad[] = {
		"",
		"dkr.ecr.eu-west-1.amazonaws.com",
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com.attacker.test",
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com.",
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com:443",
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com/",
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com@evil.test",
		"evil-123456789012.dkr.ecr.eu-west-1.amazonaws.com",
		"evil.123456789012.dkr.ecr.eu-west-1.amazonaws.com",
		"evil-dkr.ecr.eu-west-1.amazonaws.com.attacker.test",
		"123456789012.dkr.ecr.eu-west-1.amazonaws.co",
		"123456789012.dkr.ecr.eu-west-1.amazonaws.test",
		"123456789012.dkr.ecr.eu-west-1.evilamazonaws.com",
		"123456789012.dkr.ecr.eu-west-1.evil.amazonaws.com",
		"123456789012.dkr.ecr.evil.test#.amazonaws.com",
		"123456789012.dkr.ecr..amazonaws.com",
		"123456789012.dkr.ecr.amazonaws.com",
		"123456789012.dkr.ecr.-eu.amazonaws.com",
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com.cn",
		"123456789012.dkr.ecr.cn-north-1.amazonaws.com",
		"123456789012.dkr.ecr-evil.eu-west-1.amazonaws.com",
		"123456789012.dkr-ecr.eu-west-1.amazonaws.com",
		"123456789012.DKR.ECR.eu-west-1.amazonaws.com",
		"12345678901.dkr.ecr.eu-west-1.amazonaws.com",
		"1234567890123.dkr.ecr.eu-west-1.amazonaws.com",
		"12345678901x.dkr.ecr.eu-west-1.amazonaws.com",
		"123456789012.dkr.ecr.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.amazonaws.com",
		"public.ecr.aws",
		"localhost",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ecr_host h = {0};

		CU_ASSERT_FALSE(ecr_host_parse(&h, bad[i]));
		CU_ASSERT_STRING_EQUAL(h.region, "");
	}
}

static void fixture_with(struct aws_fixture *f, const struct aws_server *s, const char *key_id)
{
	AUTO(free) char *url = xasprintf("AWS_ENDPOINT_URL_ECR=%s", aws_server_url(s));
	const char *const environment[] = {url, "AWS_EC2_METADATA_DISABLED=true", key_id,
		key_id ? "AWS_SECRET_ACCESS_KEY=s" : NULL, NULL};

	aws_fixture_init(f, environment);
}

static void test_ecr_credential__asks_once_for_each_region(void)
{
	static const struct aws_route routes[] = {{"POST", "/", TARGET, 200, NULL, ANSWER(FAR)}};
	static const struct ecr_host west = {.account = "123456789012", .region = "eu-west-1"};
	static const struct ecr_host other = {.account = "999999999999", .region = "eu-west-1"};
	static const struct ecr_host east = {.account = "123456789012", .region = "us-east-1"};
	const struct ecr_host *hosts[] = {&west, &west, &other, &east};
	AUTO(aws_server) struct aws_server *s = aws_server_start(routes, 1);
	AUTO(aws_fixture) struct aws_fixture f = {0};
	AUTO(free) char *first = NULL;
	AUTO(free) char *second = NULL;

	fixture_with(&f, s, "AWS_ACCESS_KEY_ID=AKID");
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		AUTO(aws_ecr_token) struct aws_ecr_token t = {0};
		struct err err = {0};

		CU_ASSERT_EQUAL_FATAL(ecr_credential(&t, &f.task, hosts[i], &err), 0);
		CU_ASSERT_STRING_EQUAL(t.username, "AWS");
		CU_ASSERT_STRING_EQUAL(t.password, "sesame");
	}
	CU_ASSERT_EQUAL(aws_server_requests(s), 2);
	first = aws_server_request(s, 0);
	second = aws_server_request(s, 1);
	ASSERT_HAS(first, "/eu-west-1/ecr/aws4_request, SignedHeaders=content-type;host;"
			  "x-amz-content-sha256;x-amz-date;x-amz-target, ");
	ASSERT_HAS(first, "\nContent-Type: application/x-amz-json-1.1\n");
	ASSERT_HAS(first, "\n{}");
	ASSERT_HAS(second, "/us-east-1/ecr/aws4_request");
}

static void test_ecr_credential__asks_again_when_it_has_expired(void)
{
	static const struct aws_route routes[] = {{"POST", "/", TARGET, 200, NULL, ANSWER("1")}};
	static const struct ecr_host west = {.account = "123456789012", .region = "eu-west-1"};
	AUTO(aws_server) struct aws_server *s = aws_server_start(routes, 1);
	AUTO(aws_fixture) struct aws_fixture f = {0};

	fixture_with(&f, s, "AWS_ACCESS_KEY_ID=AKID");
	for (int i = 0; i < 2; i++) {
		AUTO(aws_ecr_token) struct aws_ecr_token t = {0};
		struct err err = {0};

		CU_ASSERT_EQUAL(ecr_credential(&t, &f.task, &west, &err), 0);
	}
	CU_ASSERT_EQUAL(aws_server_requests(s), 2);
}

static void test_ecr_credential__says_why_there_is_none(void)
{
	static const struct {
		unsigned status;
		const char *body;
		enum err_code code;
		const char *want;
	} cases[] = {
		{400, "{\"__type\":\"AccessDeniedException\",\"Message\":\"arn:sesame\"}",
			ERR_DENIED, "answered 400 AccessDeniedException"},
		{403, "", ERR_DENIED, "answered 403 with no reason given"},
		{302, "", ERR_DENIED, "answered 302"},
		{500, "", ERR_TRANSIENT, "500"},
		{200, "<html>", ERR_INVALID, "JSON"},
		{200, "{}", ERR_INVALID, "authorizationToken"},
	};
	static const struct ecr_host west = {.account = "123456789012", .region = "eu-west-1"};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct aws_route route = {
			"POST", "/", NULL, cases[i].status, NULL, cases[i].body};
		AUTO(aws_server) struct aws_server *s = aws_server_start(&route, 1);
		AUTO(aws_fixture) struct aws_fixture f = {0};
		AUTO(aws_ecr_token) struct aws_ecr_token t = {0};
		struct err err = {0};

		fixture_with(&f, s, "AWS_ACCESS_KEY_ID=AKID");
		CU_ASSERT_EQUAL(ecr_credential(&t, &f.task, &west, &err), -1);
		CU_ASSERT_EQUAL(err.code, cases[i].code);
		ASSERT_HAS(err.msg, "GetAuthorizationToken of 127.0.0.1");
		ASSERT_HAS(err.msg, cases[i].want);
		CU_ASSERT_PTR_NULL(strstr(err.msg, "sesame"));
	}
}

static void test_ecr_credential__sends_nothing_without_credentials(void)
{
	static const struct ecr_host west = {.account = "123456789012", .region = "eu-west-1"};
	AUTO(aws_server) struct aws_server *s = aws_server_start(NULL, 0);
	AUTO(aws_fixture) struct aws_fixture f = {0};
	AUTO(aws_ecr_token) struct aws_ecr_token t = {0};
	struct err err = {0};

	fixture_with(&f, s, NULL);
	CU_ASSERT_EQUAL(ecr_credential(&t, &f.task, &west, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_DENIED);
	ASSERT_HAS(err.msg, "no AWS credentials were found");
	CU_ASSERT_EQUAL(aws_server_requests(s), 0);
}

TEST_MAIN("ecr", TEST(test_ecr_host_parse__takes_registries_of_aws),
	TEST(test_ecr_host_parse__takes_nothing_that_only_looks_so),
	TEST(test_ecr_credential__asks_once_for_each_region),
	TEST(test_ecr_credential__asks_again_when_it_has_expired),
	TEST(test_ecr_credential__says_why_there_is_none),
	TEST(test_ecr_credential__sends_nothing_without_credentials))
