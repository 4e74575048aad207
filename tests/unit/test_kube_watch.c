/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/watch.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"
#include "tests/unit/watch_answers.h"

#define PATH "/api/v1/secrets"
#define LIST_1 PATH "?limit=500"
#define WATCH_FROM(version) \
	PATH "?watch=true&allowWatchBookmarks=true&timeoutSeconds=240&resourceVersion=" version

/* A watch under test, and what it gave. */
struct rig {
	struct watch *watch;
	struct buf noted;
	struct err err; /* of the last request */
	int64_t now;
	uint32_t random;
	size_t part; /* bytes in each portion of an answer */
};

static void rig_open(struct rig *r, const char *name)
{
	*r = (struct rig){
		.watch = watch_new(PATH, name), .noted = BUF_INIT(LIMIT_MIB), .part = SIZE_MAX};
}

static void auto_rig(struct rig *r)
{
	watch_free(r->watch);
	buf_clear(&r->noted);
}

static void note(void *arg, struct watch_event *event)
{
	struct rig *r = arg;

	watch_event_note(&r->noted, event);
}

/* Expects that a request is due now, and which. */
static void expect_ask(struct rig *r, const char *path)
{
	AUTO(free) char *asked = NULL;

	CU_ASSERT_TRUE(watch_due(r->watch) <= r->now);
	asked = watch_ask(r->watch, r->now, r->random);
	if (strcmp(asked, path) != 0)
		printf("\n  wanted %s\n  asked  %s\n", path, asked);
	CU_ASSERT_STRING_EQUAL(asked, path);
	CU_ASSERT_EQUAL(watch_due(r->watch), INT64_MAX);
}

static int end(struct rig *r, long status, const struct err *why, int64_t retry_after_ms)
{
	const struct watch_end how = {.status = status,
		.why = why,
		.retry_after_ms = retry_after_ms,
		.now = r->now,
		.random = r->random};

	r->err = (struct err){.code = ERR_NONE};
	return watch_end(r->watch, &how, note, r, &r->err);
}

/* An answer comes in portions; -1 is where watch_take() wanted no more, as a client tells. */
static int take(struct rig *r, const char *body)
{
	size_t len = strlen(body);

	for (size_t at = 0; at < len;) {
		size_t n = len - at < r->part ? len - at : r->part;
		AUTO(free) char *exact = xmalloc(n);

		memcpy(exact, body + at, n);
		if (watch_take(r->watch, exact, n, note, r, &r->err) < 0)
			return -1;
		at += n;
	}
	return 0;
}

static int answer(struct rig *r, const char *body)
{
	if (take(r, body) < 0) {
		struct err why = r->err;

		return end(r, 200, &why, 0);
	}
	return end(r, 200, NULL, 0);
}

/* The connection fails behind what came of an answer. */
static int cut(struct rig *r, const char *body)
{
	struct err why = {.code = ERR_TRANSIENT, .msg = "connection lost"};

	CU_ASSERT_EQUAL(take(r, body), 0);
	return end(r, body[0] ? 200 : 0, &why, 0);
}

static int refuse(struct rig *r, long status, int64_t retry_after_ms)
{
	struct err why = {.code = ERR_TRANSIENT, .msg = "the server says no"};

	return end(r, status, &why, retry_after_ms);
}

static void expect_given(struct rig *r, const char *events)
{
	if (strcmp(buf_text(&r->noted), events) != 0)
		printf("\n  wanted \"%s\", got \"%s\" %s\n", events, buf_text(&r->noted),
			r->err.msg);
	CU_ASSERT_STRING_EQUAL(buf_text(&r->noted), events);
	buf_clear(&r->noted);
}

/* How long until the next request. */
static int64_t wait_of(const struct rig *r)
{
	return watch_due(r->watch) - r->now;
}

/* Lists a and b at r1, so that a watch from there is due. */
static void list_two(struct rig *r)
{
	expect_ask(r, LIST_1);
	CU_ASSERT_EQUAL(answer(r, LIST("r1", "", OBJECT("a", "1") "," OBJECT("b", "2"))), 0);
	expect_given(r, "+n/a@1 +n/b@2 ");
}

