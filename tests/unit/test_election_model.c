/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three controllers, one Lease and a bad network, by the thousand: never do two hold it at once,
 * and after the holder was killed another holds it within 17 s.  Their clocks begin anywhere and do
 * not run equally fast.  A failure prints the seed of its run.
 */
#include "kube/election.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

#define NODES 3
#define MESSAGES 64
#define CHAOS_MS 120000
#define CHAOS_RUNS 3000
#define KILL_RUNS 500
#define TAKEOVER_MS 17000

enum message_state { MESSAGE_NONE, MESSAGE_TO_SERVER, MESSAGE_TO_NODE };

/* A request on its way, or its answer; it arrives also where nobody waits for it any more. */
struct message {
	enum message_state state;
	int64_t at; /* arrives; INT64_MAX: never */
	int node;
	unsigned life; /* of the node that sent it */
	unsigned asked;
	enum election_action action;
	char body[2048];
	int status;
	struct election_lease lease;
};

struct node {
	struct election election;
	bool alive;
	unsigned life, asked;
	int64_t offset;    /* of its clock */
	int64_t ppm;       /* that its clock runs too fast */
	int64_t start_at;  /* while it is not alive */
	int64_t failed_at; /* when the request under way fails for want of an answer */
	int64_t cut_until; /* no message passes */
};

struct world {
	unsigned random;
	int64_t now;
	int64_t delay_most;
	unsigned loss_percent;
	struct node nodes[NODES];
	struct message messages[MESSAGES];
	bool exists;
	struct election_lease lease;
	int versions;
};

static unsigned number(struct world *w, unsigned below)
{
	w->random = w->random * 1103515245U + 12345U;
	return (w->random >> 8) % below;
}

static int64_t clock_of(const struct node *n, int64_t now)
{
	return n->offset + now + now * n->ppm / 1000000;
}

static void start(struct world *w, int i)
{
	const struct election_terms terms = ELECTION_TERMS;
	struct node *n = &w->nodes[i];
	char identity[32];
	struct err err;

	n->alive = true;
	n->life++;
	n->failed_at = INT64_MAX;
	(void)snprintf(identity, sizeof(identity), "n%d_%u", i, n->life);
	CU_ASSERT_EQUAL_FATAL(election_init(&n->election, &terms, identity, &err), 0);
}

static void stop(struct node *n, int64_t start_at)
{
	n->alive = false;
	n->start_at = start_at;
}

static int64_t arrival(struct world *w, const struct node *n)
{
	if (w->now < n->cut_until || number(w, 100) < w->loss_percent)
		return INT64_MAX;
	return w->now + 1 + number(w, (unsigned)w->delay_most);
}

static struct message *free_message(struct world *w)
{
	for (int i = 0; i < MESSAGES; i++) {
		if (w->messages[i].state == MESSAGE_NONE)
			return &w->messages[i];
	}
	abort(); /* there are never so many */
}

static void send_request(struct world *w, int i, enum election_action action)
{
	struct node *n = &w->nodes[i];
	struct message *m = free_message(w);
	AUTO(buf) struct buf body = BUF_INIT(sizeof(m->body) - 1);
	struct err err;

	election_asked(&n->election, clock_of(n, w->now));
	n->failed_at = w->now + ELECTION_TIMEOUT_MS;
	*m = (struct message){.state = MESSAGE_TO_SERVER,
		.node = i,
		.life = n->life,
		.asked = ++n->asked,
		.action = action,
		.at = arrival(w, n)};
	if (m->at == INT64_MAX)
		m->state = MESSAGE_NONE;
	if (action == ELECTION_READ)
		return;
	CU_ASSERT_EQUAL_FATAL(election_body(&body, &n->election, "sys", "lease", "now", &err), 0);
	(void)snprintf(m->body, sizeof(m->body), "%s", buf_text(&body));
}

