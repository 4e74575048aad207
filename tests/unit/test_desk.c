/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/desk.h"

#include <semaphore.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/review_fixture.h"
#include "tests/unit/script_server.h"
#include "tests/unit/test.h"

#define LONG_MS 60000
#define REFERRING                                                                         \
	",\"plugin_configuration\":{\"valueFrom\":{\"secretKeyRef\":{\"name\":\"creds\"," \
	"\"namespace\":\"vault\",\"key\":\"k\"}}},\"vm_configuration\":{\"valueFrom\":{"  \
	"\"configMapKeyRef\":{\"name\":\"open\",\"key\":\"k\"}}}"

/* An API server that lets everybody read what is not called creds. */
static void judge_access(void *arg, unsigned nth, const char *request, int fd)
{
	const char *answer = strstr(request, "\"name\":\"creds\"")
				     ? "{\"status\":{\"allowed\":false}}"
				     : "{\"status\":{\"allowed\":true}}";
	(void)arg;
	(void)nth;
	CU_ASSERT_PTR_NOT_NULL(
		strstr(request, "POST /apis/authorization.k8s.io/v1/subjectaccessreviews "));
	CU_ASSERT_PTR_NOT_NULL(strstr(request, "\"user\":\"alice\""));
	script_print(fd,
		"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
		"Connection: close\r\n\r\n%s",
		strlen(answer), answer);
}

static void fail(void *arg, unsigned nth, const char *request, int fd)
{
	(void)arg;
	(void)nth;
	(void)request;
	script_print(fd, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

static void say_nothing(void *arg, unsigned nth, const char *request, int fd)
{
	(void)nth;
	(void)request;
	(void)fd;
	(void)sem_wait(arg);
}

/* A desk, and a ticket's way through it. */
struct trial {
	struct tally tally;
	struct desk *desk;
	struct ticket ticket;
	sem_t done;
};

static void on_done(struct ticket *t)
{
	struct trial *trial = (struct trial *)((char *)t - offsetof(struct trial, ticket));

	(void)sem_post(&trial->done);
}

static void run(
	struct trial *t, const struct script_server *api, int64_t budget_ms, const char *more)
{
	AUTO(free)
	char *object = review_extension("\"protocol\":\"local_fs\",\"uri\":\"a\"", more, "");
	AUTO(free) char *text = review_text(&(struct review_parts){.object = object});
	struct credentials access = {
		.server = xasprintf("http://127.0.0.1:%u", api ? script_server_port(api) : 1)};
	const struct desk_options options = {
		.policy = {.pin = true},
		.resolver = {.fetch = fixture_options(), .workers = 1, .budget_ms = LONG_MS},
		.tally = &t->tally,
		.credentials = &access,
		.workers = api ? 1 : 0,
		.budget_ms = budget_ms,
	};
	struct err err = {.msg = ""};

	(void)sem_init(&t->done, 0, 0);
	t->desk = desk_start(&options, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t->desk);
	ticket_init(&t->ticket, TALLY_VALIDATE);
	t->ticket.done = on_done;
	if (!desk_open(t->desk, &t->ticket, text, strlen(text))) {
		desk_work(t->desk, &t->ticket);
		(void)sem_wait(&t->done);
	}
	if (!api)
		credentials_clear(&access);
}

static void auto_trial(struct trial *t)
{
	desk_stop(t->desk);
	ticket_clear(&t->ticket);
	(void)sem_destroy(&t->done);
}

static uint64_t counted(const struct trial *t, enum tally_verdict verdict)
{
	uint64_t n = 0;

	for (int i = 0; i <= TALLY_BUCKETS; i++)
		n += atomic_load(&t->tally.seconds[TALLY_VALIDATE][verdict].buckets[i]);
	return n;
}

static void test_desk__asks_about_all_that_is_referred_to(void)
{
	AUTO(script_server) struct script_server *api = script_server_start(judge_access, NULL);
	AUTO(trial) struct trial t = {.desk = NULL};

	run(&t, api, LONG_MS, REFERRING);
	CU_ASSERT_EQUAL(script_server_requests(api), 2);
	CU_ASSERT_EQUAL(t.ticket.status, 200);
	CU_ASSERT_TRUE(t.ticket.is_review);
	ASSERT_HAS(buf_text(&t.ticket.body), "\"code\":403");
	ASSERT_HAS(buf_text(&t.ticket.body),
		"user \\\"alice\\\" must be allowed to get secrets \\\"creds\\\" in namespace "
		"\\\"vault\\\"");
	CU_ASSERT_PTR_NULL(strstr(buf_text(&t.ticket.body), "open"));
	CU_ASSERT_EQUAL(counted(&t, TALLY_FORBIDDEN), 1);
}

static void test_desk__asks_nobody_where_nothing_is_referred_to(void)
{
	AUTO(script_server) struct script_server *api = script_server_start(judge_access, NULL);
	AUTO(trial) struct trial t = {.desk = NULL};

	run(&t, api, LONG_MS, "");
	CU_ASSERT_EQUAL(script_server_requests(api), 0);
	ASSERT_HAS(buf_text(&t.ticket.body), "\"allowed\":true");
	CU_ASSERT_EQUAL(counted(&t, TALLY_ALLOWED), 1);
}

static void test_desk__asks_nobody_where_it_is_not_to(void)
{
	AUTO(trial) struct trial t = {.desk = NULL};

	run(&t, NULL, LONG_MS, REFERRING);
	ASSERT_HAS(buf_text(&t.ticket.body), "\"allowed\":true");
}

/* A 5xx leaves it to the failurePolicy. */
static void fails(script_answer *answer, void *arg, int64_t budget_ms)
{
	AUTO(script_server) struct script_server *api = script_server_start(answer, arg);
	AUTO(trial) struct trial t = {.desk = NULL};

	run(&t, api, budget_ms, REFERRING);
	CU_ASSERT_EQUAL(t.ticket.status, 500);
	CU_ASSERT_FALSE(t.ticket.is_review);
	ASSERT_HAS(buf_text(&t.ticket.body), "spec.plugin_configuration.valueFrom.secretKeyRef: "
					     "whether the user may get it is not known");
	CU_ASSERT_EQUAL(counted(&t, TALLY_FAILED), 1);
	if (arg)
		(void)sem_post(arg);
}

static void test_desk__leaves_it_open_where_the_api_server_does_not_answer(void)
{
	sem_t never;

	(void)sem_init(&never, 0, 0);
	fails(fail, NULL, LONG_MS);
	fails(say_nothing, &never, 200);
	(void)sem_destroy(&never);
}

static void test_desk_open__refuses_what_is_no_review(void)
{
	AUTO(trial) struct trial t = {.desk = NULL};

	run(&t, NULL, LONG_MS, "}");
	CU_ASSERT_EQUAL(t.ticket.status, 400);
	CU_ASSERT_FALSE(t.ticket.is_review);
	CU_ASSERT_EQUAL(counted(&t, TALLY_MALFORMED), 1);
}

TEST_MAIN("desk", TEST(test_desk__asks_about_all_that_is_referred_to),
	TEST(test_desk__asks_nobody_where_nothing_is_referred_to),
	TEST(test_desk__asks_nobody_where_it_is_not_to),
	TEST(test_desk__leaves_it_open_where_the_api_server_does_not_answer),
	TEST(test_desk_open__refuses_what_is_no_review))