static void test_watch__lists_page_by_page_then_watches(void)
{
	AUTO(rig) struct rig r;

	rig_open(&r, NULL);
	CU_ASSERT_FALSE(watch_synced(r.watch));
	expect_ask(&r, LIST_1);
	CU_ASSERT_FALSE(watch_streams(r.watch));
	CU_ASSERT_EQUAL(answer(&r, LIST("r1", "t/1=", OBJECT("a", "1"))), 0);
	CU_ASSERT_FALSE(watch_synced(r.watch));
	expect_ask(&r, LIST_1 "&continue=t%2F1%3D");
	CU_ASSERT_EQUAL(answer(&r, LIST("r1", "", OBJECT("b", "2"))), 0);
	CU_ASSERT_TRUE(watch_synced(r.watch));
	expect_given(&r, "+n/a@1 +n/b@2 ");
	expect_ask(&r, WATCH_FROM("r1"));
	CU_ASSERT_TRUE(watch_streams(r.watch));
}

static void test_watch__asks_for_one_object_by_a_field_selector(void)
{
	AUTO(rig) struct rig r;

	rig_open(&r, "my.secret");
	expect_ask(&r, LIST_1 "&fieldSelector=metadata.name%3Dmy.secret");
	CU_ASSERT_EQUAL(answer(&r, LIST("r 1", "")), 0);
	expect_ask(&r, WATCH_FROM("r%201") "&fieldSelector=metadata.name%3Dmy.secret");
}

static void test_watch_take__gives_events_in_any_cut(void)
{
	static const char events[] = EVENT("ADDED", "c", "3") BOOKMARK("b4")
		EVENT("MODIFIED", "a", "5") EVENT("DELETED", "b", "6");

	for (size_t part = 1; part < sizeof(events); part += part < 8 ? 1 : 13) {
		AUTO(rig) struct rig r;

		rig_open(&r, NULL);
		r.part = part;
		list_two(&r);
		expect_ask(&r, WATCH_FROM("r1"));
		CU_ASSERT_EQUAL(answer(&r, events), 0);
		expect_given(&r, "+n/c@3 +n/a@5 -n/b ");
		expect_ask(&r, WATCH_FROM("6"));
	}
}

static void test_watch_end__goes_on_without_a_list_after_a_normal_end(void)
{
	AUTO(rig) struct rig r;

	rig_open(&r, NULL);
	list_two(&r);
	for (int i = 0; i < 50; i++) {
		expect_ask(&r, i == 0 ? WATCH_FROM("r1") : WATCH_FROM("b2"));
		CU_ASSERT_EQUAL(answer(&r, BOOKMARK("b2")), 0);
		expect_given(&r, "");
	}
}

static void test_watch_end__goes_on_without_a_list_where_it_was_cut(void)
{
	static const char events[] = EVENT("MODIFIED", "a", "3") EVENT("DELETED", "b", "4");
	const size_t whole = strlen(EVENT("MODIFIED", "a", "3"));

	for (size_t at = whole; at + 1 < strlen(events); at++) {
		AUTO(rig) struct rig r;
		AUTO(free) char *part = xstrndup(events, at);

		rig_open(&r, NULL);
		list_two(&r);
		expect_ask(&r, WATCH_FROM("r1"));
		CU_ASSERT_EQUAL(cut(&r, part), 0);
		expect_given(&r, "+n/a@3 ");
		expect_ask(&r, WATCH_FROM("3"));
		CU_ASSERT_EQUAL(answer(&r, EVENT("DELETED", "b", "4")), 0);
		expect_given(&r, "-n/b ");
	}
}

static void test_watch_end__lists_once_when_the_version_is_too_old(void)
{
	for (int by_event = 0; by_event < 2; by_event++) {
		AUTO(rig) struct rig r;

		rig_open(&r, NULL);
		list_two(&r);
		expect_ask(&r, WATCH_FROM("r1"));
		CU_ASSERT_EQUAL(by_event ? answer(&r, ERROR_EVENT("410")) : refuse(&r, 410, 0), 0);
		r.now = watch_due(r.watch);
		expect_ask(&r, LIST_1);
		CU_ASSERT_EQUAL(
			answer(&r, LIST("r9", "", OBJECT("a", "1") "," OBJECT("c", "8"))), 0);
		expect_given(&r, "+n/c@8 -n/b ");
		expect_ask(&r, WATCH_FROM("r9"));
	}
}

static void test_watch_end__starts_the_list_anew_when_its_token_is_too_old(void)
{
	AUTO(rig) struct rig r;

	rig_open(&r, NULL);
	list_two(&r);
	expect_ask(&r, WATCH_FROM("r1"));
	CU_ASSERT_EQUAL(refuse(&r, 410, 0), 0);
	r.now = watch_due(r.watch);
	expect_ask(&r, LIST_1);
	CU_ASSERT_EQUAL(answer(&r, LIST("r2", "t", OBJECT("b", "2"))), 0);
	expect_ask(&r, LIST_1 "&continue=t");
	CU_ASSERT_EQUAL(refuse(&r, 410, 0), 0);
	r.now = watch_due(r.watch);
	expect_ask(&r, LIST_1);
	CU_ASSERT_EQUAL(answer(&r, LIST("r3", "", OBJECT("a", "1"))), 0);
	expect_given(&r, "-n/b ");
	expect_ask(&r, WATCH_FROM("r3"));
}

