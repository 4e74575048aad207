/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/registry.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/http_server.h"
#include "tests/unit/registry_fixture.h"
#include "tests/unit/test.h"

static int open_at(struct registry *r, struct reference *reference, struct fetch_task *task,
	const char *image, struct err *err)
{
	if (reference_parse(reference, image, err) < 0)
		return -1;
	return registry_open(r, task, reference, "pull", err);
}

/* Asserts what image is spoken to at. */
static void assert_origin(struct fetch_task *task, const char *image, const char *origin)
{
	AUTO(reference) struct reference reference = {.registry = NULL};
	AUTO(registry) struct registry r = {.task = NULL};
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(open_at(&r, &reference, task, image, &err), 0);
	CU_ASSERT_STRING_EQUAL(r.origin, origin);
	CU_ASSERT_EQUAL(r.login.plain, strncmp(origin, "http:", 5) == 0);
}

static void test_registry_open__takes_https_unless_it_is_listed(void)
{
	static char listed[] = "Plain.test:5000";
	static char *const list[] = {listed};
	struct fetch_options options = fixture_options();
	struct fetch_request request = {.source = FETCH_OCI};
	struct fetch_task task = {.options = &options, .request = &request};

	options.insecure_registries = list;
	options.n_insecure_registries = 1;
	assert_origin(&task, "r.test/a", "https://r.test");
	assert_origin(&task, "r.test:80/a", "https://r.test:80");
	assert_origin(&task, "docker.io/a", "https://registry-1.docker.io");
	assert_origin(&task, "plain.test:5000/a", "http://plain.test:5000");
	assert_origin(&task, "plain.test/a", "https://plain.test");
}

static void test_registry_open__sees_what_this_machine_speaks(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();
	AUTO(fixture_tls) struct fixture_tls tls = {.key = NULL};
	AUTO(http_server) struct http_server *secure = NULL;
	struct fetch_options options = fixture_options();
	struct fetch_request request = {.source = FETCH_OCI};
	struct fetch_task task = {.options = &options, .request = &request};

	fixture_tls_init(&tls);
	secure = http_server_start(&tls, NULL);
	AUTO(free) char *plain_image = xasprintf("127.0.0.1:%u/a", fake->port);
	AUTO(free) char *plain_origin = xasprintf("http://127.0.0.1:%u", fake->port);
	AUTO(free) char *secure_image = xasprintf("127.0.0.1:%u/a", http_server_port(secure));
	AUTO(free)
	char *secure_origin = xasprintf("https://127.0.0.1:%u", http_server_port(secure));

	assert_origin(&task, plain_image, plain_origin);
	assert_origin(&task, secure_image, secure_origin);
}

static void test_registry_url__stands_below_the_repository(void)
{
	AUTO(reference) struct reference reference = {.registry = NULL};
	AUTO(registry) struct registry r = {.task = NULL};
	struct fetch_options options = fixture_options();
	struct fetch_request request = {.source = FETCH_OCI};
	struct fetch_task task = {.options = &options, .request = &request};
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(open_at(&r, &reference, &task, "r.test/a/b", &err), 0);
	AUTO(free) char *url = registry_url(&r, "manifests/v1");

	CU_ASSERT_STRING_EQUAL(url, "https://r.test/v2/a/b/manifests/v1");
}

static int get(struct registry *r, const char *url, struct buf *text, struct err *err)
{
	const struct exchange_request request = {.url = url, .text = text};
	AUTO(exchange_reply) struct exchange_reply reply = {.status = 0};

	return registry_exchange(r, &reply, &request, err);
}

