/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/pool.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/curl.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/http_server.h"
#include "tests/unit/test.h"

#define WORKERS 4
#define JOBS 60
#define SOON_MS 10000 /* the transfers would take 60 s; libcurl looks up once a second */

/* A pool, a server for it, and where its jobs come back. */
struct place {
	struct http_server *server;
	struct inbox *done;
	struct fetch_options options;
	atomic_bool stop;
	struct fetch_pool *pool;
	int submitted;
};

static void place_init(struct place *p, size_t done_capacity)
{
	struct err err = {0};

	*p = (struct place){.options = fixture_options()};
	CU_ASSERT_EQUAL_FATAL(curl_setup(&err), 0);
	p->options.stop = &p->stop;
	p->options.host_connections = WORKERS;
	p->server = http_server_start(NULL, NULL);
	p->done = inbox_new(done_capacity, fetch_job_free);
	p->pool = fetch_pool_start(&p->options, WORKERS, p->done, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p->pool);
}

static void auto_place(struct place *p)
{
	atomic_store(&p->stop, true);
	fetch_pool_stop(p->pool);
	inbox_free(p->done);
	http_server_stop(p->server);
	curl_teardown();
}

static void submit_uri(struct place *p, const char *uri, const struct digest *want, void *owner)
{
	struct fetch_job *job = fetch_job_new(FETCH_HTTP, uri, want, fixture_file());

	job->owner = owner;
	CU_ASSERT_TRUE_FATAL(fetch_pool_submit(p->pool, job));
}

/* A job of its own, whatever the others ask for. */
static void submit(struct place *p, const char *path, const struct digest *want, void *owner)
{
	AUTO(free)
	char *uri =
		xasprintf("127.0.0.1:%u%s?%d", http_server_port(p->server), path, p->submitted++);

	submit_uri(p, uri, want, owner);
}

/* What the owner number i asks for, and what it must get. */
static const struct {
	const char *path;
	enum err_code code;
} asked[] = {
	{"/module", ERR_NONE},
	{"/status/404", ERR_NOT_FOUND},
	{"/chain/2", ERR_NONE},
	{"/status/503", ERR_TRANSIENT},
};
#define ASKED (sizeof(asked) / sizeof(asked[0]))

static void take_results(struct place *p, bool *seen, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct fetch_job *job = inbox_pop(p->done);
		size_t owner = (size_t)((bool *)job->owner - seen);

		CU_ASSERT_TRUE_FATAL(owner < n);
		CU_ASSERT_FALSE(seen[owner]);
		seen[owner] = true;
		CU_ASSERT_EQUAL(job->err.code, asked[owner % ASKED].code);
		ASSERT_HAS(job->request.uri, asked[owner % ASKED].path);
		if (job->err.code == ERR_NONE) {
			CU_ASSERT_EQUAL(job->result.size, fixture_module_size);
			CU_ASSERT_TRUE(
				fixture_file_is(job->fd, fixture_module, fixture_module_size));
		}
		fetch_job_free(job);
	}
}

static void test_fetch_pool__gives_each_owner_its_own_result(void)
{
	AUTO(place) struct place p;
	bool seen[JOBS] = {false};

	place_init(&p, JOBS);
	for (size_t i = 0; i < JOBS; i++)
		submit(&p, asked[i % ASKED].path, NULL, &seen[i]);
	take_results(&p, seen, JOBS);
}

static void test_fetch_pool__waits_where_results_are_not_taken(void)
{
	AUTO(place) struct place p;
	bool seen[JOBS] = {false};

	place_init(&p, 1);
	for (size_t i = 0; i < JOBS; i++)
		submit(&p, asked[i % ASKED].path, NULL, &seen[i]);
	take_results(&p, seen, JOBS);
}

static void test_fetch_pool__hands_errors_back_by_value(void)
{
	AUTO(place) struct place p;
	struct digest want;

	place_init(&p, 1);
	digest_of(&want, "other", 5);
	submit(&p, "/module", &want, NULL);
	struct fetch_job *job = inbox_pop(p.done);
	CU_ASSERT_EQUAL(job->err.code, ERR_UNVERIFIED);
	ASSERT_HAS(job->err.msg, want.hex);
	fetch_job_free(job);
}

static void test_fetch_pool__leaves_workers_for_others_while_one_hangs(void)
{
	AUTO(place) struct place p;

	place_init(&p, JOBS);
	submit(&p, "/stall", NULL, &p);
	http_server_wait_for(p.server, 1);
	submit(&p, "/module", NULL, NULL);
	struct fetch_job *job = inbox_pop(p.done);
	CU_ASSERT_PTR_NULL(job->owner);
	CU_ASSERT_EQUAL(job->err.code, ERR_NONE);
	fetch_job_free(job);
}

