/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/aws_server.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/test.h"

static const char *nothing(const char *name)
{
	(void)name;
	return NULL;
}

static const char *regions(const char *name)
{
	if (strcmp(name, "AWS_REGION") == 0)
		return "eu-west-1";
	return strcmp(name, "AWS_DEFAULT_REGION") == 0 ? "eu-west-2" : NULL;
}

static const char *default_region(const char *name)
{
	return strcmp(name, "AWS_DEFAULT_REGION") == 0 ? "eu-west-2" : NULL;
}

static const char *endpoints(const char *name)
{
	if (strcmp(name, "AWS_ENDPOINT_URL_S3") == 0)
		return "https://s3.test";
	return strcmp(name, "AWS_ENDPOINT_URL") == 0 ? "https://all.test" : NULL;
}

static const char *wrong(const char *name)
{
	return strcmp(name, "AWS_ENDPOINT_URL_ECR") == 0 ? "ecr" : NULL;
}

static const char *evil_region(const char *name)
{
	return strcmp(name, "AWS_REGION") == 0 ? "evil.test/" : NULL;
}

static void assert_region(const char *flag, aws_getenv *get, const char *want)
{
	const struct aws_settings settings = {.s3_region = flag};
	struct err err = {0};
	AUTO(aws) struct aws *aws = aws_open(&settings, get, &err);
	AUTO(aws_s3) struct aws_s3 s3 = {0};

	CU_ASSERT_PTR_NOT_NULL_FATAL(aws);
	aws_s3_get(&s3, aws, "bucket");
	CU_ASSERT_STRING_EQUAL(s3.region, want);
}

static void test_aws_open__takes_the_region_from_the_nearest(void)
{
	assert_region(NULL, nothing, "us-east-1");
	assert_region(NULL, default_region, "eu-west-2");
	assert_region(NULL, regions, "eu-west-1");
	assert_region("cn-north-1", regions, "cn-north-1");
}

static void test_aws_open__takes_endpoints_from_the_nearest(void)
{
	const struct aws_settings none = {0};
	const struct aws_settings flag = {
		.s3_endpoint = "https://flag.test", .s3_path_style = true};
	struct err err = {0};
	AUTO(aws) struct aws *plain = aws_open(&none, nothing, &err);
	AUTO(aws) struct aws *environment = aws_open(&none, endpoints, &err);
	AUTO(aws) struct aws *flagged = aws_open(&flag, endpoints, &err);
	AUTO(aws_s3) struct aws_s3 s3 = {0};

	aws_s3_get(&s3, plain, "b");
	CU_ASSERT_PTR_NULL(s3.endpoint);
	CU_ASSERT_FALSE(s3.path_style);
	CU_ASSERT_PTR_NULL(aws_ecr_endpoint(plain));
	aws_s3_clear(&s3);
	aws_s3_get(&s3, environment, "b");
	CU_ASSERT_STRING_EQUAL(s3.endpoint->origin, "https://s3.test");
	CU_ASSERT_STRING_EQUAL(aws_ecr_endpoint(environment)->origin, "https://all.test");
	aws_s3_clear(&s3);
	aws_s3_get(&s3, flagged, "b");
	CU_ASSERT_STRING_EQUAL(s3.endpoint->origin, "https://flag.test");
	CU_ASSERT_TRUE(s3.path_style);
}

