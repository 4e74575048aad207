/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/host_slots.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

#define TURNS 64

struct place {
	struct host_slots slots;
	struct host_turn turns[TURNS];
};

static void auto_place(struct place *p)
{
	host_slots_clear(&p->slots);
}

/* Returns the number of the turn that is next, or -1. */
static int next(struct place *p)
{
	struct host_turn *turn = host_slots_next(&p->slots);

	return turn ? (int)(turn - p->turns) : -1;
}

static void test_host_slots__serves_a_host_in_order(void)
{
	AUTO(place) struct place p = {0};

	host_slots_init(&p.slots, 4);
	for (int i = 0; i < 3; i++)
		host_slots_wait(&p.slots, "a", &p.turns[i]);
	CU_ASSERT_EQUAL(next(&p), 0);
	CU_ASSERT_EQUAL(next(&p), 1);
	CU_ASSERT_EQUAL(next(&p), 2);
	CU_ASSERT_EQUAL(next(&p), -1);
}

static void test_host_slots__puts_a_full_host_aside(void)
{
	AUTO(place) struct place p = {0};

	host_slots_init(&p.slots, 2);
	for (int i = 0; i < 10; i++)
		host_slots_wait(&p.slots, "slow", &p.turns[i]);
	host_slots_wait(&p.slots, "other", &p.turns[10]);
	CU_ASSERT_EQUAL(next(&p), 0);
	CU_ASSERT_EQUAL(next(&p), 10);
	CU_ASSERT_EQUAL(next(&p), 1);
	CU_ASSERT_EQUAL(next(&p), -1);
	host_slots_wait(&p.slots, "third", &p.turns[11]);
	CU_ASSERT_EQUAL(next(&p), 11);
	host_slots_give_back(&p.slots, &p.turns[1]);
	CU_ASSERT_EQUAL(next(&p), 2);
	CU_ASSERT_EQUAL(next(&p), -1);
}

static void test_host_slots__lets_hosts_take_turns(void)
{
	AUTO(place) struct place p = {0};

	host_slots_init(&p.slots, 10);
	for (int i = 0; i < 4; i++)
		host_slots_wait(&p.slots, "a", &p.turns[i]);
	for (int i = 4; i < 6; i++)
		host_slots_wait(&p.slots, "b", &p.turns[i]);
	static const int order[] = {0, 4, 1, 5, 2, 3, -1};
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		CU_ASSERT_EQUAL(next(&p), order[i]);
}

static void test_host_slots__has_no_ceiling_without_a_host(void)
{
	AUTO(place) struct place p = {0};

	host_slots_init(&p.slots, 1);
	for (int i = 0; i < TURNS; i++)
		host_slots_wait(&p.slots, "", &p.turns[i]);
	for (int i = 0; i < TURNS; i++)
		CU_ASSERT_EQUAL(next(&p), i);
}

static void test_host_slots_init__gives_one_at_least(void)
{
	AUTO(place) struct place p = {0};

	host_slots_init(&p.slots, 0);
	host_slots_wait(&p.slots, "a", &p.turns[0]);
	host_slots_wait(&p.slots, "a", &p.turns[1]);
	CU_ASSERT_EQUAL(next(&p), 0);
	CU_ASSERT_EQUAL(next(&p), -1);
}

static void test_host_slots_give_back__forgets_a_host_that_nobody_asks(void)
{
	AUTO(place) struct place p = {0};

	host_slots_init(&p.slots, 1);
	for (int round = 0; round < 1000; round++) {
		AUTO(free) char *host = xasprintf("h%d", round);

		host_slots_wait(&p.slots, host, &p.turns[0]);
		CU_ASSERT_EQUAL(next(&p), 0);
		host_slots_give_back(&p.slots, &p.turns[0]);
		CU_ASSERT_EQUAL(p.slots.hosts.n, 0);
	}
	CU_ASSERT_EQUAL(next(&p), -1);
}

/* A thousand steps by chance against the rule itself: no host above its ceiling, nobody forgotten,
 * and nobody waits while his host has a slot. */
static void test_host_slots__holds_its_promises_in_any_order(void)
{
	static const char *const names[] = {"a", "b", "c", "d"};
	enum { IDLE, WAITS, WORKS } state[TURNS] = {0};
	int host[TURNS] = {0};
	AUTO(place) struct place p = {0};
	uint32_t seed = 7;

	host_slots_init(&p.slots, 3);
	for (int step = 0; step < 5000; step++) {
		seed = seed * 1664525U + 1013904223U;
		int i = (int)(seed >> 8) % TURNS;
		if (state[i] == IDLE) {
			host[i] = (int)(seed >> 20) % 4;
			host_slots_wait(&p.slots, names[host[i]], &p.turns[i]);
			state[i] = WAITS;
		} else if (state[i] == WORKS) {
			host_slots_give_back(&p.slots, &p.turns[i]);
			state[i] = IDLE;
		} else {
			int works[4] = {0};
			int waits[4] = {0};
			int got = next(&p);

			if (got >= 0) {
				CU_ASSERT_EQUAL_FATAL(state[got], WAITS);
				state[got] = WORKS;
			}
			for (int j = 0; j < TURNS; j++) {
				works[host[j]] += state[j] == WORKS;
				waits[host[j]] += state[j] == WAITS;
			}
			for (int h = 0; h < 4; h++) {
				CU_ASSERT_TRUE_FATAL(works[h] <= 3);
				CU_ASSERT_TRUE_FATAL(got >= 0 || waits[h] == 0 || works[h] == 3);
			}
		}
	}
}

TEST_MAIN("host_slots", TEST(test_host_slots__serves_a_host_in_order),
	TEST(test_host_slots__puts_a_full_host_aside), TEST(test_host_slots__lets_hosts_take_turns),
	TEST(test_host_slots__has_no_ceiling_without_a_host),
	TEST(test_host_slots_init__gives_one_at_least),
	TEST(test_host_slots_give_back__forgets_a_host_that_nobody_asks),
	TEST(test_host_slots__holds_its_promises_in_any_order))