/* Starts the pool anew, with so many connections to each host. */
static void place_narrow(struct place *p, int host_connections)
{
	struct err err = {0};

	fetch_pool_stop(p->pool);
	p->options.host_connections = host_connections;
	p->pool = fetch_pool_start(&p->options, WORKERS, p->done, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p->pool);
}

static void test_fetch_pool__leaves_workers_for_others_while_a_host_hangs(void)
{
	AUTO(place) struct place p;
	AUTO(http_server) struct http_server *other = http_server_start(NULL, NULL);
	AUTO(free) char *uri = xasprintf("127.0.0.1:%u/module", http_server_port(other));

	place_init(&p, JOBS);
	place_narrow(&p, WORKERS - 1);
	for (int i = 0; i < JOBS - 1; i++)
		submit(&p, "/stall", NULL, &p);
	http_server_wait_for(p.server, WORKERS - 1);
	submit_uri(&p, uri, NULL, NULL);
	struct fetch_job *job = inbox_pop(p.done);
	CU_ASSERT_PTR_NULL(job->owner);
	CU_ASSERT_EQUAL(job->err.code, ERR_NONE);
	fetch_job_free(job);
}

static void test_fetch_pool__asks_a_host_no_more_often_than_told(void)
{
	AUTO(place) struct place p;
	AUTO(http_server) struct http_server *other = http_server_start(NULL, NULL);

	place_init(&p, JOBS);
	place_narrow(&p, 2);
	for (int i = 0; i < JOBS / 2; i++)
		submit(&p, "/gate", NULL, &p);
	http_server_wait_for(p.server, 2);
	for (int i = 0; i < JOBS / 2; i++) { /* the other workers are free, and stay so */
		AUTO(free)
		char *uri = xasprintf("127.0.0.1:%u/module?%d", http_server_port(other), i);

		submit_uri(&p, uri, NULL, NULL);
		fetch_job_free(inbox_pop(p.done));
	}
	http_server_open_gate(p.server);
	for (int i = 0; i < JOBS / 2; i++)
		fetch_job_free(inbox_pop(p.done));
	CU_ASSERT_EQUAL(http_server_most_at_once(p.server), 2);
}

static void test_fetch_pool__downloads_once_what_many_ask_for(void)
{
	AUTO(place) struct place p;
	AUTO(free) char *hang = NULL;
	AUTO(free) char *uri = NULL;
	struct digest want;

	place_init(&p, JOBS);
	place_narrow(&p, 1);
	hang = xasprintf("127.0.0.1:%u/gate", http_server_port(p.server));
	uri = xasprintf("127.0.0.1:%u/module", http_server_port(p.server));
	digest_of(&want, fixture_module, fixture_module_size);
	submit_uri(&p, hang, NULL, &p); /* the others come while its host is taken */
	for (int i = 0; i < JOBS / 2; i++) {
		submit_uri(&p, uri, &want, NULL);
		submit_uri(&p, hang, NULL, &p);
	}
	http_server_open_gate(p.server);
	for (int i = 0; i < JOBS + 1; i++) {
		struct fetch_job *job = inbox_pop(p.done);

		CU_ASSERT_EQUAL(job->err.code, ERR_NONE);
		CU_ASSERT_EQUAL(job->result.size, fixture_module_size);
		CU_ASSERT_TRUE(digest_equal(&job->result.digest, &want));
		CU_ASSERT_TRUE(fixture_file_is(job->fd, fixture_module, fixture_module_size));
		fetch_job_free(job);
	}
	CU_ASSERT_EQUAL(http_server_requests(p.server), 2);
}

static void test_fetch_pool__does_not_share_what_other_credentials_brought(void)
{
	AUTO(place) struct place p;
	AUTO(free) char *hang = NULL;
	AUTO(free) char *uri = NULL;

	place_init(&p, JOBS);
	place_narrow(&p, 1);
	hang = xasprintf("127.0.0.1:%u/gate", http_server_port(p.server));
	uri = xasprintf("127.0.0.1:%u/module", http_server_port(p.server));
	submit_uri(&p, hang, NULL, NULL);
	submit_uri(&p, uri, NULL, NULL);
	for (int i = 0; i < 4; i++) {
		struct fetch_job *job = fetch_job_new(FETCH_HTTP, uri, NULL, fixture_file());

		fetch_job_set_docker_config(job, i % 2 ? "{\"auths\":{}}" : "{}");
		CU_ASSERT_TRUE_FATAL(fetch_pool_submit(p.pool, job));
	}
	http_server_open_gate(p.server);
	for (int i = 0; i < 6; i++)
		fetch_job_free(inbox_pop(p.done));
	CU_ASSERT_EQUAL(http_server_requests(p.server), 4);
}

