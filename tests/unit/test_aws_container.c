/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws_remote.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "tests/unit/aws_server.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/test.h"

#define CREDENTIALS                                                                       \
	"{\"AccessKeyId\":\"ASIA\",\"SecretAccessKey\":\"sesame\",\"Token\":\"session\"," \
	"\"Expiration\":\"2099-01-02T03:04:05Z\"}"

static void test_aws_container_endpoint__takes_the_agents_only(void)
{
	static const struct {
		const char *uri, *origin, *path;
	} cases[] = {
		{"http://169.254.170.2/v2/x", "http://169.254.170.2", "/v2/x"},
		{"http://169.254.170.23/v1/credentials", "http://169.254.170.23",
			"/v1/credentials"},
		{"http://[fd00:ec2::23]/v1/credentials", "http://[fd00:ec2::23]",
			"/v1/credentials"},
		{"http://127.0.0.1:1234/c?a=b", "http://127.0.0.1:1234", "/c?a=b"},
		{"http://localhost:1234", "http://localhost:1234", "/"},
		{"http://[::1]:1234/c", "http://[::1]:1234", "/c"},
		{"https://agent.test/c", "https://agent.test", "/c"},
		{"http://agent.test/c", NULL, NULL},
		{"http://169.254.169.254/c", NULL, NULL},
		{"http://169.254.170.2.evil.test/c", NULL, NULL},
		{"http://169.254.170.22/c", NULL, NULL},
		{"http://169.254.170.2@evil.test/c", NULL, NULL},
		{"http://localhost.evil.test/c", NULL, NULL},
		{"http://10.0.0.1/c", NULL, NULL},
		{"file:///etc/passwd", NULL, NULL},
		{"169.254.170.2", NULL, NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(aws_endpoint) struct aws_endpoint e = {0};
		AUTO(free) char *path = NULL;
		AUTO(free) char *uri = xstrdup(cases[i].uri);
		const struct aws_environment environment = {.container_full_uri = uri};
		struct err err = {0};
		int rc = aws_container_endpoint(&e, &path, &environment, &err);

		if (!cases[i].origin) {
			CU_ASSERT_EQUAL(rc, -1);
			CU_ASSERT_EQUAL(err.code, ERR_INVALID);
			ASSERT_HAS(err.msg, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
			continue;
		}
		CU_ASSERT_EQUAL_FATAL(rc, 0);
		CU_ASSERT_STRING_EQUAL(e.origin, cases[i].origin);
		CU_ASSERT_STRING_EQUAL(e.path, "");
		CU_ASSERT_STRING_EQUAL(path, cases[i].path);
	}
}

static void test_aws_container_endpoint__puts_a_relative_uri_behind_ecs(void)
{
	AUTO(aws_endpoint) struct aws_endpoint e = {0};
	AUTO(free) char *path = NULL;
	char uri[] = "/v2/credentials/x";
	const struct aws_environment environment = {.container_relative_uri = uri};
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(aws_container_endpoint(&e, &path, &environment, &err), 0);
	CU_ASSERT_STRING_EQUAL(e.origin, "http://169.254.170.2");
	CU_ASSERT_STRING_EQUAL(path, "/v2/credentials/x");
}

static void test_aws_container_endpoint__lets_no_relative_uri_change_the_host(void)
{
	static const char *const bad[] = {
		"@evil.test/", ".evil.test/", ":80/", "x", "/a b", "/a\r\n"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		AUTO(aws_endpoint) struct aws_endpoint e = {0};
		AUTO(free) char *path = NULL;
		AUTO(free) char *uri = xstrdup(bad[i]);
		const struct aws_environment environment = {.container_relative_uri = uri};
		struct err err = {0};

		CU_ASSERT_EQUAL(aws_container_endpoint(&e, &path, &environment, &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
		CU_ASSERT_PTR_NULL(path);
	}
}

/* Asks a server with these routes, and an environment with these further texts. */
static int ask(struct aws_credentials *out, struct aws_server *s, const char *more, struct err *err)
{
	AUTO(free)
	char *uri = xasprintf("AWS_CONTAINER_CREDENTIALS_FULL_URI=%s/get?a=b", aws_server_url(s));
	const char *const environment[] = {uri, more, NULL};
	AUTO(aws_fixture) struct aws_fixture f = {0};

	aws_fixture_init(&f, environment);
	return aws_container(out, &f.task, &f.environment, err);
}

static void test_aws_container__sends_its_token(void)
{
	static const struct aws_route routes[] = {
		{"GET", "/get", "Authorization: Basic token", 200, NULL, CREDENTIALS}};
	AUTO(aws_server) struct aws_server *s = aws_server_start(routes, 1);
	AUTO(aws_credentials) struct aws_credentials c = {0};
	struct err err = {0};

	CU_ASSERT_EQUAL(ask(&c, s, "AWS_CONTAINER_AUTHORIZATION_TOKEN=Basic token", &err), 0);
	CU_ASSERT_STRING_EQUAL(c.key_id, "ASIA");
	CU_ASSERT_STRING_EQUAL(c.session_token, "session");
}

static void test_aws_container__reads_its_token_from_a_file(void)
{
	static const struct aws_route routes[] = {
		{"GET", "/get", "Authorization: pod-token", 200, NULL, CREDENTIALS}};
	AUTO(aws_server) struct aws_server *s = aws_server_start(routes, 1);
	AUTO(fixture_dir) char *dir = fixture_dir();
	AUTO(free) char *path = fixture_write(dir, "token", "pod-token\n", 10);
	AUTO(free) char *more = xasprintf("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=%s", path);
	AUTO(aws_credentials) struct aws_credentials c = {0};
	struct err err = {0};

	CU_ASSERT_EQUAL(ask(&c, s, more, &err), 0);
	CU_ASSERT_STRING_EQUAL(c.key_id, "ASIA");
}

static void test_aws_container__sends_no_token_that_is_none(void)
{
	AUTO(aws_server) struct aws_server *s = aws_server_start(NULL, 0);
	AUTO(aws_credentials) struct aws_credentials c = {0};
	struct err err = {0};

	CU_ASSERT_EQUAL(ask(&c, s, "AWS_CONTAINER_AUTHORIZATION_TOKEN=sesame\r\nX: y", &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	CU_ASSERT_PTR_NULL(strstr(err.msg, "sesame"));
	CU_ASSERT_EQUAL(
		ask(&c, s, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=/nonexistent", &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	CU_ASSERT_EQUAL(aws_server_requests(s), 0);
}

static void test_aws_container__follows_no_redirect(void)
{
	static const struct aws_route routes[] = {
		{"GET", "/get", NULL, 302, "Location: /other", ""},
		{"GET", "/other", NULL, 200, NULL, CREDENTIALS}};
	AUTO(aws_server) struct aws_server *s = aws_server_start(routes, 2);
	AUTO(aws_credentials) struct aws_credentials c = {0};
	struct err err = {0};

	CU_ASSERT_EQUAL(ask(&c, s, NULL, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_DENIED);
	ASSERT_HAS(err.msg, "302");
	CU_ASSERT_EQUAL(aws_server_requests(s), 1);
}

static void test_aws_container__tries_again_and_gives_up(void)
{
	static const struct aws_route routes[] = {{"GET", "/get", NULL, 500, NULL, "sesame"}};
	AUTO(aws_server) struct aws_server *s = aws_server_start(routes, 1);
	AUTO(aws_credentials) struct aws_credentials c = {0};
	struct err err = {0};

	CU_ASSERT_EQUAL(ask(&c, s, NULL, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_TRANSIENT);
	CU_ASSERT_EQUAL(aws_server_requests(s), 3);
	CU_ASSERT_PTR_NULL(strstr(err.msg, "sesame"));
}

static void test_aws_container__is_not_there_without_a_variable(void)
{
	AUTO(aws_fixture) struct aws_fixture f = {0};
	AUTO(aws_credentials) struct aws_credentials c = {0};
	struct err err = {0};

	aws_fixture_init(&f, NULL);
	CU_ASSERT_EQUAL(aws_container(&c, &f.task, &f.environment, &err), 0);
	CU_ASSERT_FALSE(aws_credentials_are_set(&c));
}

TEST_MAIN("aws_container", TEST(test_aws_container_endpoint__takes_the_agents_only),
	TEST(test_aws_container_endpoint__puts_a_relative_uri_behind_ecs),
	TEST(test_aws_container_endpoint__lets_no_relative_uri_change_the_host),
	TEST(test_aws_container__sends_its_token),
	TEST(test_aws_container__reads_its_token_from_a_file),
	TEST(test_aws_container__sends_no_token_that_is_none),
	TEST(test_aws_container__follows_no_redirect),
	TEST(test_aws_container__tries_again_and_gives_up),
	TEST(test_aws_container__is_not_there_without_a_variable))
