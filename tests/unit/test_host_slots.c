/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/host_slots.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

#define TURNS 64

struct place {
	struct host_slots slots;
	struct host_turn turns[TURNS];
	int64_t now;
	int64_t wake_at;
};

static void auto_place(struct place *p)
{
	host_slots_clear(&p->slots);
}

static void place_init(struct place *p, int each)
{
	const struct host_rules rules = {.each = each};

	host_slots_init(&p->slots, &rules);
}

static void wait_for(struct place *p, const char *host, int turn)
{
	CU_ASSERT_EQUAL(host_slots_wait(&p->slots, host, &p->turns[turn], p->now), 0);
}

/* Returns the number of the turn that is next, or -1. */
static int next(struct place *p)
{
	struct host_turn *turn = host_slots_next(&p->slots, p->now, &p->wake_at);

	return turn ? (int)(turn - p->turns) : -1;
}

/* Returns how many need not wait any longer. */
static int end(struct place *p, int turn, bool answered)
{
	const struct host_end how = {.answered = answered, .now = p->now, .random = 77};
	int64_t until = 0;
	struct host_turn *gone = host_slots_give_back(&p->slots, &p->turns[turn], &how, &until);
	int n = 0;

	CU_ASSERT(!gone || until > p->now);
	for (; gone; gone = gone->next, n++)
		CU_ASSERT_PTR_NULL(gone->host);
	return n;
}

static void test_host_slots__serves_a_host_in_order(void)
{
	AUTO(place) struct place p = {0};

	place_init(&p, 4);
	for (int i = 0; i < 3; i++)
		wait_for(&p, "a", i);
	CU_ASSERT_EQUAL(next(&p), 0);
	CU_ASSERT_EQUAL(next(&p), 1);
	CU_ASSERT_EQUAL(next(&p), 2);
	CU_ASSERT_EQUAL(next(&p), -1);
}

static void test_host_slots__puts_a_full_host_aside(void)
{
	AUTO(place) struct place p = {0};

	place_init(&p, 2);
	for (int i = 0; i < 10; i++)
		wait_for(&p, "slow", i);
	wait_for(&p, "other", 10);
	CU_ASSERT_EQUAL(next(&p), 0);
	CU_ASSERT_EQUAL(next(&p), 10);
	CU_ASSERT_EQUAL(next(&p), 1);
	CU_ASSERT_EQUAL(next(&p), -1);
	wait_for(&p, "third", 11);
	CU_ASSERT_EQUAL(next(&p), 11);
	CU_ASSERT_EQUAL(end(&p, 1, true), 0);
	CU_ASSERT_EQUAL(next(&p), 2);
	CU_ASSERT_EQUAL(next(&p), -1);
	CU_ASSERT_EQUAL(p.wake_at, INT64_MAX);
}

static void test_host_slots__lets_hosts_take_turns(void)
{
	static const int order[] = {0, 4, 1, 5, 2, 3, -1};
	AUTO(place) struct place p = {0};

	place_init(&p, 10);
	for (int i = 0; i < 4; i++)
		wait_for(&p, "a", i);
	for (int i = 4; i < 6; i++)
		wait_for(&p, "b", i);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		CU_ASSERT_EQUAL(next(&p), order[i]);
}

static void test_host_slots__has_no_ceiling_without_a_host(void)
{
	const struct host_rules rules = {.each = 1, .workers = 2, .rate = 1, .failures = 1};
	AUTO(place) struct place p = {0};

	host_slots_init(&p.slots, &rules);
	for (int i = 0; i < TURNS; i++)
		wait_for(&p, "", i);
	for (int i = 0; i < TURNS; i++)
		CU_ASSERT_EQUAL(next(&p), i);
	for (int i = 0; i < TURNS; i++)
		CU_ASSERT_EQUAL(end(&p, i, false), 0);
	wait_for(&p, "", 0);
	CU_ASSERT_EQUAL(next(&p), 0);
}

