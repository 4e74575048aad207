/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/login.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "fetch/registry.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/registry_fixture.h"
#include "tests/unit/test.h"

#define ME "Basic bWU6aHVudGVyMg==" /* me:hunter2 */
#define TOKEN "{\"token\":\"t1\",\"expires_in\":300}"

/* One fetch of an image at the fixture, and the credential that it has for it. */
struct visit {
	struct fetch_options options;
	struct fetch_request request;
	struct fetch_task task;
	struct reference reference;
	struct registry registry;
	char *config; /* owned */
};

static void auto_visit(struct visit *v)
{
	registry_clear(&v->registry);
	reference_clear(&v->reference);
	free(v->config);
}

/* entry: of the docker config, for 127.0.0.1:port; NULL: none. */
static int visit(
	struct visit *v, const struct registry_fixture *fake, const char *entry, struct err *err)
{
	AUTO(free) char *image = xasprintf("127.0.0.1:%u/a:v1", fake->port);

	v->options = fixture_options();
	v->options.retry.tries = 1;
	v->config =
		entry ? xasprintf("{\"auths\":{\"127.0.0.1:%u\":%s}}", fake->port, entry) : NULL;
	v->request = (struct fetch_request){.source = FETCH_OCI, .docker_config = v->config};
	v->task = (struct fetch_task){.options = &v->options, .request = &v->request};
	if (reference_parse(&v->reference, image, err) < 0)
		return -1;
	return registry_open(&v->registry, &v->task, &v->reference, "pull", err);
}

/* Asks for a:v1, which wants authorization and answers without by challenge. */
static int get_manifest(struct visit *v, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT(65536);
	AUTO(free) char *url = registry_url(&v->registry, "manifests/v1");
	const struct exchange_request request = {.url = url, .text = &text};
	AUTO(exchange_reply) struct exchange_reply reply = {.status = 0};

	return registry_exchange(&v->registry, &reply, &request, err);
}

/* host: of the realm. */
static struct registry_fixture *start_bearer(const char *host)
{
	struct registry_fixture *fake = registry_fixture_start();

	(void)registry_fixture_module(fake);
	fake->challenge =
		xasprintf("Bearer realm=\"http://%s:%u/token\",service=\"s 1\"", host, fake->port);
	fake->authorization = "Bearer t1";
	registry_fixture_serve(
		fake, "/token?service=s%201&scope=repository%3Aa%3Apull", "", TOKEN, strlen(TOKEN));
	return fake;
}

static void test_login_answer__sends_user_and_password_for_basic(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();
	AUTO(visit) struct visit v = {.config = NULL};
	struct err err = {.msg = ""};

	(void)registry_fixture_module(fake);
	fake->challenge = xstrdup("Basic realm=\"x\"");
	fake->authorization = ME;
	CU_ASSERT_EQUAL(visit(&v, fake, "{\"username\":\"me\",\"password\":\"hunter2\"}", &err), 0);
	CU_ASSERT_EQUAL(get_manifest(&v, &err), 0);
	ASSERT_HAS(fake->log, "GET /v2/a/manifests/v1 -\nGET /v2/a/manifests/v1 " ME "\n");
}

