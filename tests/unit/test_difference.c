/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/difference.h"

#include <stdint.h>
#include <time.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/difference_steps.h"
#include "tests/unit/test.h"

static void test_difference_report__applies_what_is_new(void)
{
	AUTO(difference) struct difference *d = difference_new();

	show(d, "b", "z=1 y=1");
	show(d, "a", "x=1");
	expect(d, "+x=1(a) +z=1(b) +y=1(b) ");
	expect(d, "");
	CU_ASSERT_TRUE(difference_complete(d));
}

static void test_difference_report__is_silent_where_content_is_the_same(void)
{
	AUTO(difference) struct difference *d = difference_new();

	show(d, "a", "x=1 y=1");
	expect(d, "+x=1(a) +y=1(a) ");
	show(d, "a", "y=1 x=1");
	expect(d, "");
	show(d, "a", "y=2 x=1");
	expect(d, "+y=2(a) ");
}

static void test_difference_report__deletes_last(void)
{
	AUTO(difference) struct difference *d = difference_new();

	show(d, "a", "x=1 y=1");
	show(d, "b", "z=1");
	expect(d, "+x=1(a) +y=1(a) +z=1(b) ");
	difference_drop(d, "a");
	show(d, "b", "z=2 w=1");
	expect(d, "+z=2(b) +w=1(b) -x(a) -y(a) ");
}

static void test_difference_report__does_not_delete_what_moved(void)
{
	AUTO(difference) struct difference *d = difference_new();

	show(d, "a", "x=1 y=1");
	expect(d, "+x=1(a) +y=1(a) ");
	show(d, "a", "x=1");
	show(d, "b", "y=1");
	expect(d, "");
	difference_drop(d, "b");
	show(d, "a", "x=1 y=2");
	expect(d, "+y=2(a) ");
	difference_drop(d, "a");
	expect(d, "-x(a) -y(a) ");
}

static void test_difference_show__keeps_what_a_wrong_file_no_longer_shows(void)
{
	AUTO(difference) struct difference *d = difference_new();

	show(d, "a", "x=1 y=1");
	expect(d, "+x=1(a) +y=1(a) ");
	show_wrong(d, "a", "x=2 z=1");
	expect(d, "+x=2(a) +z=1(a) !a ");
	CU_ASSERT_FALSE(difference_complete(d));
	show(d, "a", "x=2");
	expect(d, "~a -y(a) -z(a) ");
	CU_ASSERT_TRUE(difference_complete(d));
}

static void test_difference_show__complains_once_for_each_content(void)
{
	AUTO(difference) struct difference *d = difference_new();

	show_wrong(d, "a", "");
	expect(d, "!a ");
	expect(d, "");
	show(d, "b", "x=1");
	expect(d, "+x=1(b) ");
	show_wrong(d, "a", "");
	expect(d, "!a ");
	difference_drop(d, "a");
	expect(d, "~a ");
	CU_ASSERT_TRUE(difference_complete(d));
}

static void test_difference_fail__keeps_all_and_complains_once(void)
{
	AUTO(difference) struct difference *d = difference_new();

	show(d, "a", "x=1");
	expect(d, "+x=1(a) ");
	fail(d, "a", "no");
	expect(d, "!a ");
	fail(d, "a", "no");
	expect(d, "");
	fail(d, "a", "not at all");
	expect(d, "!a ");
	show(d, "a", "x=1");
	expect(d, "~a ");
}

static void test_difference_report__gives_a_contested_object_to_the_first_file(void)
{
	AUTO(difference) struct difference *d = difference_new();

	show(d, "b", "x=2");
	show(d, "a", "x=1");
	expect(d, "+x=1(a) ?b ");
	CU_ASSERT_FALSE(difference_complete(d));
	show(d, "c", "y=1");
	expect(d, "+y=1(c) ");
	difference_drop(d, "a");
	expect(d, "+x=2(b) ~b ");
}

static void keep_message(void *arg, struct source_event *event)
{
	struct err *last = arg;

	if (event->change == SOURCE_INVALID)
		*last = event->err;
	directory_event_clear(event);
}

static void test_difference_report__names_both_files_of_a_conflict(void)
{
	AUTO(difference) struct difference *d = difference_new();
	struct err last = {.code = ERR_NONE};

	show(d, "a.yaml", "x=1");
	show(d, "b.yaml", "x=1");
	difference_report(d, keep_message, &last);
	CU_ASSERT_EQUAL(last.code, ERR_CONFLICT);
	ASSERT_HAS(last.msg, "a.yaml");
	ASSERT_HAS(last.msg, "b.yaml");
	ASSERT_HAS(last.msg, "Secret/ns/x");
	show(d, "b.yaml", "x=1 y=1 y=2");
	difference_report(d, keep_message, &last);
	ASSERT_HAS(last.msg, "2 conflicts, the first: b.yaml: Secret/ns/x stands in a.yaml too");
	show(d, "b.yaml", "y=1 y=2");
	difference_report(d, keep_message, &last);
	ASSERT_HAS(last.msg, "b.yaml: Secret/ns/y stands in it more than once");
}