static void test_host_slots_init__gives_one_at_least(void)
{
	AUTO(place) struct place p = {0};

	place_init(&p, 0);
	wait_for(&p, "a", 0);
	wait_for(&p, "a", 1);
	CU_ASSERT_EQUAL(next(&p), 0);
	CU_ASSERT_EQUAL(next(&p), -1);
}

static void test_host_slots_wait__forgets_hosts_that_nobody_asks(void)
{
	AUTO(place) struct place p = {0};

	place_init(&p, 1);
	for (int round = 0; round < 3 * LIMIT_FETCH_HOSTS; round++) {
		AUTO(free) char *host = xasprintf("h%d", round);

		wait_for(&p, host, 0);
		CU_ASSERT_EQUAL(next(&p), 0);
		CU_ASSERT_EQUAL(end(&p, 0, true), 0);
		CU_ASSERT(p.slots.hosts.n <= LIMIT_FETCH_HOSTS);
	}
	CU_ASSERT_EQUAL(next(&p), -1);
}

static void test_host_slots__asks_a_host_that_failed_once_and_then_all_or_none(void)
{
	const struct host_rules rules = {.each = 4, .failures = 2};
	AUTO(place) struct place p = {0};
	int64_t until;

	host_slots_init(&p.slots, &rules);
	for (int i = 0; i < 10; i++)
		wait_for(&p, "dead", i);
	wait_for(&p, "well", 20);
	for (int i = 0; i < 5; i++)
		CU_ASSERT(next(&p) >= 0);
	CU_ASSERT_EQUAL(end(&p, 0, false), 0);
	CU_ASSERT_EQUAL(end(&p, 1, false), 6); /* all that waited for it */
	CU_ASSERT_EQUAL(next(&p), -1);
	until = host_slots_wait(&p.slots, "dead", &p.turns[9], p.now);
	CU_ASSERT(until > p.now);
	CU_ASSERT_EQUAL(end(&p, 2, false), 0);
	CU_ASSERT_EQUAL(end(&p, 3, false), 0);

	p.now = host_slots_wait(&p.slots, "dead", &p.turns[9], p.now);
	for (int i = 0; i < 6; i++)
		wait_for(&p, "dead", i);
	CU_ASSERT_EQUAL(next(&p), 0);
	CU_ASSERT_TRUE(p.turns[0].probe);
	CU_ASSERT_EQUAL(next(&p), -1);
	CU_ASSERT_EQUAL(end(&p, 0, false), 5);

	p.now = host_slots_wait(&p.slots, "dead", &p.turns[9], p.now);
	for (int i = 0; i < 6; i++)
		wait_for(&p, "dead", i);
	CU_ASSERT_EQUAL(next(&p), 0);
	CU_ASSERT_EQUAL(end(&p, 0, true), 0);
	for (int i = 1; i < 5; i++)
		CU_ASSERT_EQUAL(next(&p), i);
	CU_ASSERT_FALSE(p.turns[1].probe);
	CU_ASSERT_EQUAL(next(&p), -1);
}

static void test_host_slots__keeps_a_worker_from_hosts_that_do_not_answer(void)
{
	const struct host_rules rules = {.each = 9, .workers = 4, .failures = 3};
	AUTO(place) struct place p = {0};

	host_slots_init(&p.slots, &rules);
	for (int i = 0; i < 4; i++)
		wait_for(&p, "silent", i);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(next(&p), i);
	CU_ASSERT_FALSE(p.turns[2].probe);
	CU_ASSERT_EQUAL(next(&p), -1); /* the fourth worker is not for that one */
	wait_for(&p, "new", 10);
	wait_for(&p, "new", 11);
	CU_ASSERT_EQUAL(next(&p), 10);
	CU_ASSERT_TRUE(p.turns[10].probe); /* and is soon free again */
	CU_ASSERT_EQUAL(next(&p), -1);
	CU_ASSERT_EQUAL(end(&p, 10, true), 0);
	CU_ASSERT_EQUAL(next(&p), 11);
	CU_ASSERT_FALSE(p.turns[11].probe);
	CU_ASSERT_EQUAL(next(&p), -1);
	CU_ASSERT_EQUAL(end(&p, 0, true), 0); /* it speaks */
	CU_ASSERT_EQUAL(next(&p), 3);
}

