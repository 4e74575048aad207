/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/survey.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/xalloc.h"
#include "tests/unit/script_server.h"
#include "tests/unit/test.h"

#define PODS 2
#define ROUND_MS 20
#define WAIT_MS 20000 /* longer than anything takes */
#define LINE "{\"name\":\"a/1\",\"version\":\"01\",\"connected\":3,\"acked\":2,\"nacked\":0}\n"
#define REFUSED                                                                           \
	"{\"name\":\"a/"                                                                  \
	"1\",\"version\":\"01\",\"connected\":2,\"acked\":1,\"nacked\":1,\"node\":\"n\"," \
	"\"reason\":\"r\"}\n"
#define ANSWER(status, length, body) \
	"HTTP/1.1 " status " X\r\nConnection: close\r\nContent-Length: " #length "\r\n\r\n" body

/* A pod as a script. */
struct pod {
	struct script_server *server;
	_Atomic(const char *) body; /* of an answer 200; NULL: what wrong is */
	_Atomic(const char *) wrong;
	atomic_bool stalls;
};

struct place {
	struct pod pods[PODS];
	char *admins[PODS];  /* owned */
	int64_t interval_ms; /* 0: ROUND_MS */
	struct survey *survey;
};

static void answer(void *arg, unsigned nth, const char *request, int fd)
{
	struct pod *p = arg;
	const char *body = atomic_load(&p->body);
	char end;

	(void)nth;
	if (!strstr(request, "GET /summary HTTP/1.1\r\n"))
		return;
	if (atomic_load(&p->stalls))
		(void)!read(fd, &end, 1); /* until the asker gives up */
	else if (body)
		script_print(fd,
			"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
			strlen(body), body);
	else
		script_print(fd, "%s", atomic_load(&p->wrong));
}

static void place_init(struct place *p)
{
	for (int i = 0; i < PODS; i++) {
		struct pod *pod = &p->pods[i];

		atomic_store(&pod->body, i == 0 ? LINE : REFUSED);
		pod->server = script_server_start(answer, pod);
		p->admins[i] = xasprintf("127.0.0.1:%u", script_server_port(pod->server));
	}
}

static void survey(struct place *p, size_t n)
{
	const struct survey_options options = {.admins = p->admins,
		.n = n,
		.interval_ms = p->interval_ms ? p->interval_ms : ROUND_MS};
	struct err err;

	p->survey = survey_start(&options, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p->survey);
}

static void auto_place(struct place *p)
{
	survey_stop(p->survey);
	for (int i = 0; i < PODS; i++) {
		script_server_stop(p->pods[i].server);
		free(p->admins[i]);
	}
}

/* Waits for the next result; the caller frees it. */
static struct proxies *next(struct place *p)
{
	struct pollfd fd = {.fd = survey_fd(p->survey), .events = POLLIN};
	struct proxies *result;

	CU_ASSERT_EQUAL_FATAL(poll(&fd, 1, WAIT_MS), 1);
	result = survey_take(p->survey);
	CU_ASSERT_PTR_NOT_NULL_FATAL(result);
	return result;
}

static struct conditions_proxies count(const struct proxies *proxies)
{
	struct conditions_proxies c;

	proxies_count(proxies, "a/1", "01", &c);
	return c;
}

static void test_survey__asks_every_pod_and_goes_on_asking(void)
{
	AUTO(place) struct place p = {0};

	place_init(&p);
	survey(&p, PODS);
	for (int i = 0; i < 3; i++) {
		AUTO(proxies) struct proxies *result = next(&p);
		struct conditions_proxies c = count(result);

		CU_ASSERT_TRUE(c.known);
		CU_ASSERT_EQUAL(c.connected, 5);
		CU_ASSERT_EQUAL(c.acked, 3);
		CU_ASSERT_EQUAL(c.nacked, 1);
		CU_ASSERT_STRING_EQUAL(c.nack_node, "n");
	}
}

