/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/publish.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "kube/client.h"
#include "tests/unit/script_server.h"
#include "tests/unit/test.h"

#define VERSION "5271288418911d8cf40ae70f10d0fed0d5d1bb9a1a2d4c4a9a7a3c0a8a8a1b2c"
#define PREFIX "default/x"
#define EXTENSIONS 40
#define REQUESTS 256
#define STEPS 2000 /* of 10 ms at most: longer than anything takes */

struct extension_said {
	char name[32]; /* "default/x0" */
	bool gone;
	struct conditions_facts facts;
	struct publication publication;
};

/* An API server as a script: what it was asked, and what it answers. */
struct place {
	struct extension_said extensions[EXTENSIONS];
	struct script_server *server;
	struct client *client;
	struct publisher *publisher;
	bool may_write;
	atomic_uint n;
	char *requests[REQUESTS]; /* owned */
	int64_t at[REQUESTS];     /* ms */
	unsigned fail_first;      /* so many of the first requests are answered by fail */
	const char *fail;
	const char *fail_method; /* NULL: any */
	atomic_bool gate;        /* closed: no answer */
};

#define OK "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
#define ERROR(status, headers)               \
	"HTTP/1.1 " status " No\r\n" headers \
	"Connection: close\r\nContent-Length: 15\r\n\r\n{\"message\":\"m\"}"

static void answer(void *arg, unsigned nth, const char *request, int fd)
{
	struct place *p = arg;
	bool named =
		!p->fail_method || strncmp(request, p->fail_method, strlen(p->fail_method)) == 0;

	if (nth >= REQUESTS)
		return;
	p->requests[nth] = xstrdup(request);
	p->at[nth] = io_monotonic_ms();
	while (atomic_load(&p->gate))
		;
	atomic_fetch_add(&p->n, 1);
	if (p->fail_first > 0 && named) {
		p->fail_first--;
		script_print(fd, "%s", p->fail);
		return;
	}
	script_print(fd, "%s", OK);
}

static struct publication *look(void *arg, const char *name, struct conditions_facts *facts)
{
	struct place *p = arg;
	struct extension_said *e = &p->extensions[strtoul(name + strlen(PREFIX), NULL, 10)];

	if (e->gone)
		return NULL;
	*facts = e->facts;
	return &e->publication;
}

static bool may_write(void *arg)
{
	const struct place *p = arg;

	return p->may_write;
}

static void place_init(struct place *p)
{
	struct credentials access = {0};
	struct publisher_options options = {
		.instance = "pod-1", .look = look, .may_write = may_write, .arg = p};
	struct err err;

	*p = (struct place){.may_write = true};
	for (int i = 0; i < EXTENSIONS; i++) {
		struct extension_said *e = &p->extensions[i];

		(void)snprintf(e->name, sizeof(e->name), PREFIX "%d", i);
		e->facts = (struct conditions_facts){.uid = "u1",
			.generation = 1,
			.reason = STATUS_PROGRAMMED,
			.resolved = true,
			.fetched = true,
			.serving = VERSION};
	}
	p->server = script_server_start(answer, p);
	access.server = xasprintf("http://127.0.0.1:%u", script_server_port(p->server));
	CU_ASSERT_EQUAL_FATAL(client_new(&p->client, &access, &err), 0);
	options.client = p->client;
	p->publisher = publisher_new(&options);
}

static void auto_place(struct place *p)
{
	atomic_store(&p->gate, false);
	publisher_free(p->publisher);
	client_free(p->client);
	script_server_stop(p->server);
	for (int i = 0; i < EXTENSIONS; i++)
		publication_clear(&p->extensions[i].publication);
	for (int i = 0; i < REQUESTS; i++)
		free(p->requests[i]);
}

static void step(struct place *p)
{
	publisher_step(p->publisher);
	client_wait(p->client, NULL, 0, 10);
	client_step(p->client);
}