static void test_watch_end__goes_on_with_the_page_that_failed(void)
{
	AUTO(rig) struct rig r;

	rig_open(&r, NULL);
	expect_ask(&r, LIST_1);
	CU_ASSERT_EQUAL(answer(&r, LIST("r1", "t", OBJECT("a", "1"))), 0);
	expect_ask(&r, LIST_1 "&continue=t");
	CU_ASSERT_EQUAL(cut(&r, "{\"items\":[" OBJECT("b", "2") ",{\"meta"), -1);
	ASSERT_HAS(r.err.msg, "connection lost");
	r.now = watch_due(r.watch);
	expect_ask(&r, LIST_1 "&continue=t");
	CU_ASSERT_EQUAL(refuse(&r, 503, 0), -1);
	r.now = watch_due(r.watch);
	expect_ask(&r, LIST_1 "&continue=t");
	CU_ASSERT_EQUAL(answer(&r, LIST("r1", "", OBJECT("b", "2") "," OBJECT("c", "3"))), 0);
	expect_given(&r, "+n/a@1 +n/b@2 +n/c@3 ");
	CU_ASSERT_TRUE(watch_synced(r.watch));
}

static void test_watch_end__deletes_nothing_for_a_list_that_was_cut(void)
{
	static const char list[] = LIST("r2", "", OBJECT("a", "1"));

	for (size_t at = 1; at + 2 < strlen(list); at++) {
		AUTO(rig) struct rig r;
		AUTO(free) char *part = xstrndup(list, at);

		rig_open(&r, NULL);
		list_two(&r);
		expect_ask(&r, WATCH_FROM("r1"));
		CU_ASSERT_EQUAL(refuse(&r, 410, 0), 0);
		r.now = watch_due(r.watch);
		expect_ask(&r, LIST_1);
		CU_ASSERT_EQUAL(answer(&r, part), -1);
		expect_given(&r, "");
		r.now = watch_due(r.watch);
		expect_ask(&r, LIST_1);
	}
}

static void test_watch_end__waits_longer_each_time_and_no_longer_than_the_ceiling(void)
{
	AUTO(rig) struct rig r;
	int64_t before = 0;

	rig_open(&r, NULL);
	r.random = UINT32_MAX;
	for (int i = 0; i < 12; i++) {
		free(watch_ask(r.watch, r.now, r.random));
		CU_ASSERT_EQUAL(refuse(&r, i % 2 ? 0 : 503, 0), -1);
		CU_ASSERT_TRUE(wait_of(&r) >= before);
		CU_ASSERT_TRUE(wait_of(&r) > 0);
		CU_ASSERT_TRUE(wait_of(&r) <= WATCH_BACKOFF_MS);
		before = wait_of(&r) / 2;
		r.now = watch_due(r.watch);
	}
	CU_ASSERT_TRUE(before >= WATCH_BACKOFF_MS / 4);
}

static void test_watch_end__spreads_its_waits(void)
{
	int64_t waits[2] = {0, 0};

	for (size_t i = 0; i < 2; i++) {
		AUTO(rig) struct rig r;

		rig_open(&r, NULL);
		expect_ask(&r, LIST_1);
		r.random = i == 0 ? 0 : 49;
		CU_ASSERT_EQUAL(refuse(&r, 500, 0), -1);
		waits[i] = wait_of(&r);
	}
	CU_ASSERT_TRUE(waits[0] < waits[1]);
}

static void test_watch_end__waits_as_long_as_the_server_asks(void)
{
	AUTO(rig) struct rig r;

	rig_open(&r, NULL);
	expect_ask(&r, LIST_1);
	CU_ASSERT_EQUAL(refuse(&r, 429, 30000), -1);
	CU_ASSERT_EQUAL(wait_of(&r), 30000);
	r.now = watch_due(r.watch);
	list_two(&r);
	expect_ask(&r, WATCH_FROM("r1"));
	CU_ASSERT_EQUAL(refuse(&r, 429, INT64_MAX), -1);
	CU_ASSERT_EQUAL(wait_of(&r), LIMIT_KUBE_RETRY_AFTER_MS);
	r.now = watch_due(r.watch);
	expect_ask(&r, WATCH_FROM("r1"));
	CU_ASSERT_EQUAL(answer(&r, ERROR_EVENT("429")), -1);
	CU_ASSERT_EQUAL(wait_of(&r), 9000);
	r.now = watch_due(r.watch);
	expect_ask(&r, WATCH_FROM("r1"));
}

