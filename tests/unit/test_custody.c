/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/custody.h"

#include <stdlib.h>

#include "api/base64.h"
#include "base/auto.h"
#include "base/xalloc.h"
#include "tests/unit/script_server.h"
#include "tests/unit/test.h"

#define SECRETS "/api/v1/namespaces/ns/secrets"
#define STEPS 10

/* An API server that keeps one Secret and the caBundle of two configurations. */
struct api {
	struct script_server *server;
	char *data;      /* owned; `"data":{...}` of the Secret; NULL: there is none */
	char *bundle[2]; /* owned; NULL: none */
	int writes;
	bool forgets_configurations;
};

static void answer(int fd, const char *status, const char *body)
{
	script_print(fd,
		"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
		"Connection: close\r\n\r\n%s",
		status, strlen(body), body);
}

static bool asks(const char *request, const char *method, const char *path)
{
	size_t n = strlen(method);

	return strncmp(request, method, n) == 0 && request[n] == ' ' &&
	       strncmp(request + n + 1, path, strlen(path)) == 0;
}

/* Takes over what is written: "data":{...} is the last of the body. */
static void keep_secret(struct api *api, const char *request, int fd)
{
	const char *data = strstr(request, "\"data\":");

	CU_ASSERT_PTR_NOT_NULL_FATAL(data);
	free(api->data);
	api->data = xstrndup(data, strlen(data) - 1);
	api->writes++;
	answer(fd, "200 OK", "{}");
}

static void give_secret(const struct api *api, int fd)
{
	AUTO(free) char *body = NULL;

	if (!api->data) {
		answer(fd, "404 Not Found", "{\"message\":\"none\"}");
		return;
	}
	body = xasprintf(
		"{\"kind\":\"Secret\",\"metadata\":{\"resourceVersion\":\"1\"},%s}", api->data);
	answer(fd, "200 OK", body);
}

static void see_configuration(struct api *api, char **bundle, const char *request, int fd)
{
	static const char mark[] = "\"path\":\"/webhooks/0/clientConfig/caBundle\",\"value\":\"";
	const char *value = strstr(request, mark);
	AUTO(free) char *body = NULL;

	if (api->forgets_configurations) {
		answer(fd, "404 Not Found", "{\"message\":\"none\"}");
		return;
	}
	if (asks(request, "PATCH", "/")) {
		CU_ASSERT_PTR_NOT_NULL_FATAL(value);
		value += strlen(mark);
		free(*bundle);
		*bundle = xstrndup(value, strcspn(value, "\""));
		api->writes++;
	}
	body = xasprintf("{\"webhooks\":[{\"name\":\"a.b.c\",\"clientConfig\":{\"caBundle\":"
			 "\"%s\"}}]}",
		*bundle ? *bundle : "");
	answer(fd, "200 OK", body);
}

static void serve(void *arg, unsigned nth, const char *request, int fd)
{
	struct api *api = arg;

	(void)nth;
	if (asks(request, "GET", SECRETS "/certs"))
		give_secret(api, fd);
	else if (asks(request, "POST", SECRETS) || asks(request, "PATCH", SECRETS "/certs"))
		keep_secret(api, request, fd);
	else
		see_configuration(api, &api->bundle[!strstr(request, "/mutating")], request, fd);
}

/* A custody, and the API server that it looks after. */
struct place {
	struct api api;
	struct custody custody;
	struct identity *identity;
};

static const char *const texts[] = {"hook.ns.svc"};

static void place_open(struct place *p)
{
	const struct custody_options options = {
		.namespace = "ns",
		.secret = "certs",
		.configuration = "ours",
		.policy = {.ca_s = 100000, .leaf_s = 10000, .settle_s = 10},
		.names = {texts, 1},
	};
	struct credentials access = {.server = NULL};
	struct err err;

	p->identity = identity_new();
	p->api.server = script_server_start(serve, &p->api);
	access.server = xasprintf("http://127.0.0.1:%u", script_server_port(p->api.server));
	CU_ASSERT_EQUAL_FATAL(custody_open(&p->custody, &options, &access, &err), 0);
}