/* What a server does with a write: it must be based on what there is. */
static int store(struct world *w, const struct message *m)
{
	AUTO(buf) struct buf text = BUF_INIT(4096);
	struct election_lease lease;
	const char *body = m->body;
	struct err err;

	if (m->action == ELECTION_CREATE) {
		/* a new object has no version yet: any will do to read it */
		CU_ASSERT_EQUAL_FATAL(
			buf_printf(&text, &err, "{\"metadata\":{\"resourceVersion\":\"0\"},%s",
				strstr(body, "\"spec\"")),
			0);
		body = buf_text(&text);
	}
	CU_ASSERT_EQUAL_FATAL(election_parse(&lease, body, strlen(body), &err), 0);
	if (m->action == ELECTION_CREATE && w->exists)
		return 409;
	if (m->action == ELECTION_REPLACE && !w->exists)
		return 404;
	if (m->action == ELECTION_REPLACE && strcmp(lease.version, w->lease.version) != 0)
		return 409;
	(void)snprintf(lease.version, sizeof(lease.version), "v%d", ++w->versions);
	w->lease = lease;
	w->exists = true;
	return 200;
}

static void serve(struct world *w, struct message *m)
{
	m->status = m->action == ELECTION_READ ? (w->exists ? 200 : 404) : store(w, m);
	m->lease = w->lease;
	m->at = arrival(w, &w->nodes[m->node]);
	m->state = m->at == INT64_MAX ? MESSAGE_NONE : MESSAGE_TO_NODE;
}

static void deliver(struct world *w, struct message *m)
{
	struct node *n = &w->nodes[m->node];
	int64_t now = clock_of(n, w->now);

	m->state = MESSAGE_NONE;
	if (!n->alive || n->life != m->life || n->asked != m->asked || n->failed_at == INT64_MAX)
		return;
	n->failed_at = INT64_MAX;
	if (m->status == 404)
		election_absent(&n->election, now);
	else if (m->status == 409)
		election_conflicted(&n->election, now);
	else if (m->action == ELECTION_READ)
		election_read(&n->election, &m->lease, now);
	else
		election_written(&n->election, &m->lease, now);
}

static int holder(const struct world *w)
{
	int found = -1;

	for (int i = 0; i < NODES; i++) {
		const struct node *n = &w->nodes[i];

		if (!n->alive || !election_held(&n->election, clock_of(n, w->now)))
			continue;
		CU_ASSERT_EQUAL_FATAL(found, -1);
		found = i;
	}
	return found;
}

static void step_node(struct world *w, int i)
{
	struct node *n = &w->nodes[i];
	struct election_step step;

	if (!n->alive && w->now >= n->start_at)
		start(w, i);
	if (!n->alive)
		return;
	if (w->now >= n->failed_at) {
		n->failed_at = INT64_MAX;
		election_failed(&n->election, 0, clock_of(n, w->now));
	}
	if (election_lost(&n->election, clock_of(n, w->now))) {
		stop(n, w->now + 500 + number(w, 3000));
		return;
	}
	step = election_next(&n->election, clock_of(n, w->now));
	if (step.action != ELECTION_WAIT)
		send_request(w, i, step.action);
}

static void advance(struct world *w)
{
	w->now++;
	for (int i = 0; i < MESSAGES; i++) {
		struct message *m = &w->messages[i];

		if (m->state == MESSAGE_NONE || w->now < m->at)
			continue;
		if (m->state == MESSAGE_TO_SERVER)
			serve(w, m);
		else
			deliver(w, m);
	}
	for (int i = 0; i < NODES; i++)
		step_node(w, i);
}

static void disturb(struct world *w)
{
	struct node *n = &w->nodes[number(w, NODES)];

	switch (number(w, 5)) {
	case 0:
		if (n->alive)
			stop(n, w->now + number(w, 20000));
		break;
	case 1:
		n->cut_until = w->now + number(w, 30000);
		break;
	case 2: /* the API server is away */
		for (int i = 0; i < NODES; i++)
			w->nodes[i].cut_until = w->now + number(w, 15000);
		break;
	case 3:
		w->delay_most = number(w, 2) ? 20 : 4000;
		break;
	default:
		w->loss_percent = number(w, 2) ? 0 : 40;
		break;
	}
}