static void test_difference_report__takes_the_first_of_two_in_one_file(void)
{
	AUTO(difference) struct difference *d = difference_new();

	show(d, "a", "x=1 x=2");
	expect(d, "+x=1(a) ?a ");
	show(d, "a", "x=2");
	expect(d, "+x=2(a) ~a ");
}

static void test_difference_refill__lets_a_later_file_take_over_again(void)
{
	AUTO(difference) struct difference *d = difference_new();

	show(d, "b", "x=2 y=1");
	expect(d, "+x=2(b) +y=1(b) ");
	CU_ASSERT_FALSE(difference_hollow(d, "b"));
	show(d, "a", "x=1");
	expect(d, "+x=1(a) ?b ");
	CU_ASSERT_TRUE(difference_hollow(d, "b"));
	refill(d, "b", "x=2 y=1");
	expect(d, "");
	CU_ASSERT_FALSE(difference_hollow(d, "b"));
	difference_drop(d, "a");
	expect(d, "+x=2(b) ~b ");
}

static void test_difference_report__keeps_the_state_while_a_hollow_file_is_not_refilled(void)
{
	AUTO(difference) struct difference *d = difference_new();

	show(d, "b", "x=2");
	expect(d, "+x=2(b) ");
	show(d, "a", "x=1");
	expect(d, "+x=1(a) ?b ");
	difference_drop(d, "a");
	expect(d, "~b ");
	CU_ASSERT_TRUE(difference_hollow(d, "b"));
	refill(d, "b", "x=2");
	expect(d, "+x=2(b) ");
	CU_ASSERT_FALSE(difference_hollow(d, "b"));
}

static void test_difference_report__lets_a_wrong_file_keep_what_comes_up_elsewhere(void)
{
	AUTO(difference) struct difference *d = difference_new();

	show(d, "a", "x=1");
	expect(d, "+x=1(a) ");
	show_wrong(d, "a", "");
	show(d, "b", "x=2");
	expect(d, "!a ?b ");
	show(d, "a", "");
	expect(d, "~a +x=2(b) ~b ");
}

static void test_difference_hollow__is_no_wrong_file_for_what_it_does_not_show(void)
{
	AUTO(difference) struct difference *d = difference_new();

	show(d, "b", "x=1 y=1");
	expect(d, "+x=1(b) +y=1(b) ");
	show_wrong(d, "b", "y=1");
	show(d, "a", "x=2");
	expect(d, "+x=2(a) !b ");
	CU_ASSERT_FALSE(difference_hollow(d, "b"));
	difference_drop(d, "a");
	expect(d, "");
	CU_ASSERT_FALSE(difference_hollow(d, "b"));
	show(d, "b", "x=1 y=1");
	expect(d, "+x=1(b) ~b ");
}

/* Shows n Secrets, whose names begin with prefix, in a file that is wrong.  Returns whether an
 * object was deleted by it. */
static bool show_many(struct difference *d, const char *prefix, size_t n)
{
	AUTO(buf) struct buf noted = BUF_INIT(4 * LIMIT_MIB);
	AUTO(manifest)
	struct manifest m = {.objects = xcalloc(n, sizeof(struct object *)), .n = n};
	const struct err wrong = {.code = ERR_INVALID, .msg = "it is wrong"};
	char name[32];

	for (size_t i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "%s%zu", prefix, i);
		m.objects[i] = secret(name, "1");
	}
	difference_show(d, "a", &m, &wrong);
	difference_report(d, directory_event_note, &noted);
	return strstr(buf_text(&noted), " -") != NULL;
}

static void test_difference_show__bounds_what_a_wrong_file_is_remembered_for(void)
{
	AUTO(difference) struct difference *d = difference_new();

	CU_ASSERT_FALSE(show_many(d, "a", LIMIT_MANIFEST_DOCUMENTS / 2));
	CU_ASSERT_FALSE(show_many(d, "b", LIMIT_MANIFEST_DOCUMENTS / 2));
	CU_ASSERT_TRUE(show_many(d, "c", LIMIT_MANIFEST_DOCUMENTS / 2));
}

static void test_difference_show__remembers_the_last_of_many(void)
{
	AUTO(difference) struct difference *d = difference_new();

	CU_ASSERT_FALSE(show_many(d, "a", LIMIT_MANIFEST_DOCUMENTS));
	CU_ASSERT_FALSE(show_many(d, "a", LIMIT_MANIFEST_DOCUMENTS - 1));
}

