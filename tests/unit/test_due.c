/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/due.h"

#include <stdlib.h>

#include "tests/unit/test.h"

#define TARGETS 97
#define STEPS 20000

/* Held against a plain search; the numbers are the same in each run. */
struct model {
	struct due due;
	struct target *targets[TARGETS];
	uint64_t seed;
};

static uint32_t draw(struct model *m, uint32_t below)
{
	m->seed = m->seed * 6364136223846793005U + 1442695040888963407U;
	return (uint32_t)(m->seed >> 33) % below;
}

static int64_t earliest(const struct model *m)
{
	int64_t first = INT64_MAX;

	for (size_t i = 0; i < TARGETS; i++) {
		if (m->targets[i]->due_slot > 0 && m->targets[i]->look_at < first)
			first = m->targets[i]->look_at;
	}
	return first;
}

static void change_one(struct model *m)
{
	struct target *t = m->targets[draw(m, TARGETS)];
	int64_t when = draw(m, 1000);
	int64_t before = t->due_slot > 0 ? t->look_at : INT64_MAX;

	switch (draw(m, 4)) {
	case 0:
		due_drop(&m->due, t);
		CU_ASSERT_EQUAL(t->due_slot, 0);
		break;
	case 1:
		due_no_later(&m->due, t, when);
		CU_ASSERT_EQUAL(t->look_at, when < before ? when : before);
		break;
	default:
		due_set(&m->due, t, when);
		CU_ASSERT_EQUAL(t->look_at, when);
		break;
	}
}

static void test_due_set__keeps_the_first_in_front(void)
{
	struct model m = {.seed = 7};
	unsigned wrong = 0;

	for (size_t i = 0; i < TARGETS; i++)
		m.targets[i] = target_new("a/1");
	for (int i = 0; i < STEPS; i++) {
		change_one(&m);
		wrong += due_at(&m.due) != earliest(&m);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	for (size_t i = 0; i < TARGETS; i++) {
		due_drop(&m.due, m.targets[i]);
		target_free(m.targets[i]);
	}
	CU_ASSERT_EQUAL(due_at(&m.due), INT64_MAX);
	due_clear(&m.due);
}

static void test_due_next__gives_what_has_come(void)
{
	struct due d = {.n = 0};
	struct target *a = target_new("a/1");
	struct target *b = target_new("a/2");

	CU_ASSERT_PTR_NULL(due_next(&d, INT64_MAX));
	due_set(&d, a, 20);
	due_set(&d, b, 10);
	CU_ASSERT_PTR_NULL(due_next(&d, 9));
	CU_ASSERT_PTR_EQUAL(due_next(&d, 10), b);
	due_set(&d, b, INT64_MAX);
	CU_ASSERT_PTR_NULL(due_next(&d, 19));
	CU_ASSERT_PTR_EQUAL(due_next(&d, 20), a);
	due_no_later(&d, a, 30);
	CU_ASSERT_EQUAL(due_at(&d), 20);
	due_no_later(&d, b, 15);
	CU_ASSERT_EQUAL(due_at(&d), 15);
	due_clear(&d);
	target_free(a);
	target_free(b);
}

/* Whoever sets a time has more to do than to glance at a file. */
static void test_due_set__is_more_than_a_glance(void)
{
	struct due d = {.n = 0};
	struct target *t = target_new("a/1");

	due_set(&d, t, 20);
	t->glance = true;
	due_no_later(&d, t, 30);
	CU_ASSERT_TRUE(t->glance);
	due_no_later(&d, t, 10);
	CU_ASSERT_FALSE(t->glance);
	t->glance = true;
	due_set(&d, t, 10);
	CU_ASSERT_FALSE(t->glance);
	due_clear(&d);
	target_free(t);
}

TEST_MAIN("due", TEST(test_due_set__is_more_than_a_glance),
	TEST(test_due_set__keeps_the_first_in_front), TEST(test_due_next__gives_what_has_come))
