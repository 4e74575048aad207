/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/leader.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/xalloc.h"
#include "kube/client.h"
#include "kube/election.h"
#include "tests/unit/script_server.h"
#include "tests/unit/test.h"

#define PATH "/apis/coordination.k8s.io/v1/namespaces/sys/leases"
#define STEPS 2000 /* of 5 ms at most: longer than anything takes */

/* Quick enough for a test; a Lease says whole seconds. */
static const struct election_terms terms = {
	.duration_ms = 6000, .deadline_ms = 5000, .renew_ms = 300, .retry_ms = 50};

/* An API server that knows one Lease. */
struct place {
	struct script_server *server;
	struct client *clients[2];
	struct leader *leaders[2];
	atomic_int status; /* of every answer; 0: as it should be */
	atomic_uint writes;
	int version; /* 0: there is none */
	char spec[1024];
};

static bool has(const char *request, const char *text)
{
	return strstr(request, text) != NULL;
}

static void print_lease(const struct place *p, int fd, unsigned status)
{
	char body[2048];

	(void)snprintf(body, sizeof(body),
		"{\"metadata\":{\"name\":\"wasmxds\",\"uid\":\"u\",\"resourceVersion\":\"v%d\"},%s",
		p->version, p->spec);
	script_print(fd, "HTTP/1.1 %u OK\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
		status, strlen(body), body);
}

static void print_status(int fd, int status)
{
	script_print(
		fd, "HTTP/1.1 %d No\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", status);
}

static void write_lease(struct place *p, const char *request, int fd, unsigned status)
{
	atomic_fetch_add(&p->writes, 1);
	p->version++;
	(void)snprintf(p->spec, sizeof(p->spec), "%s", strstr(request, "\"spec\""));
	print_lease(p, fd, status);
}

static void answer(void *arg, unsigned nth, const char *request, int fd)
{
	struct place *p = arg;
	int status = atomic_load(&p->status);
	char based_on[64];

	(void)nth;
	(void)snprintf(based_on, sizeof(based_on), "\"resourceVersion\":\"v%d\"", p->version);
	if (status)
		print_status(fd, status);
	else if (has(request, "POST " PATH " HTTP") && p->version == 0)
		write_lease(p, request, fd, 201);
	else if (has(request, "PUT " PATH "/wasmxds HTTP") && has(request, based_on))
		write_lease(p, request, fd, 200);
	else if (!has(request, "GET " PATH "/wasmxds HTTP"))
		print_status(fd, 409);
	else if (p->version == 0)
		print_status(fd, 404);
	else
		print_lease(p, fd, 200);
}

static void add_leader(struct place *p, int i)
{
	const struct leader_options options = {.namespace = "sys",
		.name = "wasmxds",
		.identity = i == 0 ? "a" : "b",
		.terms = &terms};
	struct credentials access = {
		.server = xasprintf("http://127.0.0.1:%u", script_server_port(p->server))};
	struct err err;

	CU_ASSERT_EQUAL_FATAL(client_new(&p->clients[i], &access, &err), 0);
	p->leaders[i] = leader_new(p->clients[i], &options, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p->leaders[i]);
}

static void place_init(struct place *p)
{
	p->server = script_server_start(answer, p);
	add_leader(p, 0);
}

static void drop_leader(struct place *p, int i)
{
	leader_free(STEAL(p->leaders[i]));
	client_free(STEAL(p->clients[i]));
}

static void auto_place(struct place *p)
{
	drop_leader(p, 0);
	drop_leader(p, 1);
	script_server_stop(p->server);
}

static void step(struct place *p)
{
	bool both = true;

	for (int i = 0; i < 2; i++) {
		if (!p->leaders[i])
			continue;
		leader_step(p->leaders[i]);
		client_wait(p->clients[i], NULL, 0, 5);
		client_step(p->clients[i]);
		both = both && leader_held(p->leaders[i]);
	}
	CU_ASSERT_FALSE(both && p->leaders[0] && p->leaders[1]);
}

static bool until_held(struct place *p, int i)
{
	for (int s = 0; s < STEPS && !leader_held(p->leaders[i]); s++)
		step(p);
	return leader_held(p->leaders[i]);
}

static void run_for(struct place *p, int64_t ms)
{
	for (int64_t until = io_monotonic_ms() + ms; io_monotonic_ms() < until;)
		step(p);
}

static void test_leader_step__makes_the_lease_and_keeps_it(void)
{
	AUTO(place) struct place p = {0};

	place_init(&p);
	CU_ASSERT_FALSE(leader_held(p.leaders[0]));
	CU_ASSERT(leader_due(p.leaders[0]) <= io_monotonic_ms());
	CU_ASSERT_TRUE(until_held(&p, 0));
	CU_ASSERT_STRING_EQUAL(leader_identity(p.leaders[0]), "a");
	CU_ASSERT_STRING_EQUAL(leader_holder(p.leaders[0]), "a");
	run_for(&p, 1500);
	CU_ASSERT_TRUE(leader_held(p.leaders[0]));
	CU_ASSERT(atomic_load(&p.writes) >= 2);
	CU_ASSERT(atomic_load(&p.writes) <= 7);
	CU_ASSERT_EQUAL(leader_trouble(p.leaders[0])->code, ERR_NONE);
}