static void test_host_slots__tries_as_told_where_no_host_is_left_alone(void)
{
	const struct host_rules rules = {.each = 9, .workers = 2};
	AUTO(place) struct place p = {0};

	host_slots_init(&p.slots, &rules);
	wait_for(&p, "a", 0);
	wait_for(&p, "b", 1);
	CU_ASSERT_EQUAL(next(&p), 0);
	CU_ASSERT_EQUAL(next(&p), 1);
	CU_ASSERT_FALSE(p.turns[1].probe);
}

static void test_host_slots__serves_any_host_with_one_worker(void)
{
	const struct host_rules rules = {.each = 2, .workers = 1};
	AUTO(place) struct place p = {0};

	host_slots_init(&p.slots, &rules);
	wait_for(&p, "a", 0);
	CU_ASSERT_EQUAL(next(&p), 0);
}

static void test_host_slots_next__says_when_the_rate_lets_one_more_begin(void)
{
	const struct host_rules rules = {.each = 100, .rate = 2};
	AUTO(place) struct place p = {.now = 1000};

	host_slots_init(&p.slots, &rules);
	for (int i = 0; i < 4; i++)
		wait_for(&p, "a", i);
	wait_for(&p, "b", 4);
	CU_ASSERT_EQUAL(next(&p), 0);
	CU_ASSERT_EQUAL(next(&p), 4);
	CU_ASSERT_EQUAL(next(&p), 1);
	CU_ASSERT_EQUAL(next(&p), -1);
	CU_ASSERT_EQUAL(p.wake_at, 1500);
	p.now = 1499;
	CU_ASSERT_EQUAL(next(&p), -1);
	p.now = 1500;
	CU_ASSERT_EQUAL(next(&p), 2);
	CU_ASSERT_EQUAL(next(&p), -1);
	CU_ASSERT_EQUAL(p.wake_at, 2000);
}

static void test_host_slots_visit__counts_who_was_sent_there(void)
{
	struct host_turn visit;
	AUTO(place) struct place p = {0};

	place_init(&p, 2);
	host_slots_visit(&p.slots, "cdn", &visit, 0);
	CU_ASSERT_TRUE(host_turn_is_at(&visit, "cdn"));
	CU_ASSERT_FALSE(host_turn_is_at(&visit, "cd"));
	wait_for(&p, "cdn", 0);
	wait_for(&p, "cdn", 1);
	CU_ASSERT_EQUAL(next(&p), 0);
	CU_ASSERT_EQUAL(next(&p), -1);
	host_slots_leave(&p.slots, &visit);
	CU_ASSERT_EQUAL(next(&p), 1);
	CU_ASSERT_FALSE(host_turn_is_at(&visit, "cdn"));
}

enum state { IDLE, WAITS, WORKS };

/* What the rules say of a random run, looked at from outside. */
struct model {
	struct place place;
	enum state state[TURNS];
	int host[TURNS];
	uint32_t seed;
};

#define EACH 3
#define WORKERS 6
static const char *const hosts[] = {"a", "b", "c", "d"};

static uint32_t chance(struct model *m, uint32_t below)
{
	m->seed = m->seed * 1664525U + 1013904223U;
	return (m->seed >> 10) % below;
}

static int count(const struct model *m, int host, enum state state)
{
	int n = 0;

	for (int i = 0; i < TURNS; i++)
		n += (host < 0 || m->host[i] == host) && m->state[i] == state;
	return n;
}

/* How many work for hosts that do not answer. */
static int count_doubtful(const struct model *m)
{
	int n = 0;

	for (int i = 0; i < TURNS; i++)
		n += m->state[i] == WORKS && m->place.turns[i].doubtful;
	return n;
}

static void model_wait(struct model *m, int i)
{
	m->host[i] = (int)chance(m, 4);
	if (host_slots_wait(&m->place.slots, hosts[m->host[i]], &m->place.turns[i], m->place.now) ==
		0)
		m->state[i] = WAITS;
}

