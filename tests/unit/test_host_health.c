/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/host_health.h"

#include "tests/unit/test.h"

#define MOST_MS 60000

static const struct host_rules rules = {.rate = 10, .failures = 3};

static void fail(struct host_health *h, int times, int64_t now)
{
	for (int i = 0; i < times; i++)
		host_health_failed(h, &rules, MOST_MS, 0, now, 12345);
}

static void test_host_health_failed__leaves_the_host_alone_after_some_in_a_row(void)
{
	struct host_health h = {.failed = 0};

	fail(&h, 2, 1000);
	CU_ASSERT_EQUAL(host_health_state(&h, 1000), HOST_OPEN);
	host_health_answered(&h);
	fail(&h, 2, 1000);
	CU_ASSERT_EQUAL(host_health_state(&h, 1000), HOST_OPEN);
	fail(&h, 1, 1000);
	CU_ASSERT_EQUAL(host_health_state(&h, 1000), HOST_SHUT);
	CU_ASSERT_EQUAL(host_health_state(&h, 2000), HOST_PROBED);
	host_health_answered(&h);
	CU_ASSERT_EQUAL(host_health_state(&h, 2000), HOST_OPEN);
}

static void test_host_health_failed__waits_longer_each_time_up_to_the_most(void)
{
	struct host_health h = {.failed = 0};
	int64_t ceiling = 1000;
	int64_t now = 0;

	fail(&h, 2, now);
	for (int i = 0; i < 12; i++) {
		fail(&h, 1, now);
		CU_ASSERT(h.shut_until - now >= ceiling / 2 && h.shut_until - now <= ceiling);
		now = h.shut_until;
		ceiling = ceiling * 2 > MOST_MS ? MOST_MS : ceiling * 2;
	}
	CU_ASSERT_EQUAL(ceiling, MOST_MS);
}

static void test_host_health_most_ms__is_short_for_one_and_a_minute_for_many(void)
{
	CU_ASSERT_EQUAL(host_health_most_ms(0), 8000);
	CU_ASSERT_EQUAL(host_health_most_ms(1), 8000);
	CU_ASSERT_EQUAL(host_health_most_ms(2), 16000);
	for (size_t ill = 1; ill < 1000; ill++)
		CU_ASSERT(host_health_most_ms(ill) <= host_health_most_ms(ill + 1));
	CU_ASSERT_EQUAL(host_health_most_ms(8), 60000);
	CU_ASSERT_EQUAL(host_health_most_ms(SIZE_MAX), 60000);
}

static void test_host_health_failed__spreads_what_it_waits(void)
{
	int64_t least = INT64_MAX;
	int64_t most = 0;

	for (uint32_t random = 0; random < 4000000000U; random += 77777777U) {
		struct host_health h = {.failed = 2};

		host_health_failed(&h, &rules, MOST_MS, 0, 0, random);
		least = h.shut_until < least ? h.shut_until : least;
		most = h.shut_until > most ? h.shut_until : most;
	}
	CU_ASSERT(least >= 500 && most <= 1000 && most - least > 250);
}

static void test_host_health_failed__leaves_alone_who_asks_for_it(void)
{
	struct host_health h = {.failed = 0};

	host_health_failed(&h, &rules, MOST_MS, 30000, 1000, 0);
	CU_ASSERT_EQUAL(host_health_state(&h, 30999), HOST_SHUT);
	host_health_failed(&h, &rules, MOST_MS, 10, 1000, 0); /* another one, who asks for less */
	CU_ASSERT_EQUAL(host_health_state(&h, 30999), HOST_SHUT);
	CU_ASSERT_EQUAL(host_health_state(&h, 31000), HOST_PROBED);
}

static void test_host_health_failed__never_leaves_alone_where_the_rules_say_so(void)
{
	static const struct host_rules patient = {.failures = 0};
	struct host_health h = {.failed = 0};

	for (int i = 0; i < 100; i++)
		host_health_failed(&h, &patient, MOST_MS, 30000, 1000, 0);
	CU_ASSERT_EQUAL(host_health_state(&h, 1000), HOST_OPEN);
}

static void test_host_health_begins_at__lets_so_many_begin_in_a_second(void)
{
	struct host_health h = {.failed = 0};
	int64_t now = 5000;
	int begun = 0;

	while (host_health_begins_at(&h, &rules, now) == now) {
		host_health_began(&h, &rules, now);
		begun++;
	}
	CU_ASSERT_EQUAL(begun, 10);
	for (; now < 15000; now += 10) {
		int64_t at = host_health_begins_at(&h, &rules, now);

		CU_ASSERT(at <= now + 1000 / 10);
		if (at > now)
			continue;
		host_health_began(&h, &rules, now);
		begun++;
	}
	CU_ASSERT(begun >= 109 && begun <= 111); /* the burst, then 10 s at 10 a second */
}

static void test_host_health_begins_at__is_now_without_a_rate(void)
{
	static const struct host_rules any = {.rate = 0};
	struct host_health h = {.failed = 0};

	for (int i = 0; i < 1000; i++) {
		CU_ASSERT_EQUAL(host_health_begins_at(&h, &any, 7), 7);
		host_health_began(&h, &any, 7);
	}
}

TEST_MAIN("host_health", TEST(test_host_health_failed__leaves_the_host_alone_after_some_in_a_row),
	TEST(test_host_health_failed__waits_longer_each_time_up_to_the_most),
	TEST(test_host_health_most_ms__is_short_for_one_and_a_minute_for_many),
	TEST(test_host_health_failed__spreads_what_it_waits),
	TEST(test_host_health_failed__leaves_alone_who_asks_for_it),
	TEST(test_host_health_failed__never_leaves_alone_where_the_rules_say_so),
	TEST(test_host_health_begins_at__lets_so_many_begin_in_a_second),
	TEST(test_host_health_begins_at__is_now_without_a_rate))
