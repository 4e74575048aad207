/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/rotation.h"

#include "tests/unit/test.h"

static const struct rotation_policy policy = {.ca_s = 900, .leaf_s = 90, .settle_s = 10};

/* Good for now: made at 0. */
static struct rotation_facts fresh(void)
{
	return (struct rotation_facts){
		.is_sound = true,
		.ca_until = 900,
		.first_until = 900,
		.leaf_fits = true,
		.leaf_until = 90,
		.is_trusted = true,
	};
}

static enum rotation_action next(const struct rotation_facts *facts, int64_t now)
{
	return rotation_next(&policy, facts, now);
}

static void test_rotation_next__leaves_alone_what_is_fresh(void)
{
	struct rotation_facts f = fresh();

	CU_ASSERT_EQUAL(next(&f, 0), ROTATION_NONE);
	CU_ASSERT_EQUAL(next(&f, 44), ROTATION_NONE);
	CU_ASSERT_EQUAL(rotation_due(&policy, &f, 0), 45);
}

static void test_rotation_next__makes_what_is_not_there(void)
{
	struct rotation_facts f = fresh();

	CU_ASSERT_EQUAL(next(&(struct rotation_facts){.is_sound = false}, 0), ROTATION_CREATE);
	CU_ASSERT_EQUAL(next(&f, 900), ROTATION_CREATE);
	CU_ASSERT_EQUAL(rotation_due(&policy, &(struct rotation_facts){.is_sound = false}, 7), 7);
}

static void test_rotation_next__renews_the_leaf_in_time(void)
{
	struct rotation_facts f = fresh();

	CU_ASSERT_EQUAL(next(&f, 45), ROTATION_RENEW_LEAF);
	f.leaf_fits = false;
	CU_ASSERT_EQUAL(next(&f, 0), ROTATION_RENEW_LEAF);
}

static void test_rotation_next__renews_no_leaf_in_vain(void)
{
	struct rotation_facts f = fresh();

	f.has_next = true; /* and nobody trusts it */
	f.is_trusted = false;
	f.leaf_until = 900;
	CU_ASSERT_EQUAL(next(&f, 895), ROTATION_NONE);
}

static void test_rotation_next__announces_before_it_signs(void)
{
	struct rotation_facts f = fresh();

	f.leaf_until = 540;
	CU_ASSERT_EQUAL(next(&f, 449), ROTATION_NONE);
	CU_ASSERT_EQUAL(rotation_due(&policy, &f, 449), 450);
	CU_ASSERT_EQUAL(next(&f, 450), ROTATION_ADD_NEXT);
	f.has_next = true;
	f.next_until = 1350;
	f.is_trusted = false;
	f.trusted_s = 100;
	f.leaf_until = 490;
	CU_ASSERT_EQUAL(next(&f, 451), ROTATION_RENEW_LEAF); /* still by the old one */
	f.leaf_until = 541;
	CU_ASSERT_EQUAL(next(&f, 450), ROTATION_NONE);
	f.is_trusted = true;
	f.trusted_s = 9;
	CU_ASSERT_EQUAL(next(&f, 450), ROTATION_NONE);
	CU_ASSERT_EQUAL(rotation_due(&policy, &f, 450), 451);
	f.trusted_s = 10;
	CU_ASSERT_EQUAL(next(&f, 450), ROTATION_PROMOTE);
}

static void test_rotation_next__keeps_old_authorities_until_they_expire(void)
{
	struct rotation_facts f = fresh();

	f.ca_until = 1500;
	f.first_until = 900;
	f.leaf_until = 985;
	f.has_next = true;
	f.is_trusted = false;
	CU_ASSERT_EQUAL(next(&f, 899), ROTATION_NONE);
	CU_ASSERT_EQUAL(rotation_due(&policy, &f, 880), 900);
	CU_ASSERT_EQUAL(next(&f, 900), ROTATION_DROP_OLD);
}

/* Runs the clock: at every second, what is trusted can be checked, and nothing expires unseen. */
static void test_rotation_next__is_never_late(void)
{
	struct rotation_facts f = {.is_sound = false};
	int64_t old_until = 0;
	int promoted = 0;

	for (int64_t now = 0; now < 100000; now++) {
		f.trusted_s++;
		switch (next(&f, now)) {
		case ROTATION_CREATE:
			CU_ASSERT_EQUAL(now, 0);
			f = fresh();
			break;
		case ROTATION_RENEW_LEAF:
			f.leaf_until = now + 90 < f.ca_until ? now + 90 : f.ca_until;
			break;
		case ROTATION_ADD_NEXT:
			f.has_next = true;
			f.next_until = now + 900;
			f.trusted_s = 0;
			break;
		case ROTATION_PROMOTE:
			CU_ASSERT_TRUE(f.trusted_s >= 10);
			promoted++;
			old_until = f.ca_until;
			f.ca_until = f.next_until;
			f.first_until = old_until;
			f.has_next = false;
			f.leaf_until = now + 90;
			break;
		case ROTATION_DROP_OLD:
			f.first_until = f.ca_until;
			break;
		case ROTATION_NONE:
			break;
		}
		CU_ASSERT_TRUE(f.leaf_until - now >= 44);
		CU_ASSERT_TRUE(f.leaf_until <= f.ca_until);
	}
	CU_ASSERT_TRUE(promoted >= 100000 / 900);
}

TEST_MAIN("rotation", TEST(test_rotation_next__leaves_alone_what_is_fresh),
	TEST(test_rotation_next__makes_what_is_not_there),
	TEST(test_rotation_next__renews_the_leaf_in_time),
	TEST(test_rotation_next__renews_no_leaf_in_vain),
	TEST(test_rotation_next__announces_before_it_signs),
	TEST(test_rotation_next__keeps_old_authorities_until_they_expire),
	TEST(test_rotation_next__is_never_late))