static void test_watch_end__lists_when_errors_do_not_stop(void)
{
	AUTO(rig) struct rig r;

	rig_open(&r, NULL);
	list_two(&r);
	for (int i = 0; i < 4; i++) {
		expect_ask(&r, WATCH_FROM("r1"));
		CU_ASSERT_EQUAL(answer(&r, ERROR_EVENT("500")), -1);
		r.now = watch_due(r.watch);
	}
	expect_ask(&r, LIST_1);
}

static void test_watch_end__does_not_hurry_where_a_watch_ends_at_once(void)
{
	AUTO(rig) struct rig r;

	rig_open(&r, NULL);
	list_two(&r);
	r.random = UINT32_MAX;
	for (int i = 0; i < 10; i++) {
		free(watch_ask(r.watch, r.now, r.random));
		CU_ASSERT_EQUAL(answer(&r, ""), 0);
		CU_ASSERT_TRUE(i == 0 || wait_of(&r) >= 50);
		r.now = watch_due(r.watch);
	}
	r.random = 0;
	expect_ask(&r, WATCH_FROM("r1"));
	r.now += 10000;
	CU_ASSERT_EQUAL(answer(&r, ""), 0);
	CU_ASSERT_EQUAL(wait_of(&r), 0);
}

static void test_watch_take__lists_anew_behind_a_line_that_cannot_be_read(void)
{
	static const char *const lines[] = {
		"{\"type\":\n",
		"[]\n",
		"{\"type\":\"ADDED\"}\n",
		"{\"type\":\"ADDED\",\"object\":{}}\n",
		"{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"resourceVersion\":\"1\"}}}\n",
		"{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":7}}}\n",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		AUTO(rig) struct rig r;

		rig_open(&r, NULL);
		list_two(&r);
		expect_ask(&r, WATCH_FROM("r1"));
		CU_ASSERT_EQUAL(answer(&r, lines[i]), -1);
		CU_ASSERT_EQUAL(r.err.code, ERR_INVALID);
		CU_ASSERT_TRUE(wait_of(&r) > 0);
		expect_given(&r, "");
		r.now = watch_due(r.watch);
		expect_ask(&r, LIST_1);
	}
}

static void test_watch_end__deletes_nothing_where_an_item_cannot_be_read(void)
{
	AUTO(rig) struct rig r;

	rig_open(&r, NULL);
	list_two(&r);
	watch_repeat(r.watch);
	expect_ask(&r, LIST_1);
	CU_ASSERT_EQUAL(answer(&r, LIST("r2", "", "{\"a\":1e999}," OBJECT("b", "3"))), -1);
	ASSERT_HAS(r.err.msg, "1 objects cannot be read");
	expect_given(&r, "+n/b@3 ");
	CU_ASSERT_FALSE(watch_synced(r.watch));
	expect_ask(&r, WATCH_FROM("r2"));
	CU_ASSERT_EQUAL(answer(&r, EVENT("DELETED", "a", "4")), 0);
	expect_given(&r, "-n/a ");
}

static void test_watch_end__misses_no_delete_for_an_item_that_only_says_which_it_is(void)
{
	AUTO(rig) struct rig r;

	rig_open(&r, NULL);
	list_two(&r);
	watch_repeat(r.watch);
	expect_ask(&r, LIST_1);
	CU_ASSERT_EQUAL(answer(&r, LIST("r2", "", SPOILED("a", "3"))), 0);
	expect_given(&r, "?n/a@3 -n/b ");
	CU_ASSERT_TRUE(watch_synced(r.watch));
	expect_ask(&r, WATCH_FROM("r2"));
}

static void test_watch_take__goes_on_behind_an_event_that_only_says_of_which(void)
{
	AUTO(rig) struct rig r;

	rig_open(&r, NULL);
	list_two(&r);
	expect_ask(&r, WATCH_FROM("r1"));
	CU_ASSERT_EQUAL(
		answer(&r, SPOILED_EVENT("ADDED", "c", "3") SPOILED_EVENT("MODIFIED", "a", "4")
				   EVENT("MODIFIED", "b", "5") SPOILED_EVENT("DELETED", "c", "6")),
		0);
	expect_given(&r, "?n/c@3 ?n/a@4 +n/b@5 -n/c ");
	expect_ask(&r, WATCH_FROM("6"));
	CU_ASSERT_EQUAL(answer(&r, EVENT("MODIFIED", "a", "7")), 0);
	expect_given(&r, "+n/a@7 ");
}