static void test_login_answer__says_that_a_password_is_missing(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();
	AUTO(visit) struct visit v = {.config = NULL};
	struct err err = {.msg = ""};

	fake->challenge = xstrdup("Basic realm=\"x\"");
	fake->authorization = ME;
	CU_ASSERT_EQUAL(visit(&v, fake, NULL, &err), 0);
	CU_ASSERT_EQUAL(get_manifest(&v, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_DENIED);
	ASSERT_HAS(err.msg, "wants a user and a password, and none are given for 127.0.0.1:");
}

static void test_login_answer__gets_a_token_for_nobody(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = start_bearer("127.0.0.1");
	AUTO(visit) struct visit v = {.config = NULL};
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(visit(&v, fake, NULL, &err), 0);
	CU_ASSERT_EQUAL(get_manifest(&v, &err), 0);
	ASSERT_HAS(fake->log, "scope=repository%3Aa%3Apull -\nGET /v2/a/manifests/v1 Bearer t1\n");
}

static void test_login_answer__gets_a_token_for_the_user(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = start_bearer("127.0.0.1");
	AUTO(visit) struct visit v = {.config = NULL};
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(visit(&v, fake, "{\"username\":\"me\",\"password\":\"hunter2\"}", &err), 0);
	CU_ASSERT_EQUAL(get_manifest(&v, &err), 0);
	ASSERT_HAS(fake->log, "scope=repository%3Aa%3Apull " ME "\n");
}

static void test_login_answer__keeps_the_credential_from_a_foreign_realm(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = start_bearer("localhost");
	AUTO(visit) struct visit v = {.config = NULL};
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(visit(&v, fake, "{\"username\":\"me\",\"password\":\"hunter2\"}", &err), 0);
	CU_ASSERT_EQUAL(get_manifest(&v, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_DENIED);
	ASSERT_HAS(err.msg, "token realm http://localhost:");
	ASSERT_HAS(err.msg, "is foreign to the registry");
	CU_ASSERT_PTR_NULL(strstr(fake->log, "/token"));
}

static void test_login_answer__asks_a_foreign_realm_as_nobody(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = start_bearer("localhost");
	AUTO(visit) struct visit v = {.config = NULL};
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(visit(&v, fake, NULL, &err), 0);
	CU_ASSERT_EQUAL(get_manifest(&v, &err), 0);
}

static void test_login_answer__posts_an_identity_token(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = start_bearer("127.0.0.1");
	AUTO(visit) struct visit v = {.config = NULL};
	struct err err = {.msg = ""};

	registry_fixture_serve(fake, "/token", "", TOKEN, strlen(TOKEN));
	CU_ASSERT_EQUAL(visit(&v, fake, "{\"identitytoken\":\"r&1\"}", &err), 0);
	CU_ASSERT_EQUAL(get_manifest(&v, &err), 0);
	ASSERT_HAS(fake->log, "POST /token -\nGET /v2/a/manifests/v1 Bearer t1\n");
	CU_ASSERT_STRING_EQUAL(fake->posted,
		"grant_type=refresh_token&client_id=wasmxds&service=s%201&"
		"scope=repository%3Aa%3Apull&refresh_token=r%261");
}

static void test_login_refresh__asks_again_for_an_old_token_only(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = start_bearer("127.0.0.1");
	AUTO(visit) struct visit v = {.config = NULL};
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(visit(&v, fake, NULL, &err), 0);
	CU_ASSERT_EQUAL(get_manifest(&v, &err), 0);
	unsigned before = script_server_requests(fake->server);

	CU_ASSERT_EQUAL(login_refresh(&v.registry.login, &err), 0);
	CU_ASSERT_EQUAL(script_server_requests(fake->server), before);
	v.registry.login.expires_ms = 1; /* long ago */
	CU_ASSERT_EQUAL(login_refresh(&v.registry.login, &err), 0);
	CU_ASSERT_EQUAL(script_server_requests(fake->server), before + 1);
	CU_ASSERT_TRUE(v.registry.login.expires_ms > 1);
}

static void test_login_answer__refuses_what_it_cannot_answer(void)
{
	static const struct {
		const char *challenge;
		enum err_code code;
		const char *says;
	} table[] = {
		{"Negotiate", ERR_DENIED, "neither Basic nor Bearer"},
		{"Bearer realm=\"x", ERR_INVALID, "without an end"},
		{"Bearer realm=\"file:///etc/passwd\"", ERR_INVALID, "neither http nor https"},
		{"Bearer realm=\"http://169.254.169.254/t\"", ERR_DENIED, "169.254.169.254"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();
		AUTO(visit) struct visit v = {.config = NULL};
		struct err err = {.msg = ""};

		fake->challenge = xstrdup(table[i].challenge);
		fake->authorization = "Bearer t1";
		CU_ASSERT_EQUAL(visit(&v, fake, NULL, &err), 0);
		CU_ASSERT_EQUAL(get_manifest(&v, &err), -1);
		CU_ASSERT_EQUAL(err.code, table[i].code);
		ASSERT_HAS(err.msg, table[i].says);
	}
}

static void test_login_answer__refuses_a_token_that_is_none(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();
	AUTO(visit) struct visit v = {.config = NULL};
	struct err err = {.msg = ""};

	fake->challenge = xasprintf("Bearer realm=\"http://127.0.0.1:%u/token\"", fake->port);
	fake->authorization = "Bearer t1";
	registry_fixture_serve(fake, "/token?scope=repository%3Aa%3Apull", "", "{}", 2);
	CU_ASSERT_EQUAL(visit(&v, fake, NULL, &err), 0);
	CU_ASSERT_EQUAL(get_manifest(&v, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, "/token: must be an object with a token");
}

static void test_login_init__prefers_the_requests_config(void)
{
	const char *const both = "{\"auths\":{\"r.io\":{\"username\":\"%s\",\"password\":\"x\"}}}";
	AUTO(free) char *mine = xasprintf(both, "mine");
	AUTO(free) char *ours = xasprintf(both, "ours");
	AUTO(reference) struct reference r = {.registry = NULL};
	struct fetch_options options = fixture_options();
	struct fetch_request request = {.docker_config = mine};
	struct fetch_task task = {.options = &options, .request = &request};
	struct login login = {.task = NULL};
	struct err err = {.msg = ""};

	options.docker_config = ours;
	CU_ASSERT_EQUAL(reference_parse(&r, "r.io/a", &err), 0);
	CU_ASSERT_EQUAL(login_init(&login, &task, &r, "pull", &err), 0);
	CU_ASSERT_STRING_EQUAL(login.credential.user, "mine");
	login_clear(&login);
	request.docker_config = "{}";
	CU_ASSERT_EQUAL(login_init(&login, &task, &r, "pull", &err), 0);
	CU_ASSERT_STRING_EQUAL(login.credential.user, "ours");
	login_clear(&login);
}

TEST_MAIN("login", TEST(test_login_answer__sends_user_and_password_for_basic),
	TEST(test_login_answer__says_that_a_password_is_missing),
	TEST(test_login_answer__gets_a_token_for_nobody),
	TEST(test_login_answer__gets_a_token_for_the_user),
	TEST(test_login_answer__keeps_the_credential_from_a_foreign_realm),
	TEST(test_login_answer__asks_a_foreign_realm_as_nobody),
	TEST(test_login_answer__posts_an_identity_token),
	TEST(test_login_refresh__asks_again_for_an_old_token_only),
	TEST(test_login_answer__refuses_what_it_cannot_answer),
	TEST(test_login_answer__refuses_a_token_that_is_none),
	TEST(test_login_init__prefers_the_requests_config))
