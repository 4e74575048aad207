/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws_chain.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "tests/unit/aws_server.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/test.h"

#define NO_METADATA "AWS_EC2_METADATA_DISABLED=true"
#define PROFILES                                                              \
	"[default]\naws_access_key_id = DEFAULT\naws_secret_access_key = d\n" \
	"[b]\naws_access_key_id = B\naws_secret_access_key = b\n"

/* Looks in this environment; *key_id is what was found, NULL: nothing. */
static int look(char **key_id, const char *const *environment, struct err *err)
{
	AUTO(aws_fixture) struct aws_fixture f = {0};
	AUTO(aws_credentials) struct aws_credentials c = {0};

	aws_fixture_init(&f, environment);

	int rc = aws_chain(&c, &f.task, &f.environment, err);

	*key_id = STEAL(c.key_id);
	return rc;
}

static void assert_found(const char *const *environment, const char *want)
{
	AUTO(free) char *key_id = NULL;
	struct err err = {0};

	if (look(&key_id, environment, &err) < 0)
		CU_FAIL(err.msg);
	if (!want) {
		CU_ASSERT_PTR_NULL(key_id);
		return;
	}
	CU_ASSERT_PTR_NOT_NULL_FATAL(key_id);
	CU_ASSERT_STRING_EQUAL(key_id, want);
}

static void assert_fails(const char *const *environment, enum err_code code, const char *want)
{
	AUTO(free) char *key_id = NULL;
	struct err err = {0};

	CU_ASSERT_EQUAL(look(&key_id, environment, &err), -1);
	CU_ASSERT_EQUAL(err.code, code);
	ASSERT_HAS(err.msg, want);
	CU_ASSERT_PTR_NULL(strstr(err.msg, "sesame"));
	CU_ASSERT_PTR_NULL(key_id);
}

static void test_aws_chain__finds_nothing_in_nothing(void)
{
	static const char *const environment[] = {NO_METADATA, NULL};

	assert_found(environment, NULL);
}