/* Goes on until nothing waits any more. */
static void settle(struct place *p)
{
	for (int i = 0; i < STEPS && publisher_waiting(p->publisher) > 0; i++)
		step(p);
	CU_ASSERT_EQUAL(publisher_waiting(p->publisher), 0);
}

static void touch(struct place *p, int i)
{
	publisher_touch(p->publisher, p->extensions[i].name);
}

/* How many requests so far hold text. */
static unsigned asked(struct place *p, const char *text)
{
	unsigned n = 0;

	for (unsigned i = 0; i < atomic_load(&p->n) && i < REQUESTS; i++)
		n += strstr(p->requests[i], text) != NULL;
	return n;
}

#define STATUS_OF_X0 \
	"PATCH /apis/wasmxds.tetrate.io/v1alpha1/namespaces/default/wasmextensions/x0/status?"
#define EVENT "POST /apis/events.k8s.io/v1/namespaces/default/events HTTP"

static void test_publisher_step__writes_a_change_once_and_says_it(void)
{
	AUTO(place) struct place p = {0};

	place_init(&p);
	touch(&p, 0);
	settle(&p);
	CU_ASSERT_EQUAL(asked(&p, STATUS_OF_X0), 1);
	CU_ASSERT_EQUAL(asked(&p, EVENT), 1);
	ASSERT_HAS(p.requests[0], "Content-Type: application/json-patch+json");
	ASSERT_HAS(
		p.requests[0], "[{\"op\":\"test\",\"path\":\"/metadata/uid\",\"value\":\"u1\"},");
	ASSERT_HAS(p.requests[1], "\"reason\":\"Programmed\"");
	for (int i = 0; i < 3; i++) {
		touch(&p, 0);
		settle(&p);
	}
	CU_ASSERT_EQUAL(atomic_load(&p.n), 2);
	CU_ASSERT_EQUAL(publisher_due(p.publisher), INT64_MAX);
}

static void test_publisher_step__sends_only_the_newest(void)
{
	AUTO(place) struct place p = {0};
	struct conditions_facts *facts;

	place_init(&p);
	facts = &p.extensions[0].facts;
	for (int i = 0; i < 5; i++) {
		facts->generation++;
		touch(&p, 0);
	}
	settle(&p);
	CU_ASSERT_EQUAL(asked(&p, STATUS_OF_X0), 1);
	CU_ASSERT_EQUAL(asked(&p, "\"observedGeneration\":6,"), 1);
	/* while a write is under way, too */
	atomic_store(&p.gate, true);
	facts->generation++;
	touch(&p, 0);
	step(&p);
	for (int i = 0; i < 5; i++) {
		facts->generation++;
		touch(&p, 0);
		step(&p);
	}
	atomic_store(&p.gate, false);
	settle(&p);
	CU_ASSERT_EQUAL(asked(&p, STATUS_OF_X0), 3);
	CU_ASSERT_EQUAL(asked(&p, "\"observedGeneration\":12,"), 1);
}

static void test_publisher_step__loses_nothing_while_the_api_server_is_away(void)
{
	AUTO(place) struct place p = {0};

	place_init(&p);
	p.fail_first = 4;
	p.fail = ERROR("503", "");
	for (int i = 0; i < EXTENSIONS; i++)
		touch(&p, i);
	settle(&p);
	for (int i = 0; i < EXTENSIONS; i++)
		CU_ASSERT_EQUAL(p.extensions[i].publication.status.reason, STATUS_PROGRAMMED);
	CU_ASSERT_EQUAL(asked(&p, EVENT), EXTENSIONS);
}

