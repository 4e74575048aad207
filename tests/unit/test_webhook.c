/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/webhook.h"

#include <stdlib.h>

#include <curl/curl.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/http_server.h"
#include "tests/unit/review_fixture.h"
#include "tests/unit/test.h"

#define LONG_MS 60000
#define MANY 40
#define PINNED REVIEW_IMAGE ",\"sha256\":\"" REVIEW_SHA256 "\""

/* A webhook that asks no API server, and where it is. */
struct place {
	struct fixture_tls tls;
	char *dir;               /* owned */
	char *authority;         /* owned; the certificate's file */
	struct webhook *webhook; /* owned */
	char *address;           /* owned */
	char *admin;             /* owned */
};

static int64_t certify(void *arg, struct identity *id, struct err *err)
{
	const struct fixture_tls *tls = arg;

	return identity_set(id, tls->certificate, tls->key, err) < 0 ? -1 : LONG_MS;
}

static void place_open(struct place *p, int64_t budget_ms, unsigned max_connections)
{
	struct webhook_options options = {
		.listen = "127.0.0.1:0",
		.admin_listen = "127.0.0.1:0",
		.desk = {.policy = {.pin = true},
			.resolver = {.fetch = fixture_options(),
				.workers = 4,
				.budget_ms = budget_ms,
				.hash_max = LIMIT_MIB,
				.good_ms = LONG_MS,
				.bad_ms = LONG_MS}},
		.max_connections = max_connections,
		.certify = certify,
		.certify_arg = &p->tls,
	};
	struct err err = {.msg = ""};

	fixture_tls_init(&p->tls);
	p->dir = fixture_dir();
	p->authority =
		fixture_write(p->dir, "ca.pem", p->tls.certificate, strlen(p->tls.certificate));
	p->webhook = webhook_start(&options, &err);
	if (!p->webhook)
		printf("\n  %s\n", err.msg);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p->webhook);
	p->address = webhook_address(p->webhook);
	p->admin = webhook_admin_address(p->webhook);
}

static void place_close(struct place *p)
{
	webhook_stop(p->webhook);
	fixture_tls_clear(&p->tls);
	fixture_dir_remove(p->dir);
	free(p->authority);
	free(p->address);
	free(p->admin);
}

static size_t take(char *bytes, size_t size, size_t n, void *arg)
{
	struct err err;

	return buf_append(arg, bytes, size * n, &err) < 0 ? 0 : size * n;
}

/* One request that is to come. */
struct call {
	CURL *curl;                 /* owned */
	struct curl_slist *headers; /* owned */
	char *url;                  /* owned */
	struct buf answer;
};

static void call_init(struct call *c, const struct place *p, const char *path, const char *body)
{
	*c = (struct call){.curl = curl_easy_init(), .answer = BUF_INIT(LIMIT_MIB)};
	CU_ASSERT_PTR_NOT_NULL_FATAL(c->curl);
	c->url = xasprintf("https://%s%s", p->address, path);
	c->headers = curl_slist_append(NULL, "Content-Type: application/json");
	c->headers = curl_slist_append(c->headers, "Expect:");
	(void)curl_easy_setopt(c->curl, CURLOPT_URL, c->url);
	(void)curl_easy_setopt(c->curl, CURLOPT_CAINFO, p->authority);
	(void)curl_easy_setopt(c->curl, CURLOPT_CAPATH, NULL);
	(void)curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, c->headers);
	(void)curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, take);
	(void)curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &c->answer);
	if (body)
		(void)curl_easy_setopt(c->curl, CURLOPT_COPYPOSTFIELDS, body);
}

static void call_clear(struct call *c)
{
	curl_easy_cleanup(c->curl);
	curl_slist_free_all(c->headers);
	free(c->url);
	buf_clear(&c->answer);
}

static inline void auto_call(struct call *c)
{
	call_clear(c);
}