static void test_aws_chain__takes_the_environment_first(void)
{
	AUTO(fixture_dir) char *dir = fixture_dir();
	AUTO(free) char *path = fixture_write(dir, "c", PROFILES, strlen(PROFILES));
	AUTO(free) char *file = xasprintf("AWS_SHARED_CREDENTIALS_FILE=%s", path);
	const char *const environment[] = {file, "AWS_ACCESS_KEY_ID=ENV", "AWS_SECRET_ACCESS_KEY=s",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:1", NULL};

	assert_found(environment, "ENV");
}

static void test_aws_chain__takes_half_a_key_for_a_mistake(void)
{
	static const char *const no_secret[] = {"AWS_ACCESS_KEY_ID=A", NULL};
	static const char *const no_id[] = {"AWS_SECRET_ACCESS_KEY=sesame", NULL};
	static const char *const newline[] = {
		"AWS_ACCESS_KEY_ID=A", "AWS_SECRET_ACCESS_KEY=sesame\n", NULL};

	assert_fails(no_secret, ERR_INVALID, "the environment: AWS_ACCESS_KEY_ID and");
	assert_fails(no_id, ERR_INVALID, "must both be set");
	assert_fails(newline, ERR_INVALID, "secret access key");
}

static void test_aws_chain__reads_the_shared_files(void)
{
	AUTO(fixture_dir) char *dir = fixture_dir();
	AUTO(free) char *path = fixture_write(dir, "c", PROFILES, strlen(PROFILES));
	AUTO(free) char *file = xasprintf("AWS_SHARED_CREDENTIALS_FILE=%s", path);
	AUTO(free) char *config = xasprintf("AWS_CONFIG_FILE=%s", path);
	const char *const usual[] = {file, NULL};
	const char *const named[] = {file, "AWS_PROFILE=b", NULL};
	const char *const as_config[] = {
		config, "AWS_SHARED_CREDENTIALS_FILE=/dev/null", NO_METADATA, NULL};
	const char *const missing[] = {file, "AWS_PROFILE=c", NULL};

	assert_found(usual, "DEFAULT");
	assert_found(named, "B");
	assert_found(as_config, "DEFAULT");
	assert_fails(missing, ERR_INVALID, "AWS_PROFILE: there is no profile");
}

static void test_aws_chain__looks_at_home(void)
{
	static const char *const nobody[] = {
		"HOME=/nonexistent", "AWS_CONFIG_FILE=/nonexistent", NO_METADATA, NULL};
	AUTO(fixture_dir) char *dir = fixture_dir();
	AUTO(free) char *home = xasprintf("HOME=%s", dir);
	AUTO(free) char *aws = xasprintf("%s/.aws", dir);
	const char *const environment[] = {home, NULL};

	CU_ASSERT_EQUAL_FATAL(mkdir(aws, 0700), 0);
	AUTO(free) char *path = fixture_write(aws, "credentials", PROFILES, strlen(PROFILES));
	assert_found(environment, "DEFAULT");
	assert_found(nobody, NULL);
}

static void test_aws_chain__says_what_it_cannot_do(void)
{
	static const char text[] = "[profile b]\nrole_arn = x\nsource_profile = default\n"
				   "[profile c]\naws_secret_access_key = sesame\n"
				   "[profile d\nsesame\n";
	AUTO(fixture_dir) char *dir = fixture_dir();
	AUTO(free) char *path = fixture_write(dir, "c", text, strlen(text));
	AUTO(free)
	char *good = fixture_write(dir, "d", text, (size_t)(strstr(text, "[profile d") - text));
	AUTO(free) char *broken_file = xasprintf("AWS_CONFIG_FILE=%s", path);
	AUTO(free) char *file = xasprintf("AWS_CONFIG_FILE=%s", good);
	const char *const role[] = {file, "AWS_PROFILE=b", NULL};
	const char *const half[] = {file, "AWS_PROFILE=c", NULL};
	const char *const broken[] = {broken_file, "AWS_PROFILE=b", NULL};

	assert_fails(role, ERR_INVALID, "source_profile, which is not supported");
	assert_fails(half, ERR_INVALID, "must have both");
	assert_fails(broken, ERR_INVALID, "line 6: ");
}

static void test_aws_chain__goes_on_to_the_agent_and_metadata(void)
{
	static const struct aws_route routes[] = {
		{"GET", "/agent", NULL, 200, NULL,
			"{\"AccessKeyId\":\"AGENT\",\"SecretAccessKey\":\"s\"}"},
		{"PUT", "/latest/api/token", NULL, 200, NULL, "t"},
		{"GET", "/latest/meta-data/iam/security-credentials/", NULL, 200, NULL, "r"},
		{"GET", "/latest/meta-data/iam/security-credentials/r", NULL, 200, NULL,
			"{\"AccessKeyId\":\"IMDS\",\"SecretAccessKey\":\"s\"}"},
	};
	AUTO(aws_server) struct aws_server *s = aws_server_start(routes, 4);
	AUTO(free)
	char *agent = xasprintf("AWS_CONTAINER_CREDENTIALS_FULL_URI=%s/agent", aws_server_url(s));
	AUTO(free)
	char *metadata = xasprintf("AWS_EC2_METADATA_SERVICE_ENDPOINT=%s", aws_server_url(s));
	const char *const both[] = {agent, metadata, NULL};
	const char *const one[] = {metadata, NULL};

	assert_found(both, "AGENT");
	assert_found(one, "IMDS");
}

static void test_aws_chain__ends_where_one_that_is_set_up_fails(void)
{
	AUTO(aws_server) struct aws_server *s = aws_server_start(NULL, 0);
	AUTO(free)
	char *agent = xasprintf("AWS_CONTAINER_CREDENTIALS_FULL_URI=%s/agent", aws_server_url(s));
	const char *const environment[] = {agent, NULL};

	assert_fails(environment, ERR_DENIED, "AWS credentials from the container's agent: ");
}

TEST_MAIN("aws_chain", TEST(test_aws_chain__finds_nothing_in_nothing),
	TEST(test_aws_chain__takes_the_environment_first),
	TEST(test_aws_chain__takes_half_a_key_for_a_mistake),
	TEST(test_aws_chain__reads_the_shared_files), TEST(test_aws_chain__looks_at_home),
	TEST(test_aws_chain__says_what_it_cannot_do),
	TEST(test_aws_chain__goes_on_to_the_agent_and_metadata),
	TEST(test_aws_chain__ends_where_one_that_is_set_up_fails))
