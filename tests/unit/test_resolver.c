/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/resolver.h"

#include <semaphore.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/xalloc.h"
#include "tests/unit/aws_server.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/http_server.h"
#include "tests/unit/test.h"

#define LONG_MS 60000
#define MANY 100

static struct resolver *start_with(
	const struct fetch_options *fetch, int64_t budget_ms, int workers)
{
	const struct resolver_options options = {
		.fetch = *fetch,
		.workers = workers,
		.budget_ms = budget_ms,
		.hash_max = 1 << 20,
		.module_max = 1 << 20,
		.good_ms = LONG_MS,
		.bad_ms = LONG_MS,
	};
	struct err err;
	struct resolver *r = resolver_start(&options, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	return r;
}

static struct resolver *start(int64_t budget_ms, int workers)
{
	const struct fetch_options fetch = fixture_options();

	return start_with(&fetch, budget_ms, workers);
}

static inline void auto_resolver(struct resolver **r)
{
	resolver_stop(*r);
}

/* A question, and the answer that came. */
struct asked {
	struct resolver_question question; /* first, so that one is the other */
	sem_t *answered;                   /* borrowed */
	struct finding found;
	char *uri; /* owned */
};

static void take_answer(struct resolver_question *q, const struct finding *found)
{
	struct asked *a = (struct asked *)q;

	a->found = *found;
	(void)sem_post(a->answered);
}

static void ask(
	struct resolver *r, struct asked *a, unsigned port, const char *path, sem_t *answered)
{
	a->uri = xasprintf("127.0.0.1:%u%s", port, path);
	a->answered = answered;
	a->question = (struct resolver_question){
		.source = FETCH_HTTP, .uri = a->uri, .answer = take_answer};
	resolver_ask(r, &a->question);
}

static void await(sem_t *answered, int n)
{
	while (n-- > 0)
		(void)sem_wait(answered);
}

static void test_resolver_ask__looks_up_once_for_many(void)
{
	AUTO(http_server) struct http_server *server = http_server_start(NULL, NULL);
	AUTO(resolver) struct resolver *r = start(LONG_MS, 4);
	struct asked asked[MANY];
	struct finding known;
	struct resolver_counts counts;
	sem_t answered;

	(void)sem_init(&answered, 0, 0);
	for (int i = 0; i < MANY; i++)
		ask(r, &asked[i], http_server_port(server), "/gate", &answered);
	CU_ASSERT_FALSE(resolver_peek(r, &asked[0].question, &known));
	http_server_open_gate(server);
	await(&answered, MANY);
	for (int i = 0; i < MANY; i++) {
		CU_ASSERT_EQUAL(asked[i].found.err.code, ERR_NONE);
		CU_ASSERT_STRING_EQUAL(asked[i].found.digest.hex, asked[0].found.digest.hex);
	}
	CU_ASSERT_EQUAL(http_server_requests(server), 1);
	CU_ASSERT_TRUE(resolver_peek(r, &asked[0].question, &known));
	CU_ASSERT_STRING_EQUAL(known.digest.hex, asked[0].found.digest.hex);
	resolver_count(r, &counts);
	CU_ASSERT_EQUAL(counts.cached, 1);
	CU_ASSERT_EQUAL(counts.by_code[ERR_NONE], 1);
	for (int i = 0; i < MANY; i++)
		free(asked[i].uri);
	(void)sem_destroy(&answered);
}

static void test_resolver_ask__answers_within_the_budget(void)
{
	AUTO(http_server) struct http_server *server = http_server_start(NULL, NULL);
	AUTO(resolver) struct resolver *r = start(200, 4);
	struct asked asked[MANY];
	struct resolver_counts counts;
	int64_t before = io_monotonic_ms();
	sem_t answered;

	(void)sem_init(&answered, 0, 0);
	for (int i = 0; i < MANY; i++) {
		AUTO(free) char *path = xasprintf("/silent?%d", i);

		ask(r, &asked[i], http_server_port(server), path, &answered);
	}
	await(&answered, MANY);
	CU_ASSERT_TRUE(io_monotonic_ms() - before < 10000);
	for (int i = 0; i < MANY; i++) {
		CU_ASSERT_EQUAL(asked[i].found.err.code, ERR_TRANSIENT);
		free(asked[i].uri);
	}
	/* One host has one of four threads, and its turns come until the budget is over; a server
	 * may see late that who gave up is gone. */
	CU_ASSERT_TRUE(http_server_most_at_once(server) < 4);
	resolver_count(r, &counts);
	CU_ASSERT_EQUAL(counts.by_code[ERR_TRANSIENT], MANY);
	(void)sem_destroy(&answered);
}

static void test_resolver_ask__lets_a_dead_host_hold_up_no_other(void)
{
	AUTO(http_server) struct http_server *dead = http_server_start(NULL, NULL);
	AUTO(http_server) struct http_server *good = http_server_start(NULL, NULL);
	AUTO(resolver) struct resolver *r = start(LONG_MS, 4);
	struct asked waiting[8];
	struct asked quick;
	sem_t never;
	sem_t answered;

	(void)sem_init(&never, 0, 0);
	(void)sem_init(&answered, 0, 0);
	for (int i = 0; i < 8; i++) {
		AUTO(free) char *path = xasprintf("/silent?%d", i);

		ask(r, &waiting[i], http_server_port(dead), path, &never);
	}
	ask(r, &quick, http_server_port(good), "/module", &answered);
	await(&answered, 1);
	CU_ASSERT_EQUAL(quick.found.err.code, ERR_NONE);
	free(quick.uri);
	resolver_stop(STEAL(r));
	await(&never, 8); /* stopping answers all */
	for (int i = 0; i < 8; i++) {
		CU_ASSERT_EQUAL(waiting[i].found.err.code, ERR_TRANSIENT);
		free(waiting[i].uri);
	}
	(void)sem_destroy(&never);
	(void)sem_destroy(&answered);
}

static void test_resolver_ask__remembers_what_was_not_there(void)
{
	AUTO(http_server) struct http_server *server = http_server_start(NULL, NULL);
	AUTO(resolver) struct resolver *r = start(LONG_MS, 1);
	struct asked first;
	struct asked second;
	sem_t answered;

	(void)sem_init(&answered, 0, 0);
	ask(r, &first, http_server_port(server), "/status/404", &answered);
	await(&answered, 1);
	ask(r, &second, http_server_port(server), "/status/404", &answered);
	await(&answered, 1);
	CU_ASSERT_EQUAL(second.found.err.code, ERR_NOT_FOUND);
	CU_ASSERT_EQUAL(http_server_requests(server), 1);
	free(first.uri);
	free(second.uri);
	(void)sem_destroy(&answered);
}

/* An API server asks for both, one behind the other. */
static void test_resolver_ask__waits_once_for_digest_and_module(void)
{
	AUTO(http_server) struct http_server *server = http_server_start(NULL, NULL);
	AUTO(resolver) struct resolver *r = start(LONG_MS, 1);
	AUTO(free) char *uri = xasprintf("127.0.0.1:%u/a:v1", http_server_port(server));
	struct asked digest = {
		.question = {.source = FETCH_OCI, .uri = uri, .answer = take_answer}};
	struct asked module = digest;
	struct finding known;
	sem_t answered;

	(void)sem_init(&answered, 0, 0);
	digest.answered = &answered;
	resolver_ask(r, &digest.question);
	await(&answered, 1);
	CU_ASSERT_EQUAL(digest.found.err.code, ERR_NOT_FOUND);
	unsigned requests = http_server_requests(server);

	module.question.wants_module = true;
	CU_ASSERT_TRUE(resolver_peek(r, &module.question, &known));
	CU_ASSERT_EQUAL(known.err.code, ERR_NOT_FOUND);
	CU_ASSERT_EQUAL(http_server_requests(server), requests);
	(void)sem_destroy(&answered);
}

#define STATED "x-amz-checksum-sha256: Eglw2BKDbxmIhiVYekYGpa0jzvMchoTmAXcVUlSPxrk="

/* What looks at a module late has its digest all the same. */
static void test_resolver_ask__keeps_a_digest_that_is_known(void)
{
	static struct aws_route routes[] = {{"HEAD", "/bucket/k", NULL, 200, STATED, "module"},
		{"GET", "/bucket/k", "Range: bytes=0-512", 206, NULL, "module"}};
	AUTO(aws_server) struct aws_server *s = aws_server_start(routes, 2);
	AUTO(free) char *url = xasprintf("AWS_ENDPOINT_URL_S3=%s", aws_server_url(s));
	const char *const environment[] = {url, "AWS_EC2_METADATA_DISABLED=true", NULL};
	AUTO(aws_fixture) struct aws_fixture aws = {0};
	struct asked asked = {
		.question = {.source = FETCH_S3, .uri = "bucket/k", .answer = take_answer}};
	struct finding known;
	sem_t answered;

	aws_fixture_init(&aws, environment);
	AUTO(resolver) struct resolver *r = start_with(&aws.options, 500, 1);

	(void)sem_init(&answered, 0, 0);
	asked.answered = &answered;
	resolver_ask(r, &asked.question);
	await(&answered, 1);
	CU_ASSERT_EQUAL(asked.found.err.code, ERR_NONE);
	routes[0].status = 0; /* no answer ever */
	asked.question.wants_module = true;
	resolver_ask(r, &asked.question);
	await(&answered, 1);
	CU_ASSERT_EQUAL(asked.found.err.code, ERR_NONE);
	CU_ASSERT_EQUAL(asked.found.size, 0);
	CU_ASSERT_FALSE(resolver_peek(r, &asked.question, &known));
	asked.question.wants_module = false;
	CU_ASSERT_TRUE(resolver_peek(r, &asked.question, &known));
	(void)sem_destroy(&answered);
}

TEST_MAIN("resolver", TEST(test_resolver_ask__keeps_a_digest_that_is_known),
	TEST(test_resolver_ask__waits_once_for_digest_and_module),
	TEST(test_resolver_ask__looks_up_once_for_many),
	TEST(test_resolver_ask__answers_within_the_budget),
	TEST(test_resolver_ask__lets_a_dead_host_hold_up_no_other),
	TEST(test_resolver_ask__remembers_what_was_not_there))