/* Asks fake, as me:hunter2 where secret, for a:v1; url: of it, or NULL. */
static int ask(struct registry_fixture *fake, bool secret, const char *url, struct buf *text,
	struct err *err)
{
	AUTO(reference) struct reference reference = {.registry = NULL};
	AUTO(registry) struct registry r = {.task = NULL};
	AUTO(free) char *image = xasprintf("127.0.0.1:%u/a:v1", fake->port);
	AUTO(free)
	char *config = xasprintf(
		"{\"auths\":{\"127.0.0.1:%u\":{\"auth\":\"bWU6aHVudGVyMg==\"}}}", fake->port);
	struct fetch_options options = fixture_options();
	struct fetch_request request = {
		.source = FETCH_OCI, .docker_config = secret ? config : NULL};
	struct fetch_task task = {.options = &options, .request = &request};
	AUTO(free) char *own = NULL;

	options.retry.tries = 1;
	if (open_at(&r, &reference, &task, image, err) < 0)
		return -1;
	own = registry_url(&r, "manifests/v1");
	return get(&r, url ? url : own, text, err);
}

static void test_registry_exchange__brings_the_answer_behind_the_challenge(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();
	AUTO(buf) struct buf text = BUF_INIT(65536);
	struct err err = {.msg = ""};

	registry_fixture_serve(fake, "/v2/a/manifests/v1", "", "good", 4);
	fake->challenge = xstrdup("Basic");
	fake->authorization = "Basic bWU6aHVudGVyMg==";
	CU_ASSERT_EQUAL(ask(fake, true, NULL, &text, &err), 0);
	CU_ASSERT_STRING_EQUAL(buf_text(&text), "good"); /* and nothing of the 401's body */
}

static void test_registry_exchange__answers_one_challenge_only(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();
	AUTO(buf) struct buf text = BUF_INIT(65536);
	struct err err = {.msg = ""};

	fake->challenge = xstrdup("Basic");
	fake->authorization = "Basic of another";
	CU_ASSERT_EQUAL(ask(fake, true, NULL, &text, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_DENIED);
	ASSERT_HAS(err.msg, "answered 401");
	CU_ASSERT_PTR_NULL(strstr(err.msg, "hunter2"));
	CU_ASSERT_EQUAL(script_server_requests(fake->server), 3); /* one found the scheme out */
}

static void test_registry_exchange__says_that_it_had_no_credential(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();
	AUTO(buf) struct buf text = BUF_INIT(65536);
	struct err err = {.msg = ""};

	fake->challenge = xasprintf("Bearer realm=\"http://127.0.0.1:%u/token\"", fake->port);
	fake->authorization = "Bearer of another";
	registry_fixture_serve(
		fake, "/token?scope=repository%3Aa%3Apull", "", "{\"token\":\"t1\"}", 14);
	CU_ASSERT_EQUAL(ask(fake, false, NULL, &text, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_DENIED);
	ASSERT_HAS(err.msg, "without a credential, as none is given for 127.0.0.1:");
}

static void test_registry_exchange__proves_nothing_to_another_origin(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();
	AUTO(registry_fixture) struct registry_fixture *other = registry_fixture_start();
	AUTO(free) char *url = xasprintf("http://127.0.0.1:%u/v2/x", other->port);
	AUTO(buf) struct buf text = BUF_INIT(65536);
	struct err err = {.msg = ""};

	other->challenge = xstrdup("Basic");
	other->authorization = "Basic bWU6aHVudGVyMg==";
	CU_ASSERT_EQUAL(ask(fake, true, url, &text, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_DENIED);
	CU_ASSERT_STRING_EQUAL(other->log, "GET /v2/x -\n");
}

TEST_MAIN("registry", TEST(test_registry_open__takes_https_unless_it_is_listed),
	TEST(test_registry_open__sees_what_this_machine_speaks),
	TEST(test_registry_url__stands_below_the_repository),
	TEST(test_registry_exchange__brings_the_answer_behind_the_challenge),
	TEST(test_registry_exchange__answers_one_challenge_only),
	TEST(test_registry_exchange__says_that_it_had_no_credential),
	TEST(test_registry_exchange__proves_nothing_to_another_origin))