static void test_fetch_pool__shares_an_error_too(void)
{
	AUTO(place) struct place p;
	AUTO(free) char *hang = NULL;
	AUTO(free) char *uri = NULL;

	place_init(&p, JOBS);
	place_narrow(&p, 1);
	hang = xasprintf("127.0.0.1:%u/gate", http_server_port(p.server));
	uri = xasprintf("127.0.0.1:%u/later", http_server_port(p.server));
	submit_uri(&p, hang, NULL, NULL);
	submit_uri(&p, uri, NULL, &p);
	submit_uri(&p, uri, NULL, &p);
	http_server_open_gate(p.server);
	for (int i = 0; i < 3; i++) {
		struct fetch_job *job = inbox_pop(p.done);

		CU_ASSERT_EQUAL(job->err.code, job->owner ? ERR_TRANSIENT : ERR_NONE);
		CU_ASSERT_EQUAL(job->retry_after_ms, job->owner ? 3000 : 0);
		fetch_job_free(job);
	}
	CU_ASSERT_EQUAL(http_server_requests(p.server), 2);
}

static void test_fetch_pool__tells_a_follower_that_its_file_takes_nothing(void)
{
	AUTO(place) struct place p;
	AUTO(free) char *uri = NULL;
	struct fetch_job *job = NULL;

	place_init(&p, JOBS);
	uri = xasprintf("127.0.0.1:%u/gate", http_server_port(p.server));
	submit_uri(&p, uri, NULL, NULL);
	job = fetch_job_new(FETCH_HTTP, uri, NULL, fixture_full());
	job->owner = &p;
	CU_ASSERT_TRUE_FATAL(fetch_pool_submit(p.pool, job));
	http_server_open_gate(p.server);
	for (int i = 0; i < 2; i++) {
		job = inbox_pop(p.done);
		CU_ASSERT_EQUAL(job->err.code, job->owner ? ERR_TRANSIENT : ERR_NONE);
		fetch_job_free(job);
	}
}

/* Starts the pool anew, so that it leaves a host alone after so many failures. */
static void place_strict(struct place *p, unsigned failures)
{
	struct err err = {0};

	fetch_pool_stop(p->pool);
	p->options.host_failures = failures;
	p->pool = fetch_pool_start(&p->options, WORKERS, p->done, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p->pool);
}

static void test_fetch_pool__leaves_a_host_alone_that_failed(void)
{
	AUTO(place) struct place p;
	AUTO(http_server) struct http_server *other = http_server_start(NULL, NULL);
	AUTO(free) char *uri = xasprintf("127.0.0.1:%u/module", http_server_port(other));
	int alone = 0;

	place_init(&p, JOBS);
	place_strict(&p, 2);
	for (int i = 0; i < JOBS; i++)
		submit(&p, "/status/503", NULL, NULL);
	for (int i = 0; i < JOBS; i++) {
		struct fetch_job *job = inbox_pop(p.done);

		CU_ASSERT_EQUAL(job->err.code, ERR_TRANSIENT);
		if (job->left_alone) {
			ASSERT_HAS(job->err.msg, "did not answer other fetches");
			CU_ASSERT(job->retry_after_ms > 0);
			alone++;
		}
		fetch_job_free(job);
	}
	CU_ASSERT(alone >= JOBS - WORKERS - 1);
	submit_uri(&p, uri, NULL, NULL);
	struct fetch_job *job = inbox_pop(p.done);
	CU_ASSERT_EQUAL(job->err.code, ERR_NONE);
	CU_ASSERT_FALSE(job->left_alone);
	fetch_job_free(job);
}

static void test_fetch_pool__asks_a_host_again_that_was_left_alone(void)
{
	AUTO(place) struct place p;

	place_init(&p, JOBS);
	place_strict(&p, 1);
	submit(&p, "/status/503", NULL, NULL);
	fetch_job_free(inbox_pop(p.done));
	for (bool well = false; !well;) { /* for half a second to a whole one */
		submit(&p, "/module", NULL, NULL);
		struct fetch_job *job = inbox_pop(p.done);

		CU_ASSERT_TRUE(job->left_alone || job->err.code == ERR_NONE);
		well = job->err.code == ERR_NONE;
		fetch_job_free(job);
	}
}