static void begin(struct world *w, unsigned seed)
{
	*w = (struct world){.random = seed, .delay_most = 50};
	for (int i = 0; i < NODES; i++) {
		w->nodes[i].offset = number(w, 1000000);
		w->nodes[i].ppm = (int64_t)number(w, 20001) - 10000;
		w->nodes[i].start_at = number(w, 2000);
	}
}

/* Steps of a millisecond are many: the model passes over those in which nothing can happen. */
static int64_t next_time(const struct world *w)
{
	int64_t next = w->now + 100;

	for (int i = 0; i < MESSAGES; i++) {
		if (w->messages[i].state != MESSAGE_NONE && w->messages[i].at < next)
			next = w->messages[i].at;
	}
	return next > w->now ? next - 1 : w->now;
}

static void test_election__never_lets_two_hold_it(void)
{
	struct world *w = xcalloc(1, sizeof(*w));
	unsigned held = 0;

	for (unsigned seed = 1; seed <= CHAOS_RUNS; seed++) {
		unsigned failures = CU_get_number_of_failures();

		begin(w, seed);
		while (w->now < CHAOS_MS) {
			w->now = next_time(w);
			advance(w);
			if (number(w, 40) == 0)
				disturb(w);
			held += holder(w) >= 0;
		}
		if (CU_get_number_of_failures() > failures)
			printf("\n  seed %u\n", seed);
	}
	CU_ASSERT(held > CHAOS_RUNS);
	free(w);
}

static int64_t until_held(struct world *w, int64_t most)
{
	int64_t from = w->now;

	while (holder(w) < 0 && w->now - from <= most)
		advance(w);
	return w->now - from;
}

static void test_election__is_taken_over_within_17_seconds_of_a_kill(void)
{
	struct world *w = xcalloc(1, sizeof(*w));
	int64_t longest = 0;

	for (unsigned seed = 1; seed <= KILL_RUNS; seed++) {
		int64_t took;
		int i;

		begin(w, seed);
		(void)until_held(w, TAKEOVER_MS);
		for (int64_t until = w->now + number(w, 12000); w->now < until;)
			advance(w);
		i = holder(w);
		CU_ASSERT_FATAL(i >= 0);
		stop(&w->nodes[i], INT64_MAX);
		took = until_held(w, 2 * TAKEOVER_MS);
		longest = took > longest ? took : longest;
	}
	printf("\n  longest takeover: %lld ms\n", (long long)longest);
	CU_ASSERT(longest <= TAKEOVER_MS);
	CU_ASSERT(longest > 10000);
	free(w);
}

static void test_election__is_taken_over_at_once_after_a_release(void)
{
	struct world *w = xcalloc(1, sizeof(*w));

	for (unsigned seed = 1; seed <= KILL_RUNS; seed++) {
		struct node *n;

		begin(w, seed);
		while (w->now < 4000) /* all have started, and seen it */
			advance(w);
		CU_ASSERT_FATAL(holder(w) >= 0);
		n = &w->nodes[holder(w)];
		election_release(&n->election);
		stop(n, INT64_MAX);
		w->lease.holder[0] = '\0';
		(void)snprintf(w->lease.version, sizeof(w->lease.version), "v%d", ++w->versions);
		CU_ASSERT(until_held(w, TAKEOVER_MS) <= 1500);
	}
	free(w);
}

static void test_election__heals_when_the_network_does(void)
{
	struct world *w = xcalloc(1, sizeof(*w));

	for (unsigned seed = 1; seed <= KILL_RUNS; seed++) {
		begin(w, seed);
		for (int i = 0; i < 2000; i++) {
			w->now = next_time(w);
			advance(w);
			if (number(w, 40) == 0)
				disturb(w);
		}
		w->delay_most = 50;
		w->loss_percent = 0;
		for (int i = 0; i < NODES; i++)
			w->nodes[i].cut_until = 0;
		CU_ASSERT(until_held(w, 60000) <= 25000);
	}
	free(w);
}

TEST_MAIN("election model", TEST(test_election__never_lets_two_hold_it),
	TEST(test_election__is_taken_over_within_17_seconds_of_a_kill),
	TEST(test_election__is_taken_over_at_once_after_a_release),
	TEST(test_election__heals_when_the_network_does))