static void auto_place(struct place *p)
{
	script_server_stop(p->api.server);
	custody_close(&p->custody);
	identity_free(p->identity);
	free(p->api.data);
	free(p->api.bundle[0]);
	free(p->api.bundle[1]);
}

/* Steps until nothing more is to be done; returns whether that came. */
static bool settle(struct place *p)
{
	struct err err = {.msg = ""};

	for (int i = 0; i < STEPS; i++) {
		int before = p->api.writes;
		int64_t wait_ms = custody_step(&p->custody, p->identity, &err);

		if (wait_ms < 0)
			printf("\n  %s\n", err.msg);
		if (wait_ms > 0 && p->api.writes == before)
			return true;
	}
	return false;
}

static void expect_trust(const struct place *p)
{
	AUTO(free) char *bundle = vault_bundle(&p->custody.vault);
	AUTO(free) char *encoded = base64_encode(bundle, strlen(bundle));

	CU_ASSERT_PTR_NOT_NULL_FATAL(p->api.bundle[0]);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p->api.bundle[1]);
	CU_ASSERT_STRING_EQUAL(p->api.bundle[0], encoded);
	CU_ASSERT_STRING_EQUAL(p->api.bundle[1], encoded);
}

static void test_custody_step__makes_what_is_not_there(void)
{
	AUTO(place) struct place p = {.identity = NULL};

	place_open(&p);
	CU_ASSERT_TRUE(settle(&p));
	expect_trust(&p);
	CU_ASSERT_TRUE(identity_expires(p.identity) > 0);
	CU_ASSERT_EQUAL(p.api.writes, 3);
	CU_ASSERT_TRUE(settle(&p)); /* and writes nothing more */
	CU_ASSERT_EQUAL(p.api.writes, 3);
}

static void test_custody_step__takes_over_what_is_there(void)
{
	AUTO(place) struct place first = {.identity = NULL};
	AUTO(place) struct place second = {.identity = NULL};

	place_open(&first);
	CU_ASSERT_TRUE(settle(&first));
	place_open(&second);
	second.api.data = xstrdup(first.api.data);
	CU_ASSERT_TRUE(settle(&second));
	expect_trust(&second);
	CU_ASSERT_EQUAL(second.api.writes, 2); /* the configurations */
	CU_ASSERT_STRING_EQUAL(second.api.data, first.api.data);
}

static void test_custody_step__restores_what_was_deleted(void)
{
	AUTO(place) struct place p = {.identity = NULL};
	AUTO(free) char *before = NULL;

	place_open(&p);
	CU_ASSERT_TRUE(settle(&p));
	before = STEAL(p.api.data);
	CU_ASSERT_TRUE(settle(&p));
	CU_ASSERT_STRING_EQUAL(p.api.data, before);
	free(p.api.data);
	p.api.data = xstrdup("\"data\":{\"ca.crt\":\"eA==\"}");
	free(p.api.bundle[0]);
	p.api.bundle[0] = xstrdup("eA==");
	CU_ASSERT_TRUE(settle(&p));
	CU_ASSERT_STRING_EQUAL(p.api.data, before);
	expect_trust(&p);
}

static void test_custody_step__serves_though_no_configuration_is_there(void)
{
	AUTO(place) struct place p = {.identity = NULL};
	struct err err = {.code = ERR_NONE};

	place_open(&p);
	p.api.forgets_configurations = true;
	CU_ASSERT_EQUAL(custody_step(&p.custody, p.identity, &err), 0);
	CU_ASSERT_EQUAL(custody_step(&p.custody, p.identity, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_NOT_FOUND);
	ASSERT_HAS(err.msg, "mutatingwebhookconfigurations/ours");
	CU_ASSERT_TRUE(identity_expires(p.identity) > 0);
}

TEST_MAIN("custody", TEST(test_custody_step__makes_what_is_not_there),
	TEST(test_custody_step__takes_over_what_is_there),
	TEST(test_custody_step__restores_what_was_deleted),
	TEST(test_custody_step__serves_though_no_configuration_is_there))