static void test_publisher_step__survives_connections_that_break(void)
{
	AUTO(place) struct place p = {0};

	place_init(&p);
	p.fail_first = 3;
	p.fail = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 99\r\n\r\n{";
	touch(&p, 0);
	settle(&p);
	CU_ASSERT_EQUAL(p.extensions[0].publication.status.reason, STATUS_PROGRAMMED);
}

static void test_publisher_step__leaves_a_busy_api_server_alone(void)
{
	AUTO(place) struct place p = {0};

	place_init(&p);
	p.fail_first = 1;
	p.fail = ERROR("429", "Retry-After: 1\r\n");
	touch(&p, 0);
	settle(&p);
	CU_ASSERT_EQUAL(atomic_load(&p.n), 3);
	CU_ASSERT(p.at[1] - p.at[0] >= 1000);
}

static void test_publisher_step__tries_a_refused_status_again_and_others_meanwhile(void)
{
	static const char *const refusals[] = {
		ERROR("409", ""), ERROR("422", ""), ERROR("404", ""), ERROR("403", "")};

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		AUTO(place) struct place p = {0};

		place_init(&p);
		p.fail_first = 1;
		p.fail = refusals[i];
		touch(&p, 0);
		for (int s = 0; s < STEPS && atomic_load(&p.n) < 1; s++)
			step(&p);
		touch(&p, 1);
		settle(&p);
		CU_ASSERT_EQUAL(asked(&p, STATUS_OF_X0), 2);
		ASSERT_HAS(p.requests[1], "/x1/status");
		CU_ASSERT_EQUAL(p.extensions[0].publication.status.reason, STATUS_PROGRAMMED);
	}
}

static void test_publisher_step__forgets_what_nobody_asks_for(void)
{
	AUTO(place) struct place p = {0};

	place_init(&p);
	p.extensions[0].gone = true;
	touch(&p, 0);
	settle(&p);
	CU_ASSERT_EQUAL(atomic_load(&p.n), 0);
	atomic_store(&p.gate, true);
	touch(&p, 1);
	step(&p);
	p.extensions[1].gone = true;
	atomic_store(&p.gate, false);
	settle(&p);
	CU_ASSERT_EQUAL(atomic_load(&p.n), 1);
	CU_ASSERT_EQUAL(p.extensions[1].publication.status.substance, 0);
}

static void test_publisher_step__writes_to_an_object_that_was_made_anew_meanwhile(void)
{
	AUTO(place) struct place p = {0};

	place_init(&p);
	atomic_store(&p.gate, true);
	touch(&p, 0);
	step(&p);
	p.extensions[0].facts.uid = "u2";
	atomic_store(&p.gate, false);
	settle(&p);
	CU_ASSERT_EQUAL(asked(&p, STATUS_OF_X0), 2);
	CU_ASSERT_EQUAL(asked(&p, "\"path\":\"/metadata/uid\",\"value\":\"u2\""), 1);
}

static void test_publisher_step__does_not_insist_on_an_event(void)
{
	AUTO(place) struct place p = {0};

	place_init(&p);
	p.fail_first = 1;
	p.fail = ERROR("403", "");
	p.fail_method = "POST";
	touch(&p, 0);
	settle(&p);
	touch(&p, 0);
	settle(&p);
	CU_ASSERT_EQUAL(asked(&p, EVENT), 1);
}

static void test_publisher_step__makes_an_event_anew_that_is_gone(void)
{
	AUTO(place) struct place p = {0};
	struct extension_said *e = &p.extensions[0];
	struct events_slot *slot;

	place_init(&p);
	touch(&p, 0);
	settle(&p);
	slot = &e->publication.events.slots[0];
	slot->made_at -= 100;
	slot->sent_at -= 100;
	e->facts.serving = "0" VERSION;
	p.fail_first = 2;
	p.fail = ERROR("404", "");
	p.fail_method = "PATCH /apis/events";
	touch(&p, 0);
	settle(&p);
	CU_ASSERT_EQUAL(asked(&p, "PATCH /apis/events.k8s.io/v1/namespaces/default/events/x0."), 1);
	CU_ASSERT_EQUAL(asked(&p, EVENT), 2);
}