static void test_fetch_pool__counts_where_a_redirect_leads(void)
{
	AUTO(place) struct place p;
	AUTO(http_server) struct http_server *front = http_server_start(NULL, NULL);
	AUTO(free) char *target = NULL;
	AUTO(free) char *uri = xasprintf("127.0.0.1:%u/away", http_server_port(front));

	place_init(&p, JOBS);
	place_narrow(&p, 1);
	target = xasprintf("http://127.0.0.1:%u/gate", http_server_port(p.server));
	http_server_redirect(front, target);
	submit_uri(&p, uri, NULL, &p);
	http_server_wait_for(p.server, 1);
	for (int i = 0; i < 5; i++)
		submit(&p, "/gate", NULL, NULL);
	http_server_open_gate(p.server);
	for (int i = 0; i < 6; i++)
		fetch_job_free(inbox_pop(p.done));
	CU_ASSERT_EQUAL(http_server_most_at_once(p.server), 1);
}

static void test_fetch_pool_stop__does_not_wait_for_servers_that_hang(void)
{
	AUTO(place) struct place p;

	place_init(&p, JOBS);
	for (int i = 0; i < JOBS; i++)
		submit(&p, i % 2 ? "/stall" : "/silent", NULL, NULL);
	http_server_wait_for(p.server, WORKERS - 1);
	int64_t before_ms = io_monotonic_ms();
	atomic_store(&p.stop, true);
	fetch_pool_stop(STEAL(p.pool));
	CU_ASSERT_TRUE(io_monotonic_ms() - before_ms < SOON_MS);
	for (int i = 0; i < WORKERS - 1; i++) {
		struct fetch_job *job = inbox_try_pop(p.done);
		CU_ASSERT_PTR_NOT_NULL_FATAL(job);
		CU_ASSERT_EQUAL(job->err.code, ERR_TRANSIENT);
		ASSERT_HAS(job->err.msg, "stopped");
		fetch_job_free(job);
	}
	CU_ASSERT_PTR_NULL(inbox_try_pop(p.done));
}

static void test_fetch_pool_stop__drops_results_that_nobody_takes(void)
{
	AUTO(place) struct place p;

	place_init(&p, 1);
	for (int i = 0; i < JOBS; i++)
		submit(&p, "/status/404", NULL, NULL);
	/* one result fills the inbox, and each worker holds another */
	http_server_wait_for(p.server, WORKERS + 1);
	fetch_pool_stop(STEAL(p.pool));
}

static void test_fetch_pool_submit__leaves_the_job_when_the_queue_is_full(void)
{
	AUTO(place) struct place p;
	struct fetch_job *job = NULL;
	size_t taken = 0;

	place_init(&p, 1);
	atomic_store(&p.stop, true);
	do {
		job = fetch_job_new(FETCH_HTTP, "a.invalid/x", NULL, -1);
	} while (fetch_pool_submit(p.pool, job) && ++taken <= 2UL * LIMIT_FETCH_QUEUE);
	CU_ASSERT_TRUE(taken >= LIMIT_FETCH_QUEUE);
	CU_ASSERT_TRUE(taken <= LIMIT_FETCH_QUEUE + WORKERS + 1);
	ASSERT_HAS(job->request.uri, "a.invalid");
	fetch_job_free(job);
}

static void test_fetch_job_free__takes_null(void)
{
	fetch_job_free(NULL);
}

TEST_MAIN("pool", TEST(test_fetch_pool__gives_each_owner_its_own_result),
	TEST(test_fetch_pool__waits_where_results_are_not_taken),
	TEST(test_fetch_pool__hands_errors_back_by_value),
	TEST(test_fetch_pool__leaves_workers_for_others_while_one_hangs),
	TEST(test_fetch_pool__leaves_workers_for_others_while_a_host_hangs),
	TEST(test_fetch_pool__asks_a_host_no_more_often_than_told),
	TEST(test_fetch_pool__downloads_once_what_many_ask_for),
	TEST(test_fetch_pool__does_not_share_what_other_credentials_brought),
	TEST(test_fetch_pool__shares_an_error_too),
	TEST(test_fetch_pool__tells_a_follower_that_its_file_takes_nothing),
	TEST(test_fetch_pool__leaves_a_host_alone_that_failed),
	TEST(test_fetch_pool__asks_a_host_again_that_was_left_alone),
	TEST(test_fetch_pool__counts_where_a_redirect_leads),
	TEST(test_fetch_pool_stop__does_not_wait_for_servers_that_hang),
	TEST(test_fetch_pool_stop__drops_results_that_nobody_takes),
	TEST(test_fetch_pool_submit__leaves_the_job_when_the_queue_is_full),
	TEST(test_fetch_job_free__takes_null))