static void test_difference_settled__is_false_while_a_file_is_hollow(void)
{
	AUTO(difference) struct difference *d = difference_new();

	CU_ASSERT_TRUE(difference_settled(d));
	show(d, "b", "x=1");
	expect(d, "+x=1(b) ");
	show(d, "a", "x=2");
	expect(d, "+x=2(a) ?b ");
	CU_ASSERT_TRUE(difference_hollow(d, "b"));
	CU_ASSERT_FALSE(difference_settled(d));
	refill(d, "b", "x=1");
	expect(d, "");
	CU_ASSERT_TRUE(difference_settled(d));
	CU_ASSERT_FALSE(difference_complete(d));
	difference_drop(d, "a");
	expect(d, "+x=1(b) ~b ");
	CU_ASSERT_TRUE(difference_complete(d));
}

static void test_difference_settled__is_true_where_a_file_is_only_wrong(void)
{
	AUTO(difference) struct difference *d = difference_new();

	show(d, "a", "x=1");
	show_wrong(d, "b", "y=1");
	expect(d, "+x=1(a) +y=1(b) !b ");
	CU_ASSERT_TRUE(difference_settled(d));
	show(d, "a", "x=2");
	expect(d, "+x=2(a) ");
	CU_ASSERT_FALSE(difference_complete(d));
	CU_ASSERT_TRUE(difference_settled(d));
}

static void test_difference_report__hears_of_a_rival_through_a_third_file(void)
{
	AUTO(difference) struct difference *d = difference_new();

	show(d, "a", "x=1");
	show(d, "b", "x=2 y=1");
	show(d, "c", "y=2");
	expect(d, "+x=1(a) +y=1(b) ?b ?c ");
	difference_drop(d, "b");
	expect(d, "~b +y=2(c) ~c ");
	show(d, "c", "x=3 y=2");
	expect(d, "?c ");
	difference_drop(d, "a");
	expect(d, "+x=3(c) ~c ");
	CU_ASSERT_TRUE(difference_complete(d));
}

static void test_difference_report__forgets_what_came_and_went_unreported(void)
{
	AUTO(difference) struct difference *d = difference_new();

	show(d, "a", "x=1");
	difference_drop(d, "a");
	expect(d, "");
	show(d, "a", "x=1");
	show(d, "a", "y=1");
	expect(d, "+y=1(a) ");
	difference_drop(d, "a");
	show(d, "a", "y=1");
	expect(d, "");
}

/* Returns the processor time, in ns, of changes among so many files. */
static int64_t time_of_changes(size_t files)
{
	AUTO(difference) struct difference *d = difference_new();
	AUTO(buf) struct buf noted = BUF_INIT(16 * LIMIT_MIB);
	struct timespec begin = {.tv_sec = 0};
	struct timespec end = {.tv_sec = 0};
	char name[24];
	char text[32];

	for (size_t i = 0; i < files; i++) {
		(void)snprintf(name, sizeof(name), "%zu", i);
		(void)snprintf(text, sizeof(text), "k%zu=0", i);
		show(d, name, text);
	}
	difference_report(d, directory_event_note, &noted);
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
	for (int i = 1; i <= 500; i++) {
		(void)snprintf(text, sizeof(text), "k1=%d", i);
		show(d, "1", text);
		difference_report(d, directory_event_note, &noted);
	}
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
	return (int64_t)(end.tv_sec - begin.tv_sec) * 1000000000 + end.tv_nsec - begin.tv_nsec;
}

/* A walk over all would be a thousand times as much; memory that is not in a cache is not. */
static void test_difference_report__costs_the_same_among_many_files(void)
{
	int64_t few = time_of_changes(10);
	int64_t many = time_of_changes(10000);

	CU_ASSERT_TRUE(many < few * 50);
}

TEST_MAIN("difference", TEST(test_difference_report__applies_what_is_new),
	TEST(test_difference_report__is_silent_where_content_is_the_same),
	TEST(test_difference_report__deletes_last),
	TEST(test_difference_report__does_not_delete_what_moved),
	TEST(test_difference_show__keeps_what_a_wrong_file_no_longer_shows),
	TEST(test_difference_show__complains_once_for_each_content),
	TEST(test_difference_fail__keeps_all_and_complains_once),
	TEST(test_difference_report__gives_a_contested_object_to_the_first_file),
	TEST(test_difference_report__names_both_files_of_a_conflict),
	TEST(test_difference_report__takes_the_first_of_two_in_one_file),
	TEST(test_difference_refill__lets_a_later_file_take_over_again),
	TEST(test_difference_report__keeps_the_state_while_a_hollow_file_is_not_refilled),
	TEST(test_difference_report__lets_a_wrong_file_keep_what_comes_up_elsewhere),
	TEST(test_difference_hollow__is_no_wrong_file_for_what_it_does_not_show),
	TEST(test_difference_show__remembers_the_last_of_many),
	TEST(test_difference_show__bounds_what_a_wrong_file_is_remembered_for),
	TEST(test_difference_settled__is_false_while_a_file_is_hollow),
	TEST(test_difference_settled__is_true_where_a_file_is_only_wrong),
	TEST(test_difference_report__hears_of_a_rival_through_a_third_file),
	TEST(test_difference_report__forgets_what_came_and_went_unreported),
	TEST(test_difference_report__costs_the_same_among_many_files))
