/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/watch_reader.h"

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"
#include "tests/unit/watch_answers.h"

static int take(struct watch_reader *r, const char *bytes, const char *given, struct err *err)
{
	AUTO(buf) struct buf noted = BUF_INIT(LIMIT_MIB);
	int rc = watch_reader_take(r, bytes, strlen(bytes), watch_event_note, &noted, err);

	CU_ASSERT_STRING_EQUAL(buf_text(&noted), given);
	return rc;
}

/* Takes a whole page. */
static void take_page(struct watch_reader *r, const char *page, const char *given)
{
	struct err err;

	watch_reader_begin_page(r);
	CU_ASSERT_EQUAL(take(r, page, given, &err), 0);
	CU_ASSERT_EQUAL(watch_reader_end_page(r, &err), 0);
	watch_reader_drop(r);
}

static int end_list(struct watch_reader *r, const char *given, struct err *err)
{
	AUTO(buf) struct buf noted = BUF_INIT(LIMIT_MIB);
	int rc = watch_reader_end_list(r, watch_event_note, &noted, err);

	CU_ASSERT_STRING_EQUAL(buf_text(&noted), given);
	return rc;
}

/* Lists a and b at r1, and begins a watch from there. */
static void list_two(struct watch_reader *r)
{
	struct err err;

	watch_reader_init(r);
	take_page(r, LIST("r1", "", OBJECT("a", "1") "," OBJECT("b", "2")), "+n/a@1 +n/b@2 ");
	CU_ASSERT_EQUAL(end_list(r, "", &err), 0);
	CU_ASSERT_STRING_EQUAL(r->version, "r1");
	CU_ASSERT_PTR_NULL(r->token);
	watch_reader_begin_watch(r);
}