static void test_leader_step__takes_over_from_one_that_died(void)
{
	AUTO(place) struct place p = {0};
	int64_t died;

	place_init(&p);
	CU_ASSERT_TRUE(until_held(&p, 0));
	add_leader(&p, 1);
	run_for(&p, 1200);
	CU_ASSERT_TRUE(leader_held(p.leaders[0]));
	CU_ASSERT_FALSE(leader_held(p.leaders[1]));
	CU_ASSERT_STRING_EQUAL(leader_holder(p.leaders[1]), "a");
	drop_leader(&p, 0);
	died = io_monotonic_ms();
	CU_ASSERT_TRUE(until_held(&p, 1));
	CU_ASSERT(io_monotonic_ms() - died >= terms.duration_ms - terms.renew_ms - 50);
	ASSERT_HAS(p.spec, "\"leaseTransitions\":1");
}

static void test_leader_release__lets_the_standby_in_at_once(void)
{
	AUTO(place) struct place p = {0};
	int64_t released;

	place_init(&p);
	CU_ASSERT_TRUE(until_held(&p, 0));
	add_leader(&p, 1);
	run_for(&p, 100);
	leader_release(p.leaders[0], 4000);
	CU_ASSERT_FALSE(leader_held(p.leaders[0]));
	CU_ASSERT_FALSE(leader_lost(p.leaders[0]));
	CU_ASSERT_EQUAL(leader_trouble(p.leaders[0])->code, ERR_NONE);
	CU_ASSERT_PTR_NULL(strstr(p.spec, "holderIdentity"));
	released = io_monotonic_ms();
	CU_ASSERT_TRUE(until_held(&p, 1));
	CU_ASSERT(io_monotonic_ms() - released < terms.duration_ms);
}

static void test_leader_release__leaves_what_another_holds(void)
{
	AUTO(place) struct place p = {0};
	unsigned writes;

	place_init(&p);
	add_leader(&p, 1);
	CU_ASSERT_TRUE(until_held(&p, 0) || leader_held(p.leaders[1]));
	writes = atomic_load(&p.writes);
	leader_release(p.leaders[leader_held(p.leaders[0]) ? 1 : 0], 4000);
	CU_ASSERT_EQUAL(atomic_load(&p.writes), writes);
}

static void test_leader_lost__when_the_api_server_is_away_for_too_long(void)
{
	AUTO(place) struct place p = {0};

	place_init(&p);
	CU_ASSERT_TRUE(until_held(&p, 0));
	atomic_store(&p.status, 503);
	for (int s = 0; s < STEPS && !leader_lost(p.leaders[0]); s++)
		step(&p);
	CU_ASSERT_TRUE(leader_lost(p.leaders[0]));
	CU_ASSERT_FALSE(leader_held(p.leaders[0]));
	ASSERT_HAS(leader_trouble(p.leaders[0])->msg, "503");
	CU_ASSERT_EQUAL(leader_due(p.leaders[0]), INT64_MAX);
	atomic_store(&p.status, 0);
	run_for(&p, 200);
	CU_ASSERT_FALSE(leader_held(p.leaders[0]));
}

static void test_leader_step__survives_an_api_server_that_is_away_for_a_moment(void)
{
	AUTO(place) struct place p = {0};

	place_init(&p);
	atomic_store(&p.status, 500);
	run_for(&p, 100);
	ASSERT_HAS(leader_trouble(p.leaders[0])->msg, "500");
	atomic_store(&p.status, 0);
	CU_ASSERT_TRUE(until_held(&p, 0));
	atomic_store(&p.status, 409);
	run_for(&p, 200);
	atomic_store(&p.status, 0);
	run_for(&p, 600);
	CU_ASSERT_TRUE(leader_held(p.leaders[0]));
}

static void test_leader_new__makes_an_identity_that_no_other_has(void)
{
	const struct leader_options options = {.namespace = "sys", .name = "wasmxds"};
	struct err err;
	AUTO(leader) struct leader *a = leader_new(NULL, &options, &err);
	AUTO(leader) struct leader *b = leader_new(NULL, &options, &err);

	CU_ASSERT_STRING_NOT_EQUAL(leader_identity(a), leader_identity(b));
	CU_ASSERT_PTR_NOT_NULL(strrchr(leader_identity(a), '_'));
}

static void test_leader_new__refuses_an_empty_identity(void)
{
	const struct leader_options options = {
		.namespace = "sys", .name = "wasmxds", .identity = ""};
	struct err err;

	CU_ASSERT_PTR_NULL(leader_new(NULL, &options, &err));
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
}

TEST_MAIN("leader", TEST(test_leader_step__makes_the_lease_and_keeps_it),
	TEST(test_leader_step__takes_over_from_one_that_died),
	TEST(test_leader_release__lets_the_standby_in_at_once),
	TEST(test_leader_release__leaves_what_another_holds),
	TEST(test_leader_lost__when_the_api_server_is_away_for_too_long),
	TEST(test_leader_step__survives_an_api_server_that_is_away_for_a_moment),
	TEST(test_leader_new__makes_an_identity_that_no_other_has),
	TEST(test_leader_new__refuses_an_empty_identity))
