/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/agenda.h"

#include "tests/unit/test.h"

static void assert_next(struct agenda *a, int64_t now, const char *want)
{
	struct agenda_item *item = agenda_next(a, now);

	if (!want) {
		CU_ASSERT_PTR_NULL(item);
		return;
	}
	CU_ASSERT_PTR_NOT_NULL_FATAL(item);
	CU_ASSERT_STRING_EQUAL(item->name, want);
}

static void test_agenda_next__gives_each_name_once_in_order(void)
{
	struct agenda a;

	agenda_init(&a);
	CU_ASSERT_EQUAL(agenda_due(&a), INT64_MAX);
	agenda_touch(&a, "b");
	agenda_touch(&a, "a");
	agenda_touch(&a, "b");
	CU_ASSERT_EQUAL(agenda_due(&a), 0);
	assert_next(&a, 0, "b");
	assert_next(&a, 0, "a");
	assert_next(&a, 0, NULL);
	CU_ASSERT_EQUAL(agenda_due(&a), INT64_MAX);
	agenda_clear(&a);
}

static void test_agenda_touch__is_remembered_of_what_is_taken(void)
{
	struct agenda a;
	struct agenda_item *item;

	agenda_init(&a);
	agenda_touch(&a, "a");
	item = agenda_next(&a, 0);
	CU_ASSERT_FALSE(item->touched);
	agenda_touch(&a, "a");
	assert_next(&a, 0, NULL);
	CU_ASSERT_TRUE(item->touched);
	agenda_ready(&a, item);
	assert_next(&a, 0, "a");
	agenda_drop(&a, item);
	CU_ASSERT_EQUAL(a.items.n, 0);
	agenda_touch(&a, "a");
	assert_next(&a, 0, "a");
	agenda_clear(&a);
}

static void test_agenda_later__comes_at_its_time_or_when_it_is_touched(void)
{
	struct agenda a;

	agenda_init(&a);
	agenda_touch(&a, "a");
	agenda_touch(&a, "b");
	agenda_later(&a, agenda_next(&a, 0), 100, false);
	agenda_later(&a, agenda_next(&a, 0), 50, false);
	CU_ASSERT_EQUAL(agenda_due(&a), 50);
	assert_next(&a, 49, NULL);
	assert_next(&a, 50, "b");
	CU_ASSERT_EQUAL(agenda_due(&a), 100);
	agenda_touch(&a, "a");
	CU_ASSERT_EQUAL(agenda_due(&a), 0);
	assert_next(&a, 51, "a");
	agenda_clear(&a);
}

static void test_agenda_later__is_not_hurried_where_it_is_patient(void)
{
	struct agenda a;
	struct agenda_item *item;

	agenda_init(&a);
	agenda_touch(&a, "a");
	item = agenda_next(&a, 0);
	agenda_touch(&a, "a");
	agenda_later(&a, item, 100, true);
	agenda_touch(&a, "a");
	assert_next(&a, 99, NULL);
	assert_next(&a, 100, "a");
	/* touched while it was taken, and not patient: at once */
	agenda_touch(&a, "a");
	agenda_later(&a, item, 500, false);
	CU_ASSERT_EQUAL(agenda_due(&a), 0);
	assert_next(&a, 101, "a");
	agenda_clear(&a);
}

static void test_agenda__loses_nothing_whatever_comes_in_between(void)
{
	enum { NAMES = 40 };
	unsigned random = 7;
	struct agenda a;
	struct agenda_item *taken[NAMES];
	size_t n = 0;

	agenda_init(&a);
	for (int64_t now = 0; now < 200000; now++) {
		char name[2] = {(char)('!' + (random >> 9) % NAMES), '\0'};

		random = random * 1103515245U + 12345U;
		if ((random >> 20) % 3 == 0)
			agenda_touch(&a, name);
		if (n < NAMES && (random >> 22) % 3 == 0) {
			taken[n] = agenda_next(&a, now);
			n += taken[n] != NULL;
		}
		if (n == 0 || (random >> 24) % 3)
			continue;
		switch ((random >> 26) % 4) {
		case 0:
			agenda_ready(&a, taken[--n]);
			break;
		case 1:
			agenda_drop(&a, taken[--n]);
			break;
		default:
			agenda_later(&a, taken[--n], now + (random >> 16) % 50, (random >> 28) & 1);
			break;
		}
	}
	while (n > 0)
		agenda_later(&a, taken[--n], 1, true);
	while (a.items.n > 0) {
		struct agenda_item *item = agenda_next(&a, INT64_MAX - 1);

		CU_ASSERT_PTR_NOT_NULL_FATAL(item);
		agenda_drop(&a, item);
	}
	CU_ASSERT_EQUAL(agenda_due(&a), INT64_MAX);
	agenda_clear(&a);
}

TEST_MAIN("agenda", TEST(test_agenda_next__gives_each_name_once_in_order),
	TEST(test_agenda_touch__is_remembered_of_what_is_taken),
	TEST(test_agenda_later__comes_at_its_time_or_when_it_is_touched),
	TEST(test_agenda_later__is_not_hurried_where_it_is_patient),
	TEST(test_agenda__loses_nothing_whatever_comes_in_between))