static void test_aws_open__names_what_is_wrong(void)
{
	static const struct {
		struct aws_settings settings;
		aws_getenv *get;
		const char *want;
	} cases[] = {
		{{.s3_endpoint = "s3"}, nothing, "--s3-endpoint: must be"},
		{{.s3_region = "EU"}, nothing, "--s3-region: must be"},
		{{.s3_region = NULL}, wrong, "AWS_ENDPOINT_URL_ECR: must be"},
		{{.s3_region = NULL}, evil_region, "AWS_REGION: must be"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {0};

		CU_ASSERT_PTR_NULL(aws_open(&cases[i].settings, cases[i].get, &err));
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
		ASSERT_HAS(err.msg, cases[i].want);
	}
}

static void test_aws_credentials_get__keeps_what_it_found(void)
{
	static const struct aws_route routes[] = {{"GET", "/agent", NULL, 200, NULL,
		"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\",\"Token\":\"t\","
		"\"Expiration\":\"2099-01-02T03:04:05Z\"}"}};
	AUTO(aws_server) struct aws_server *s = aws_server_start(routes, 1);
	AUTO(free)
	char *agent = xasprintf("AWS_CONTAINER_CREDENTIALS_FULL_URI=%s/agent", aws_server_url(s));
	const char *const environment[] = {agent, NULL};
	AUTO(aws_fixture) struct aws_fixture f = {0};

	aws_fixture_init(&f, environment);
	for (int i = 0; i < 3; i++) {
		AUTO(aws_credentials) struct aws_credentials c = {0};
		struct err err = {0};

		CU_ASSERT_EQUAL(aws_credentials_get(&c, &f.task, &err), 0);
		CU_ASSERT_STRING_EQUAL(c.key_id, "A");
	}
	CU_ASSERT_EQUAL(aws_server_requests(s), 1);
}

static void test_aws_credentials_get__renews_what_has_expired(void)
{
	static const struct aws_route routes[] = {{"GET", "/agent", NULL, 200, NULL,
		"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\",\"Token\":\"t\","
		"\"Expiration\":\"2020-01-02T03:04:05Z\"}"}};
	AUTO(aws_server) struct aws_server *s = aws_server_start(routes, 1);
	AUTO(free)
	char *agent = xasprintf("AWS_CONTAINER_CREDENTIALS_FULL_URI=%s/agent", aws_server_url(s));
	const char *const environment[] = {agent, NULL};
	AUTO(aws_fixture) struct aws_fixture f = {0};

	aws_fixture_init(&f, environment);
	for (int i = 0; i < 2; i++) {
		AUTO(aws_credentials) struct aws_credentials c = {0};
		struct err err = {0};

		CU_ASSERT_EQUAL(aws_credentials_get(&c, &f.task, &err), 0);
	}
	CU_ASSERT_EQUAL(aws_server_requests(s), 2);
}

static void test_aws_credentials_get__remembers_that_there_are_none(void)
{
	AUTO(aws_server) struct aws_server *s = aws_server_start(NULL, 0);
	AUTO(free)
	char *metadata = xasprintf("AWS_EC2_METADATA_SERVICE_ENDPOINT=%s", aws_server_url(s));
	const char *const environment[] = {metadata, NULL};
	AUTO(aws_fixture) struct aws_fixture f = {0};

	aws_fixture_init(&f, environment);
	for (int i = 0; i < 3; i++) {
		AUTO(aws_credentials) struct aws_credentials c = {0};
		struct err err = {0};

		CU_ASSERT_EQUAL(aws_credentials_get(&c, &f.task, &err), 0);
		CU_ASSERT_FALSE(aws_credentials_are_set(&c));
	}
	CU_ASSERT_EQUAL(aws_server_requests(s), 1);
}

static void test_aws_s3_learn__remembers_each_bucket(void)
{
	const struct aws_settings settings = {0};
	struct err err = {0};
	AUTO(aws) struct aws *aws = aws_open(&settings, nothing, &err);
	AUTO(aws_s3) struct aws_s3 s3 = {0};

	aws_s3_learn(aws, "a", "eu-west-1");
	aws_s3_learn(aws, "a", "eu-west-2");
	aws_s3_get(&s3, aws, "a");
	CU_ASSERT_STRING_EQUAL(s3.region, "eu-west-2");
	aws_s3_clear(&s3);
	aws_s3_get(&s3, aws, "b");
	CU_ASSERT_STRING_EQUAL(s3.region, "us-east-1");
}

static void test_aws_s3_learn__has_a_ceiling(void)
{
	const struct aws_settings settings = {0};
	struct err err = {0};
	AUTO(aws) struct aws *aws = aws_open(&settings, nothing, &err);
	AUTO(aws_s3) struct aws_s3 s3 = {0};
	char bucket[32];

	for (int i = 0; i < LIMIT_AWS_BUCKETS + 1; i++) {
		(void)snprintf(bucket, sizeof(bucket), "bucket-%d", i);
		aws_s3_learn(aws, bucket, "eu-west-1");
	}
	aws_s3_get(&s3, aws, bucket);
	CU_ASSERT_STRING_EQUAL(s3.region, "us-east-1");
	aws_s3_clear(&s3);
	aws_s3_learn(aws, "bucket-0", "eu-west-2");
	aws_s3_get(&s3, aws, "bucket-0");
	CU_ASSERT_STRING_EQUAL(s3.region, "eu-west-2");
}

static void *no_value(void *arg, struct lease_terms *terms, struct err *err)
{
	(void)arg;
	(void)terms;
	(void)err_set(err, ERR_DENIED, "no");
	return NULL;
}

static void test_aws_ecr_lease__is_one_for_each_endpoint(void)
{
	static const struct lease_kind kind = {.get = no_value};
	const struct aws_settings settings = {0};
	struct err err = {0};
	AUTO(aws) struct aws *aws = aws_open(&settings, nothing, &err);
	struct lease *a = aws_ecr_lease(aws, "a", &kind);
	char origin[32];

	CU_ASSERT_PTR_NOT_NULL(a);
	CU_ASSERT_PTR_EQUAL(aws_ecr_lease(aws, "a", &kind), a);
	CU_ASSERT_PTR_NOT_EQUAL(aws_ecr_lease(aws, "b", &kind), a);
	for (int i = 2; i < LIMIT_AWS_ECR_ENDPOINTS; i++) {
		(void)snprintf(origin, sizeof(origin), "%d", i);
		CU_ASSERT_PTR_NOT_NULL(aws_ecr_lease(aws, origin, &kind));
	}
	CU_ASSERT_PTR_NULL(aws_ecr_lease(aws, "one more", &kind));
	CU_ASSERT_PTR_EQUAL(aws_ecr_lease(aws, "a", &kind), a);
}

static void test_aws_close__takes_null(void)
{
	aws_close(NULL);
}

TEST_MAIN("aws", TEST(test_aws_open__takes_the_region_from_the_nearest),
	TEST(test_aws_open__takes_endpoints_from_the_nearest),
	TEST(test_aws_open__names_what_is_wrong),
	TEST(test_aws_credentials_get__keeps_what_it_found),
	TEST(test_aws_credentials_get__renews_what_has_expired),
	TEST(test_aws_credentials_get__remembers_that_there_are_none),
	TEST(test_aws_s3_learn__remembers_each_bucket), TEST(test_aws_s3_learn__has_a_ceiling),
	TEST(test_aws_ecr_lease__is_one_for_each_endpoint), TEST(test_aws_close__takes_null))