/* Returns the status; 0: there was no answer. */
static long call_run(struct call *c)
{
	long status = 0;

	if (curl_easy_perform(c->curl) == CURLE_OK)
		(void)curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static long post(const struct place *p, const char *path, const char *body)
{
	AUTO(call) struct call c = {.curl = NULL};

	call_init(&c, p, path, body);
	return call_run(&c);
}

static char *review_of(const char *image)
{
	AUTO(free) char *object = review_extension(image, "", "");

	return review_text(&(struct review_parts){.object = object});
}

static void test_webhook__answers_a_review(void)
{
	struct place p;
	AUTO(free) char *body = review_of(PINNED ",\"uri2\":1");
	AUTO(call) struct call c = {.curl = NULL};

	place_open(&p, LONG_MS, 16);
	call_init(&c, &p, "/validate?timeout=5s", body);
	CU_ASSERT_EQUAL(call_run(&c), 200);
	ASSERT_HAS(buf_text(&c.answer), "\"allowed\":false");
	ASSERT_HAS(buf_text(&c.answer), "spec.image.uri2");
	place_close(&p);
}

static void test_webhook__refuses_what_is_no_review(void)
{
	struct place p;
	AUTO(call) struct call get = {.curl = NULL};
	AUTO(call) struct call yaml = {.curl = NULL};

	place_open(&p, LONG_MS, 16);
	CU_ASSERT_EQUAL(post(&p, "/", "{}"), 404);
	CU_ASSERT_EQUAL(post(&p, "/validate/x", "{}"), 404);
	CU_ASSERT_EQUAL(post(&p, "/validate%00x", "{}"), 404);
	CU_ASSERT_EQUAL(post(&p, "/%76alidate", "{}"), 404);
	CU_ASSERT_EQUAL(post(&p, "/validate", "{}"), 400);
	CU_ASSERT_EQUAL(post(&p, "/mutate", ""), 400);
	call_init(&get, &p, "/validate", NULL);
	CU_ASSERT_EQUAL(call_run(&get), 405);
	call_init(&yaml, &p, "/validate", "{}");
	curl_slist_free_all(yaml.headers);
	yaml.headers = curl_slist_append(NULL, "Content-Type: application/yaml");
	(void)curl_easy_setopt(yaml.curl, CURLOPT_HTTPHEADER, yaml.headers);
	CU_ASSERT_EQUAL(call_run(&yaml), 415);
	place_close(&p);
}

static void test_webhook__bounds_the_body(void)
{
	struct place p;
	size_t n = LIMIT_REVIEW_BYTES + 1;
	AUTO(free) char *large = xmalloc(n + 1);
	AUTO(call) struct call chunked = {.curl = NULL};

	memset(large, ' ', n);
	large[n] = '\0';
	place_open(&p, LONG_MS, 16);
	CU_ASSERT_EQUAL(post(&p, "/validate", large), 413);
	call_init(&chunked, &p, "/validate", large);
	chunked.headers = curl_slist_append(chunked.headers, "Transfer-Encoding: chunked");
	(void)curl_easy_setopt(chunked.curl, CURLOPT_HTTPHEADER, chunked.headers);
	CU_ASSERT_EQUAL(call_run(&chunked), 413);
	large[n - 1] = '\0';
	CU_ASSERT_EQUAL(post(&p, "/validate", large), 400);
	place_close(&p);
}

/* As many bytes as are asked for. */
static size_t give(char *bytes, size_t size, size_t n, void *arg)
{
	(void)arg;
	memset(bytes, ' ', size * n);
	return size * n;
}

static void test_webhook__hangs_up_on_who_never_ends(void)
{
	struct place p;
	AUTO(call) struct call c = {.curl = NULL};

	place_open(&p, LONG_MS, 16);
	call_init(&c, &p, "/validate", NULL);
	c.headers = curl_slist_append(c.headers, "Transfer-Encoding: chunked");
	(void)curl_easy_setopt(c.curl, CURLOPT_HTTPHEADER, c.headers);
	(void)curl_easy_setopt(c.curl, CURLOPT_POST, 1L);
	(void)curl_easy_setopt(c.curl, CURLOPT_READFUNCTION, give);
	CU_ASSERT_EQUAL(call_run(&c), 0);
	place_close(&p);
}

static void test_webhook__keeps_connections(void)
{
	struct place p;
	AUTO(free) char *body = review_of("");
	AUTO(call) struct call c = {.curl = NULL};
	long connects = 0;

	place_open(&p, LONG_MS, 16);
	call_init(&c, &p, "/validate", body);
	CU_ASSERT_EQUAL(call_run(&c), 200);
	for (int i = 0; i < 20; i++) {
		CU_ASSERT_EQUAL(call_run(&c), 200);
		(void)curl_easy_getinfo(c.curl, CURLINFO_NUM_CONNECTS, &connects);
		CU_ASSERT_EQUAL(connects, 0);
	}
	place_close(&p);
}

static void wait_for_all(CURLM *multi)
{
	const CURLMsg *message;
	int running = 1;
	int left = 0;

	while (running > 0) {
		CU_ASSERT_EQUAL_FATAL(curl_multi_perform(multi, &running), CURLM_OK);
		(void)curl_multi_poll(multi, NULL, 0, 1000, NULL);
	}
	while ((message = curl_multi_info_read(multi, &left))) {
		if (message->data.result != CURLE_OK)
			printf("\n  %s\n", curl_easy_strerror(message->data.result));
		CU_ASSERT_EQUAL(message->data.result, CURLE_OK);
	}
}

static void start_all(CURLM *multi, struct http_server *server, unsigned requests)
{
	int running = 1;

	while (http_server_requests(server) < requests && running > 0) {
		CU_ASSERT_EQUAL_FATAL(curl_multi_perform(multi, &running), CURLM_OK);
		(void)curl_multi_poll(multi, NULL, 0, 10, NULL);
	}
}

/* Those who wait for a registry hold no thread that serves. */
static void test_webhook__answers_while_others_wait(void)
{
	AUTO(http_server) struct http_server *server = http_server_start(NULL, NULL);
	struct place p;
	AUTO(free)
	char *image = xasprintf(
		"\"protocol\":\"http\",\"uri\":\"127.0.0.1:%u/gate\"", http_server_port(server));
	AUTO(free) char *waits = review_of(image);
	AUTO(free) char *quick = review_of("");
	struct call calls[MANY];
	CURLM *multi = curl_multi_init();

	place_open(&p, LONG_MS, 200);
	for (int i = 0; i < MANY; i++) {
		call_init(&calls[i], &p, "/mutate", waits);
		(void)curl_multi_add_handle(multi, calls[i].curl);
	}
	start_all(multi, server, 1);
	CU_ASSERT_EQUAL(post(&p, "/validate", quick), 200);
	http_server_open_gate(server);
	wait_for_all(multi);
	for (int i = 0; i < MANY; i++) {
		ASSERT_HAS(buf_text(&calls[i].answer), "\"patchType\":\"JSONPatch\"");
		(void)curl_multi_remove_handle(multi, calls[i].curl);
		call_clear(&calls[i]);
	}
	CU_ASSERT_EQUAL(http_server_requests(server), 1);
	(void)curl_multi_cleanup(multi);
	place_close(&p);
}

static void test_webhook__warns_when_its_budget_is_over(void)
{
	AUTO(http_server) struct http_server *server = http_server_start(NULL, NULL);
	struct place p;
	AUTO(free)
	char *image = xasprintf(
		"\"protocol\":\"http\",\"uri\":\"127.0.0.1:%u/silent\"", http_server_port(server));
	AUTO(free) char *body = review_of(image);
	AUTO(call) struct call c = {.curl = NULL};

	place_open(&p, 100, 16);
	call_init(&c, &p, "/mutate", body);
	CU_ASSERT_EQUAL(call_run(&c), 200);
	ASSERT_HAS(buf_text(&c.answer), "\"allowed\":true");
	ASSERT_HAS(buf_text(&c.answer), "was not reached in time");
	place_close(&p);
}

static void test_webhook_stop__answers_who_waits(void)
{
	AUTO(http_server) struct http_server *server = http_server_start(NULL, NULL);
	struct place p;
	AUTO(free)
	char *image = xasprintf(
		"\"protocol\":\"http\",\"uri\":\"127.0.0.1:%u/silent\"", http_server_port(server));
	AUTO(free) char *body = review_of(image);
	struct call c;
	CURLM *multi = curl_multi_init();

	place_open(&p, 500, 16);
	call_init(&c, &p, "/mutate", body);
	(void)curl_multi_add_handle(multi, c.curl);
	start_all(multi, server, 1);
	place_close(&p);
	wait_for_all(multi);
	ASSERT_HAS(buf_text(&c.answer), "\"allowed\":true");
	(void)curl_multi_remove_handle(multi, c.curl);
	call_clear(&c);
	(void)curl_multi_cleanup(multi);
}

static void test_webhook__tells_of_itself(void)
{
	struct place p;
	AUTO(call) struct call c = {.curl = NULL};

	place_open(&p, LONG_MS, 16);
	CU_ASSERT_EQUAL(post(&p, "/validate", "{}"), 400);
	call_init(&c, &p, "", NULL);
	free(c.url);
	c.url = xasprintf("http://%s/metrics", p.admin);
	(void)curl_easy_setopt(c.curl, CURLOPT_URL, c.url);
	CU_ASSERT_EQUAL(call_run(&c), 200);
	ASSERT_HAS(buf_text(&c.answer),
		"wasmxds_webhook_review_seconds_count{path=\"validate\",verdict=\"malformed\"} 1");
	ASSERT_HAS(buf_text(&c.answer), "wasmxds_webhook_resolutions_total{result=\"resolved\"} 0");
	ASSERT_HAS(buf_text(&c.answer), "\nwasmxds_webhook_certificate_expiry_seconds 1");
	place_close(&p);
}

TEST_MAIN("webhook", TEST(test_webhook__answers_a_review),
	TEST(test_webhook__refuses_what_is_no_review), TEST(test_webhook__bounds_the_body),
	TEST(test_webhook__hangs_up_on_who_never_ends), TEST(test_webhook__keeps_connections),
	TEST(test_webhook__answers_while_others_wait),
	TEST(test_webhook__warns_when_its_budget_is_over),
	TEST(test_webhook_stop__answers_who_waits), TEST(test_webhook__tells_of_itself))