/* Hosts a and b answer, c does now and then, d never does. */
static void model_end(struct model *m, int i)
{
	int host = m->host[i];
	bool answered = host < 2 || (host == 2 && chance(m, 2) == 0);
	const struct host_end how = {
		.answered = answered, .now = m->place.now, .random = chance(m, 1000000)};
	int64_t until = 0;
	struct host_turn *gone =
		host_slots_give_back(&m->place.slots, &m->place.turns[i], &how, &until);

	m->state[i] = IDLE;
	for (; gone; gone = gone->next) {
		int j = (int)(gone - m->place.turns);

		CU_ASSERT_EQUAL_FATAL(m->state[j], WAITS);
		CU_ASSERT_EQUAL_FATAL(m->host[j], host);
		m->state[j] = IDLE;
	}
	CU_ASSERT_TRUE_FATAL(until == 0 || count(m, host, WAITS) == 0);
}

static void model_next(struct model *m)
{
	int got = count(m, -1, WORKS) < WORKERS ? next(&m->place) : -1;

	if (got < 0)
		return;
	CU_ASSERT_EQUAL_FATAL(m->state[got], WAITS);
	m->state[got] = WORKS;
	CU_ASSERT_TRUE_FATAL(!m->place.turns[got].probe || count(m, m->host[got], WORKS) == 1);
	CU_ASSERT_TRUE_FATAL(!m->place.turns[got].doubtful || count_doubtful(m) < WORKERS ||
			     m->place.turns[got].probe);
}

/* By chance, against the rules: no host above its ceiling, nobody forgotten, and the last worker
 * for one try only where no host is known to answer. */
static void test_host_slots__holds_its_promises_in_any_order(void)
{
	const struct host_rules rules = {.each = EACH, .workers = WORKERS, .failures = 2};
	static struct model m;

	m = (struct model){.seed = 7};
	host_slots_init(&m.place.slots, &rules);
	for (int step = 0; step < 20000; step++) {
		int i = (int)chance(&m, TURNS);

		m.place.now += chance(&m, 50);
		if (m.state[i] == IDLE)
			model_wait(&m, i);
		else if (m.state[i] == WORKS)
			model_end(&m, i);
		else
			model_next(&m);
		for (int h = 0; h < 4; h++)
			CU_ASSERT_TRUE_FATAL(count(&m, h, WORKS) <= EACH);
		CU_ASSERT_EQUAL_FATAL(m.place.slots.doubtful, count_doubtful(&m));
	}
	for (int round = 0; round < 10 * TURNS; round++) { /* nobody was forgotten */
		m.place.now += 100000;
		for (int i = 0; i < TURNS; i++) {
			if (m.state[i] == WORKS)
				model_end(&m, i);
		}
		model_next(&m);
	}
	CU_ASSERT_EQUAL(count(&m, -1, WAITS), 0);
	host_slots_clear(&m.place.slots);
}

TEST_MAIN("host_slots", TEST(test_host_slots__serves_a_host_in_order),
	TEST(test_host_slots__puts_a_full_host_aside), TEST(test_host_slots__lets_hosts_take_turns),
	TEST(test_host_slots__has_no_ceiling_without_a_host),
	TEST(test_host_slots_init__gives_one_at_least),
	TEST(test_host_slots_wait__forgets_hosts_that_nobody_asks),
	TEST(test_host_slots__asks_a_host_that_failed_once_and_then_all_or_none),
	TEST(test_host_slots__keeps_a_worker_from_hosts_that_do_not_answer),
	TEST(test_host_slots__tries_as_told_where_no_host_is_left_alone),
	TEST(test_host_slots__serves_any_host_with_one_worker),
	TEST(test_host_slots_next__says_when_the_rate_lets_one_more_begin),
	TEST(test_host_slots_visit__counts_who_was_sent_there),
	TEST(test_host_slots__holds_its_promises_in_any_order))