static void test_watch_reader_end_page__says_where_the_list_goes_on(void)
{
	AUTO(watch_reader) struct watch_reader r;
	struct err err;

	watch_reader_init(&r);
	take_page(&r, LIST("r1", "t", OBJECT("a", "1")), "+n/a@1 ");
	CU_ASSERT_STRING_EQUAL(r.token, "t");
	watch_reader_begin_page(&r);
	CU_ASSERT_EQUAL(take(&r, "{\"items\":[]}", "", &err), 0);
	CU_ASSERT_EQUAL(watch_reader_end_page(&r, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	watch_reader_drop(&r);
	CU_ASSERT_STRING_EQUAL(r.token, "t");
	take_page(&r, LIST("r1", "", OBJECT("b", "2")), "+n/b@2 ");
	CU_ASSERT_PTR_NULL(r.token);
	CU_ASSERT_EQUAL(end_list(&r, "", &err), 0);
}

static void test_watch_reader_end_list__gives_what_no_page_had(void)
{
	AUTO(watch_reader) struct watch_reader r;
	struct err err;

	list_two(&r);
	watch_reader_rewind(&r);
	CU_ASSERT_PTR_NULL(r.version);
	take_page(&r, LIST("r2", "t", OBJECT("c", "3")), "+n/c@3 ");
	take_page(&r, LIST("r2", "", OBJECT("a", "1")), "");
	CU_ASSERT_EQUAL(end_list(&r, "-n/b ", &err), 0);
}

static void test_watch_reader_end_list__gives_nothing_where_an_item_does_not_say_which_it_is(void)
{
	AUTO(watch_reader) struct watch_reader r;
	struct err err;

	list_two(&r);
	watch_reader_rewind(&r);
	take_page(&r, LIST("r2", "", "{}," SPOILED("a", "3") ",{\"a\":1e999}"), "?n/a@3 ");
	CU_ASSERT_EQUAL(end_list(&r, "", &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, "2 objects cannot be read, the first: an object without name");
	watch_reader_rewind(&r);
	take_page(&r, LIST("r3", "", OBJECT("a", "3")), "");
	CU_ASSERT_EQUAL(end_list(&r, "-n/b ", &err), 0);
}

static void test_watch_reader_take__follows_events_and_bookmarks(void)
{
	static const struct {
		const char *line, *given, *version;
	} cases[] = {
		{EVENT("ADDED", "c", "3"), "+n/c@3 ", "3"},
		{EVENT("MODIFIED", "c", "3"), "", "3"},
		{BOOKMARK("b4"), "", "b4"},
		{EVENT("DELETED", "c", "5"), "-n/c ", "5"},
		{EVENT("DELETED", "c", "6"), "", "6"},
		{"\n" SPOILED_EVENT("MODIFIED", "a", "7"), "?n/a@7 ", "7"},
	};
	AUTO(watch_reader) struct watch_reader r;
	struct err err;

	list_two(&r);
	CU_ASSERT_FALSE(r.outcome.moved);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CU_ASSERT_EQUAL(take(&r, cases[i].line, cases[i].given, &err), 0);
		CU_ASSERT_STRING_EQUAL(r.version, cases[i].version);
		CU_ASSERT_TRUE(r.outcome.moved);
	}
}

static void test_watch_reader_take__says_how_the_server_ended_the_watch(void)
{
	static const struct {
		const char *status;
		long code;
		int64_t retry_after_ms;
	} cases[] = {
		{"{\"code\":410}", 410, 0},
		{"{\"code\":429,\"details\":{\"retryAfterSeconds\":9}}", 429, 9000},
		{"{\"details\":{\"retryAfterSeconds\":-1}}", 500, 0},
		{"{\"code\":\"410\",\"details\":{\"retryAfterSeconds\":99999999}}", 500,
			LIMIT_KUBE_RETRY_AFTER_MS},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(watch_reader) struct watch_reader r;
		AUTO(free)
		char *line = xasprintf("{\"type\":\"ERROR\",\"object\":%s}\n", cases[i].status);
		struct err err;

		list_two(&r);
		CU_ASSERT_EQUAL(take(&r, line, "", &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_TRANSIENT);
		CU_ASSERT_EQUAL(r.outcome.ended_by, cases[i].code);
		CU_ASSERT_EQUAL(r.outcome.retry_after_ms, cases[i].retry_after_ms);
		CU_ASSERT_FALSE(r.outcome.spoiled);
		CU_ASSERT_STRING_EQUAL(r.version, "r1");
	}
}

static void test_watch_reader_take__is_spoiled_by_what_is_no_event(void)
{
	AUTO(watch_reader) struct watch_reader r;
	struct err err;

	list_two(&r);
	CU_ASSERT_EQUAL(
		take(&r, EVENT("ADDED", "c", "3") "[]\n" BOOKMARK("b4"), "+n/c@3 ", &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	CU_ASSERT_TRUE(r.outcome.spoiled);
	CU_ASSERT_EQUAL(r.outcome.ended_by, 0);
	CU_ASSERT_STRING_EQUAL(r.version, "3");
}

static void test_watch_reader_drop__leaves_no_half_line_to_the_next_watch(void)
{
	AUTO(watch_reader) struct watch_reader r;
	struct err err;

	list_two(&r);
	CU_ASSERT_EQUAL(take(&r, BOOKMARK("b2") "{\"type\":", "", &err), 0);
	watch_reader_drop(&r);
	CU_ASSERT_TRUE(r.outcome.moved);
	CU_ASSERT_STRING_EQUAL(r.version, "b2");
	watch_reader_begin_watch(&r);
	CU_ASSERT_FALSE(r.outcome.moved);
	CU_ASSERT_EQUAL(take(&r, EVENT("DELETED", "a", "3"), "-n/a ", &err), 0);
}

TEST_MAIN("watch_reader", TEST(test_watch_reader_end_page__says_where_the_list_goes_on),
	TEST(test_watch_reader_end_list__gives_what_no_page_had),
	TEST(test_watch_reader_end_list__gives_nothing_where_an_item_does_not_say_which_it_is),
	TEST(test_watch_reader_take__follows_events_and_bookmarks),
	TEST(test_watch_reader_take__says_how_the_server_ended_the_watch),
	TEST(test_watch_reader_take__is_spoiled_by_what_is_no_event),
	TEST(test_watch_reader_drop__leaves_no_half_line_to_the_next_watch))