static void test_watch_repeat__gives_all_again_and_what_went_meanwhile(void)
{
	AUTO(rig) struct rig r;

	rig_open(&r, NULL);
	list_two(&r);
	watch_repeat(r.watch);
	expect_ask(&r, LIST_1);
	CU_ASSERT_EQUAL(answer(&r, LIST("r2", "", OBJECT("a", "1"))), 0);
	expect_given(&r, "+n/a@1 -n/b ");
}

static void test_watch_set_interval__lists_in_place_of_watching(void)
{
	AUTO(rig) struct rig r;

	rig_open(&r, NULL);
	watch_set_interval(r.watch, 10000);
	list_two(&r);
	CU_ASSERT_TRUE(wait_of(&r) >= 5000);
	CU_ASSERT_TRUE(wait_of(&r) <= 10000);
	watch_set_interval(r.watch, 0);
	expect_ask(&r, LIST_1);
	CU_ASSERT_EQUAL(answer(&r, LIST("r2", "", OBJECT("b", "2"))), 0);
	expect_given(&r, "-n/a ");
	expect_ask(&r, WATCH_FROM("r2"));
}

static void test_watch_end__asks_rarely_where_it_is_denied(void)
{
	AUTO(rig) struct rig r;

	rig_open(&r, NULL);
	r.random = UINT32_MAX;
	for (int i = 0; i < 12; i++) {
		free(watch_ask(r.watch, r.now, r.random));
		CU_ASSERT_EQUAL(refuse(&r, 403, 0), -1);
		CU_ASSERT_TRUE(wait_of(&r) <= WATCH_DENIED_MS);
		r.now = watch_due(r.watch);
	}
	free(watch_ask(r.watch, r.now, r.random));
	CU_ASSERT_EQUAL(refuse(&r, 403, 0), -1);
	CU_ASSERT_TRUE(wait_of(&r) > WATCH_BACKOFF_MS);
}

static void test_watch_take__has_a_ceiling_for_a_line(void)
{
	AUTO(rig) struct rig r;
	AUTO(free) char *fill = xmalloc(LIMIT_KUBE_OBJECT_BYTES + 1);

	rig_open(&r, NULL);
	list_two(&r);
	expect_ask(&r, WATCH_FROM("r1"));
	memset(fill, 'x', LIMIT_KUBE_OBJECT_BYTES + 1);
	CU_ASSERT_EQUAL(
		watch_take(r.watch, fill, LIMIT_KUBE_OBJECT_BYTES + 1, note, &r, &r.err), -1);
	CU_ASSERT_EQUAL(r.err.code, ERR_INVALID);
}

TEST_MAIN("kube_watch", TEST(test_watch__lists_page_by_page_then_watches),
	TEST(test_watch__asks_for_one_object_by_a_field_selector),
	TEST(test_watch_take__gives_events_in_any_cut),
	TEST(test_watch_end__goes_on_without_a_list_after_a_normal_end),
	TEST(test_watch_end__goes_on_without_a_list_where_it_was_cut),
	TEST(test_watch_end__lists_once_when_the_version_is_too_old),
	TEST(test_watch_end__starts_the_list_anew_when_its_token_is_too_old),
	TEST(test_watch_end__goes_on_with_the_page_that_failed),
	TEST(test_watch_end__deletes_nothing_for_a_list_that_was_cut),
	TEST(test_watch_end__waits_longer_each_time_and_no_longer_than_the_ceiling),
	TEST(test_watch_end__spreads_its_waits),
	TEST(test_watch_end__waits_as_long_as_the_server_asks),
	TEST(test_watch_end__lists_when_errors_do_not_stop),
	TEST(test_watch_end__does_not_hurry_where_a_watch_ends_at_once),
	TEST(test_watch_take__lists_anew_behind_a_line_that_cannot_be_read),
	TEST(test_watch_end__deletes_nothing_where_an_item_cannot_be_read),
	TEST(test_watch_end__misses_no_delete_for_an_item_that_only_says_which_it_is),
	TEST(test_watch_take__goes_on_behind_an_event_that_only_says_of_which),
	TEST(test_watch_repeat__gives_all_again_and_what_went_meanwhile),
	TEST(test_watch_set_interval__lists_in_place_of_watching),
	TEST(test_watch_end__asks_rarely_where_it_is_denied),
	TEST(test_watch_take__has_a_ceiling_for_a_line))