static void test_survey__does_not_take_silence_for_zero(void)
{
	static const char *const wrong[] = {ANSWER("500", 0, ""), ANSWER("200", 2, "{}"),
		ANSWER("200", 3, "{}\n"), ANSWER("200", 99, LINE), ANSWER("302", 0, ""), "", "x"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		AUTO(place) struct place p = {0};
		AUTO(proxies) struct proxies *result = NULL;

		place_init(&p);
		atomic_store(&p.pods[0].wrong, wrong[i]);
		atomic_store(&p.pods[0].body, NULL);
		survey(&p, PODS);
		result = next(&p);
		CU_ASSERT_FALSE(count(result).known);
		CU_ASSERT_EQUAL(count(result).nacked, 1);
	}
}

static void test_survey__knows_no_more_when_a_pod_stays_silent(void)
{
	AUTO(place) struct place p = {0};

	place_init(&p);
	survey(&p, PODS);
	atomic_store(&p.pods[0].wrong, ANSWER("500", 0, ""));
	atomic_store(&p.pods[0].body, NULL);
	for (;;) {
		AUTO(proxies) struct proxies *result = next(&p);

		if (!count(result).known)
			break;
	}
}

static void test_survey__keeps_what_was_known_for_a_while(void)
{
	AUTO(place) struct place p = {.interval_ms = 300};
	unsigned asked;

	place_init(&p);
	survey(&p, PODS);
	proxies_free(next(&p));
	atomic_store(&p.pods[0].wrong, ANSWER("500", 0, ""));
	atomic_store(&p.pods[0].body, NULL);
	asked = script_server_requests(p.pods[1].server);
	while (script_server_requests(p.pods[1].server) < asked + 2) {
		AUTO(proxies) struct proxies *result = survey_take(p.survey);

		CU_ASSERT(!result || count(result).known);
		(void)poll(NULL, 0, ROUND_MS);
	}
	atomic_store(&p.pods[0].body, "");
	for (;;) {
		AUTO(proxies) struct proxies *result = next(&p);

		CU_ASSERT_TRUE(count(result).known);
		if (count(result).connected == 2)
			break;
	}
}

static void test_survey_take__gives_only_the_newest(void)
{
	AUTO(place) struct place p = {0};
	unsigned asked;

	place_init(&p);
	survey(&p, 1);
	while (script_server_requests(p.pods[0].server) < 4)
		(void)poll(NULL, 0, ROUND_MS);
	/* the next round hands nothing over any more; one may have begun already */
	atomic_store(&p.pods[0].stalls, true);
	asked = script_server_requests(p.pods[0].server);
	while (script_server_requests(p.pods[0].server) == asked)
		(void)poll(NULL, 0, ROUND_MS);
	proxies_free(next(&p));
	CU_ASSERT_PTR_NULL(survey_take(p.survey));
}

static void test_survey_stop__waits_for_no_pod(void)
{
	struct place p = {0};
	int64_t began;

	place_init(&p);
	atomic_store(&p.pods[0].stalls, true);
	survey(&p, PODS);
	while (script_server_requests(p.pods[0].server) < 1)
		(void)poll(NULL, 0, ROUND_MS);
	began = io_monotonic_ms();
	auto_place(&p);
	CU_ASSERT(io_monotonic_ms() - began < 5000);
}

static void test_survey_start__refuses_what_is_no_address(void)
{
	char *admins[] = {xstrdup("127.0.0.1:1"), xstrdup("nowhere")};
	const struct survey_options options = {.admins = admins, .n = 2, .interval_ms = 10};
	struct err err = {.code = ERR_NONE};

	CU_ASSERT_PTR_NULL(survey_start(&options, &err));
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	free(admins[0]);
	free(admins[1]);
}

TEST_MAIN("survey", TEST(test_survey__asks_every_pod_and_goes_on_asking),
	TEST(test_survey__does_not_take_silence_for_zero),
	TEST(test_survey__knows_no_more_when_a_pod_stays_silent),
	TEST(test_survey__keeps_what_was_known_for_a_while),
	TEST(test_survey_take__gives_only_the_newest), TEST(test_survey_stop__waits_for_no_pod),
	TEST(test_survey_start__refuses_what_is_no_address))