static void test_publisher_step__sends_a_few_at_a_time(void)
{
	AUTO(place) struct place p = {0};

	place_init(&p);
	atomic_store(&p.gate, true);
	for (int i = 0; i < EXTENSIONS; i++)
		touch(&p, i);
	step(&p);
	CU_ASSERT_EQUAL(publisher_waiting(p.publisher), EXTENSIONS);
	CU_ASSERT_EQUAL(publisher_due(p.publisher), INT64_MAX);
	atomic_store(&p.gate, false);
	settle(&p);
	CU_ASSERT_EQUAL(atomic_load(&p.n), 2 * EXTENSIONS);
}

static void test_publisher_step__writes_nothing_that_it_may_not(void)
{
	AUTO(place) struct place p = {0};

	place_init(&p);
	p.may_write = false;
	touch(&p, 0);
	for (int i = 0; i < 5; i++)
		step(&p);
	CU_ASSERT_EQUAL(atomic_load(&p.n), 0);
	CU_ASSERT(publisher_due(p.publisher) > io_monotonic_ms());
	p.may_write = true;
	settle(&p);
	CU_ASSERT_EQUAL(atomic_load(&p.n), 2);
}

static void test_publisher_step__comes_back_to_what_may_wait(void)
{
	AUTO(place) struct place p = {0};
	struct conditions_facts *facts = &p.extensions[0].facts;

	place_init(&p);
	facts->proxies = (struct conditions_proxies){.known = true, .connected = 9, .acked = 4};
	touch(&p, 0);
	settle(&p);
	facts->proxies.acked = 5;
	touch(&p, 0);
	step(&p);
	CU_ASSERT_EQUAL(publisher_waiting(p.publisher), 1);
	CU_ASSERT(publisher_due(p.publisher) > io_monotonic_ms() + 10000);
	CU_ASSERT_EQUAL(asked(&p, STATUS_OF_X0), 1);
	/* what matters takes it along */
	facts->proxies.nacked = 1;
	touch(&p, 0);
	settle(&p);
	CU_ASSERT_EQUAL(asked(&p, STATUS_OF_X0), 2);
}

static void test_publisher_step__leaves_a_refusal_until_proxies_were_asked_again(void)
{
	AUTO(place) struct place p = {0};
	struct conditions_facts *facts = &p.extensions[0].facts;

	place_init(&p);
	facts->proxies = (struct conditions_proxies){
		.known = true, .connected = 2, .nacked = 1, .nack_node = "n", .nack_message = "r"};
	touch(&p, 0);
	settle(&p);
	CU_ASSERT_EQUAL(atomic_load(&p.n), 2);
	facts->proxies = (struct conditions_proxies){.pending = true};
	touch(&p, 0);
	settle(&p);
	CU_ASSERT_EQUAL(atomic_load(&p.n), 2);
	facts->proxies = (struct conditions_proxies){.known = true, .connected = 2, .acked = 2};
	touch(&p, 0);
	settle(&p);
	CU_ASSERT_EQUAL(asked(&p, STATUS_OF_X0), 2);
}

TEST_MAIN("publish", TEST(test_publisher_step__writes_a_change_once_and_says_it),
	TEST(test_publisher_step__sends_only_the_newest),
	TEST(test_publisher_step__loses_nothing_while_the_api_server_is_away),
	TEST(test_publisher_step__survives_connections_that_break),
	TEST(test_publisher_step__leaves_a_busy_api_server_alone),
	TEST(test_publisher_step__tries_a_refused_status_again_and_others_meanwhile),
	TEST(test_publisher_step__forgets_what_nobody_asks_for),
	TEST(test_publisher_step__writes_to_an_object_that_was_made_anew_meanwhile),
	TEST(test_publisher_step__does_not_insist_on_an_event),
	TEST(test_publisher_step__makes_an_event_anew_that_is_gone),
	TEST(test_publisher_step__sends_a_few_at_a_time),
	TEST(test_publisher_step__writes_nothing_that_it_may_not),
	TEST(test_publisher_step__comes_back_to_what_may_wait),
	TEST(test_publisher_step__leaves_a_refusal_until_proxies_were_asked_again))
