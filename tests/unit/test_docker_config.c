/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/docker_config.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

/* me:hunter2 */
#define AUTH "\"auth\":\"bWU6aHVudGVyMg==\""
#define ENTRY "{" AUTH "}"

static int find(struct credential *c, const char *json, const char *image, struct err *err)
{
	AUTO(reference) struct reference r = {.registry = NULL};

	if (reference_parse(&r, image, err) < 0)
		return -1;
	return docker_config_find(c, json, &r, err);
}

/* want: user:password, or NULL where there must be none. */
static void finds(const char *json, const char *image, const char *want)
{
	AUTO(credential) struct credential c = {.user = NULL};
	AUTO(free) char *got = NULL;
	struct err err = {.msg = ""};

	int rc = find(&c, json, image, &err);
	if (rc < 0)
		printf("\n  %s: %s\n", json, err.msg);
	CU_ASSERT_EQUAL(rc, 0);
	CU_ASSERT_EQUAL(credential_is_set(&c), want != NULL);
	if (!want)
		return;
	CU_ASSERT_PTR_NOT_NULL_FATAL(c.user);
	got = xasprintf("%s:%s", c.user, c.password);
	CU_ASSERT_STRING_EQUAL(got, want);
}

static void refuses(const char *json, const char *says)
{
	AUTO(credential) struct credential c = {.user = NULL};
	struct err err = {.code = ERR_NONE, .msg = ""};

	CU_ASSERT_EQUAL(find(&c, json, "r.io/a", &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	CU_ASSERT_FALSE(credential_is_set(&c));
	ASSERT_HAS(err.msg, "docker config");
	ASSERT_HAS(err.msg, says);
	CU_ASSERT_PTR_NULL(strstr(err.msg, "hunter2"));
	CU_ASSERT_PTR_NULL(strstr(err.msg, "aHVudGVyMg"));
}

static void test_docker_config_find__goes_by_the_exact_host(void)
{
	finds("{\"auths\":{\"r.io\":" ENTRY "}}", "r.io/a", "me:hunter2");
	finds("{\"auths\":{\"R.io\":" ENTRY "}}", "r.io/a", "me:hunter2");
	finds("{\"auths\":{\"https://r.io\":" ENTRY "}}", "r.io/a", "me:hunter2");
	finds("{\"auths\":{\"https://r.io/v2/\":" ENTRY "}}", "r.io/a", "me:hunter2");
	finds("{\"auths\":{\"r.io:5000\":" ENTRY "}}", "r.io:5000/a", "me:hunter2");
	finds("{\"auths\":{\"r.io:5000\":" ENTRY "}}", "r.io/a", NULL);
	finds("{\"auths\":{\"r.io\":" ENTRY "}}", "r.io:5000/a", NULL);
	finds("{\"auths\":{\"r.io\":" ENTRY "}}", "evil.r.io/a", NULL);
	finds("{\"auths\":{\"r.io\":" ENTRY "}}", "r.io.evil.test/a", NULL);
	finds("{\"auths\":{\"*.r.io\":" ENTRY "}}", "x.r.io/a", NULL);
	finds("{\"auths\":{\"\":" ENTRY "}}", "r.io/a", NULL);
}

static void test_docker_config_find__prefers_the_longest_path(void)
{
	static const char json[] = "{\"auths\":{\"r.io/team\":{\"username\":\"t\",\"password\":"
				   "\"1\"},\"r.io\":{\"username\":\"r\",\"password\":\"2\"},"
				   "\"r.io/team/x\":{\"username\":\"x\",\"password\":\"3\"}}}";

	finds(json, "r.io/team", "t:1");
	finds(json, "r.io/team/a", "t:1");
	finds(json, "r.io/team/x", "x:3");
	finds(json, "r.io/team/x/y", "x:3");
	finds(json, "r.io/teamwork", "r:2");
	finds("{\"auths\":{\"r.io/team/\":" ENTRY "}}", "r.io/other", NULL);
}

static void test_docker_config_find__knows_docker_hub_by_all_its_names(void)
{
	finds("{\"auths\":{\"https://index.docker.io/v1/\":" ENTRY "}}", "docker.io/a/b",
		"me:hunter2");
	finds("{\"auths\":{\"docker.io\":" ENTRY "}}", "docker.io/a/b", "me:hunter2");
	finds("{\"auths\":{\"registry-1.docker.io\":" ENTRY "}}", "docker.io/a", "me:hunter2");
	finds("{\"auths\":{\"index.docker.io\":" ENTRY "}}", "r.io/a", NULL);
}

static void test_docker_config_find__reads_each_form(void)
{
	AUTO(credential) struct credential c = {.user = NULL};
	struct err err;

	finds("{\"auths\":{\"r.io\":{\"username\":\"u\",\"password\":\"p:q\"}}}", "r.io/a",
		"u:p:q");
	finds("{\"auths\":{\"r.io\":{\"username\":\"u\",\"password\":\"p\"," AUTH "}}}", "r.io/a",
		"me:hunter2");
	finds("{\"auths\":{\"r.io\":{\"auth\":\"dTo=\"}}}", "r.io/a", "u:");
	CU_ASSERT_EQUAL(find(&c, "{\"auths\":{\"r.io\":{\"identitytoken\":\"t\"," AUTH "}}}",
				"r.io/a", &err),
		0);
	CU_ASSERT_STRING_EQUAL(c.identity_token, "t");
	CU_ASSERT_PTR_NULL(c.user);
}

static void test_docker_config_find__finds_none_where_none_is(void)
{
	finds("{}", "r.io/a", NULL);
	finds("{\"auths\":{}}", "r.io/a", NULL);
	finds("{\"auths\":{\"r.io\":{}}}", "r.io/a", NULL);
	finds("{\"auths\":{\"r.io\":{\"auth\":\"\"}}}", "r.io/a", NULL);
	finds("{\"auths\":{\"r.io\":null}}", "r.io/a", NULL);
	finds("{\"credHelpers\":{\"other.io\":\"x\"}}", "r.io/a", NULL);
}

static void test_docker_config_find__runs_no_helper(void)
{
	refuses("{\"credsStore\":\"desktop\"}", "no");
	refuses("{\"auths\":{\"r.io\":{}},\"credsStore\":\"desktop\"}", "put it under auths");
	refuses("{\"credHelpers\":{\"r.io\":\"ecr-login\"}}", "credential of r.io");
	finds("{\"auths\":{\"r.io\":" ENTRY "},\"credsStore\":\"desktop\"}", "r.io/a",
		"me:hunter2");
}

static void test_docker_config_find__refuses_what_it_cannot_read(void)
{
	AUTO(free) char *is_long = xasprintf("{\"a\":\"%0*d\"}", (int)LIMIT_DOCKER_CONFIG_BYTES, 0);

	refuses("", "JSON");
	refuses("[]", "must be a JSON object");
	refuses("{\"auths\":[]}", "auths must be an object");
	refuses("{\"auths\":{\"r.io\":{\"auth\":\"hunter2!\"}}}", "auths[\"r.io\"]: auth must be");
	refuses("{\"auths\":{\"r.io\":{\"auth\":\"aHVudGVyMg==\"}}}", "no \":\"");
	refuses("{\"auths\":{\"r.io\":{\"auth\":\"bWUAOmh1bnRlcjI=\"}}}", "zero byte");
	refuses("{\"auths\":{\"r.io\":{\"username\":\"me\"}}}", "username and password");
	refuses("{\"auths\":{\"r.io\":{\"password\":\"hunter2\"}}}", "username and password");
	refuses("{\"auths\":{\"r.io\":{\"username\":\"a:hunter2\",\"password\":\"x\"}}}",
		"must not hold \":\"");
	refuses(is_long, "at most 1048576 bytes");
}

static void test_credential_basic__is_base64_of_both(void)
{
	AUTO(credential)
	struct credential c = {.user = xstrdup("Aladdin"), .password = xstrdup("open sesame")};
	AUTO(free) char *basic = credential_basic(&c);

	CU_ASSERT_STRING_EQUAL(basic, "QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
}

TEST_MAIN("docker_config", TEST(test_docker_config_find__goes_by_the_exact_host),
	TEST(test_docker_config_find__prefers_the_longest_path),
	TEST(test_docker_config_find__knows_docker_hub_by_all_its_names),
	TEST(test_docker_config_find__reads_each_form),
	TEST(test_docker_config_find__finds_none_where_none_is),
	TEST(test_docker_config_find__runs_no_helper),
	TEST(test_docker_config_find__refuses_what_it_cannot_read),
	TEST(test_credential_basic__is_base64_of_both))
