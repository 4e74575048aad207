/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/events.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/limits.h"
#include "tests/unit/test.h"

#define NOW 1795000000
#define DAY "2026-11-18T"

static const struct events_facts programmed = {
	.namespace = "default",
	.name = "header-filter",
	.uid = "6f0c",
	.reason = STATUS_PROGRAMMED,
	.message = "version 52 is served",
	.version = "52",
};

static struct events_facts failed(enum status_reason reason)
{
	struct events_facts facts = programmed;

	facts.reason = reason;
	facts.message = "HTTP 503";
	return facts;
}

/* Judges, and says it: what a server that is there comes to. */
static enum events_verdict say(
	struct events_memory *known, const struct events_facts *facts, int64_t now)
{
	struct events_judgement j = events_judge(known, facts, now);

	events_said(known, &j);
	return j.verdict;
}

static void test_events_judge__says_each_change_once(void)
{
	struct events_memory known = {0};
	struct events_facts facts = failed(STATUS_FETCH_FAILED);

	CU_ASSERT_EQUAL(say(&known, &programmed, NOW), EVENTS_CREATE);
	CU_ASSERT_EQUAL(say(&known, &programmed, NOW), EVENTS_NONE);
	CU_ASSERT_EQUAL(say(&known, &programmed, NOW + 100000), EVENTS_NONE);
	CU_ASSERT_EQUAL(say(&known, &facts, NOW + 100000), EVENTS_CREATE);
	facts.message = "HTTP 502";
	CU_ASSERT_EQUAL(say(&known, &facts, NOW + 100001), EVENTS_NONE);
	events_clear(&known);
}

static void test_events_judge__says_nothing_of_what_is_under_way(void)
{
	static const enum status_reason reasons[] = {
		STATUS_UNKNOWN, STATUS_FETCHING, STATUS_PENDING, STATUS_STALE};
	struct events_memory known = {0};

	CU_ASSERT_EQUAL(say(&known, &programmed, NOW), EVENTS_CREATE);
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		struct events_facts facts = failed(reasons[i]);

		CU_ASSERT_EQUAL(say(&known, &facts, NOW + 1), EVENTS_NONE);
	}
	CU_ASSERT_EQUAL(say(&known, &programmed, NOW + 100), EVENTS_NONE);
	events_clear(&known);
}

static void test_events_judge__says_a_new_version_and_not_the_one_of_before_a_restart(void)
{
	struct events_memory known = {0};
	struct events_facts facts = programmed;

	events_adopt(&known, STATUS_PROGRAMMED);
	CU_ASSERT_EQUAL(say(&known, &facts, NOW), EVENTS_NONE);
	facts.version = "53";
	CU_ASSERT_EQUAL(say(&known, &facts, NOW), EVENTS_CREATE);
	events_clear(&known);
}

static void test_events_judge__counts_what_comes_back(void)
{
	struct events_memory known = {0};
	const struct events_facts facts = failed(STATUS_FETCH_FAILED);
	struct events_judgement j;

	CU_ASSERT_EQUAL(say(&known, &facts, NOW), EVENTS_CREATE);
	CU_ASSERT_EQUAL(say(&known, &programmed, NOW + 10), EVENTS_CREATE);
	/* too soon after: it is counted, and sent with the next one */
	CU_ASSERT_EQUAL(say(&known, &facts, NOW + 20), EVENTS_NONE);
	CU_ASSERT_EQUAL(say(&known, &programmed, NOW + 90), EVENTS_REPEAT);
	j = events_judge(&known, &facts, NOW + 100);
	CU_ASSERT_EQUAL(j.verdict, EVENTS_REPEAT);
	CU_ASSERT_EQUAL(j.slot.count, 3);
	CU_ASSERT_EQUAL(j.slot.made_at, NOW);
	/* what was not sent is judged the same again */
	j = events_judge(&known, &facts, NOW + 200);
	CU_ASSERT_EQUAL(j.slot.count, 3);
	/* after an hour it is another Event */
	CU_ASSERT_EQUAL(say(&known, &facts, NOW + 3600), EVENTS_CREATE);
	events_clear(&known);
}

static void test_events_judge__makes_few_in_an_hour_whatever_happens(void)
{
	for (unsigned seed = 1; seed <= 50; seed++) {
		struct events_memory known = {0};
		unsigned random = seed, made = 0, sent = 0;

		for (int64_t now = NOW; now < NOW + 3600; now += 5) {
			struct events_facts facts;

			random = random * 1103515245U + 12345U;
			facts = failed((enum status_reason)((random >> 8) % STATUS_REASONS));
			made += events_judge(&known, &facts, now).verdict == EVENTS_CREATE;
			sent += say(&known, &facts, now) != EVENTS_NONE;
			CU_ASSERT(known.n <= LIMIT_EVENTS_AN_HOUR);
		}
		CU_ASSERT_EQUAL(made, LIMIT_EVENTS_AN_HOUR);
		CU_ASSERT(made <= 10);
		CU_ASSERT(sent <= LIMIT_EVENTS_AN_HOUR * 61);
		events_clear(&known);
		CU_ASSERT_PTR_NULL(known.slots);
	}
}

static void test_events_forget__makes_another_next_time(void)
{
	struct events_memory known = {0};
	const struct events_facts facts = failed(STATUS_DENIED);
	struct events_judgement j;

	CU_ASSERT_EQUAL(say(&known, &facts, NOW), EVENTS_CREATE);
	CU_ASSERT_EQUAL(say(&known, &programmed, NOW), EVENTS_CREATE);
	j = events_judge(&known, &facts, NOW + 100);
	CU_ASSERT_EQUAL(j.verdict, EVENTS_REPEAT);
	events_forget(&known, &j.slot);
	CU_ASSERT_EQUAL(say(&known, &facts, NOW + 100), EVENTS_CREATE);
	CU_ASSERT_EQUAL(known.n, 2);
	events_clear(&known);
}

static void test_events_is_warning__is_only_the_unexpected(void)
{
	CU_ASSERT_FALSE(events_is_warning(STATUS_PROGRAMMED));
	CU_ASSERT_FALSE(events_is_warning(STATUS_SUSPENDED));
	CU_ASSERT_TRUE(events_is_warning(STATUS_FETCH_FAILED));
	CU_ASSERT_TRUE(events_is_warning(STATUS_PROXY_REFUSED));
	CU_ASSERT_TRUE(events_is_warning(STATUS_INVALID));
}

static void test_events_create__says_who_what_and_why(void)
{
	const struct events_facts facts = failed(STATUS_FETCH_FAILED);
	struct events_memory known = {0};
	struct events_judgement j = events_judge(&known, &facts, NOW);
	AUTO(buf) struct buf body = BUF_INIT(LIMIT_MIB);
	AUTO(free) char *path = events_path(&facts, &j.slot);
	AUTO(free) char *all = events_path(&facts, NULL);
	const char *name = strrchr(path, '/') + 1;
	struct err err;

	CU_ASSERT_STRING_EQUAL(all, "/apis/events.k8s.io/v1/namespaces/default/events");
	CU_ASSERT_EQUAL(strncmp(path, all, strlen(all)), 0);
	CU_ASSERT_EQUAL(strncmp(name, "header-filter.", 14), 0);
	CU_ASSERT_EQUAL(strspn(name + 14, "0123456789abcdef"), 16);
	CU_ASSERT_EQUAL_FATAL(events_create(&body, &facts, &j.slot, "pod-1", &err), 0);
	ASSERT_HAS(buf_text(&body), name);
	ASSERT_HAS(buf_text(&body), "\"eventTime\":\"" DAY);
	ASSERT_HAS(buf_text(&body),
		"\"reportingController\":\"wasmxds.tetrate.io/controller\","
		"\"reportingInstance\":\"pod-1\",\"action\":\"Reconcile\","
		"\"reason\":\"FetchFailed\",\"regarding\":{\"apiVersion\":"
		"\"wasmxds.tetrate.io/v1alpha1\",\"kind\":\"WasmExtension\","
		"\"namespace\":\"default\",\"name\":\"header-filter\",\"uid\":\"6f0c\"},"
		"\"note\":\"HTTP 503\",\"type\":\"Warning\"}");
}

static void test_events_create__is_bounded_and_a_legal_name(void)
{
	char name[LIMIT_NAME_BYTES + 1], message[4096];
	struct events_facts facts = failed(STATUS_FETCH_FAILED);
	struct events_memory known = {0};
	struct events_judgement j = events_judge(&known, &facts, NOW);
	AUTO(buf) struct buf body = BUF_INIT(LIMIT_MIB);
	AUTO(free) char *path = NULL;
	const char *own;
	struct err err;

	memset(name, 'a', sizeof(name));
	memset(name + 190, '-', 20);
	name[sizeof(name) - 1] = '\0';
	memset(message, 'm', sizeof(message));
	message[sizeof(message) - 1] = '\0';
	facts.name = name;
	facts.message = message;
	path = events_path(&facts, &j.slot);
	own = strrchr(path, '/') + 1;
	CU_ASSERT_EQUAL(strlen(own), 190 + 1 + 16);
	CU_ASSERT_EQUAL(own[189], 'a');
	CU_ASSERT_EQUAL(own[190], '.');
	CU_ASSERT_EQUAL_FATAL(events_create(&body, &facts, &j.slot, message, &err), 0);
	own = strstr(buf_text(&body), "\"note\":\"") + 8;
	CU_ASSERT(strcspn(own, "\"") <= LIMIT_EVENT_NOTE_BYTES);
	own = strstr(buf_text(&body), "Instance\":\"") + 11;
	CU_ASSERT(strcspn(own, "\"") <= 128);
}

static void test_events_path__differs_by_object_reason_and_hour(void)
{
	const struct events_slot slots[] = {{NOW, NOW, 1, STATUS_DENIED},
		{NOW + 1, NOW, 1, STATUS_DENIED}, {NOW, NOW, 1, STATUS_NOT_FOUND}};
	const struct events_slot later = {NOW, NOW + 9, 7, STATUS_DENIED};
	struct events_facts other = programmed;
	AUTO(free) char *first = events_path(&programmed, &slots[0]);
	AUTO(free) char *same = events_path(&programmed, &later);
	AUTO(free) char *recreated = NULL;

	other.uid = "7a";
	recreated = events_path(&other, &slots[0]);
	CU_ASSERT_STRING_EQUAL(first, same);
	CU_ASSERT_STRING_NOT_EQUAL(first, recreated);
	for (size_t i = 1; i < 3; i++) {
		AUTO(free) char *path = events_path(&programmed, &slots[i]);

		CU_ASSERT_STRING_NOT_EQUAL(first, path);
	}
}

static void test_events_repeat__raises_the_count(void)
{
	const struct events_slot slot = {NOW, NOW + 60, 3, STATUS_DENIED};
	AUTO(buf) struct buf body = BUF_INIT(4096);
	struct err err;

	CU_ASSERT_EQUAL_FATAL(events_repeat(&body, &slot, &err), 0);
	ASSERT_HAS(buf_text(&body), "{\"series\":{\"count\":3,\"lastObservedTime\":\"" DAY);
	ASSERT_HAS(buf_text(&body), ".000000Z\"}}");
}

TEST_MAIN("events", TEST(test_events_judge__says_each_change_once),
	TEST(test_events_judge__says_nothing_of_what_is_under_way),
	TEST(test_events_judge__says_a_new_version_and_not_the_one_of_before_a_restart),
	TEST(test_events_judge__counts_what_comes_back),
	TEST(test_events_judge__makes_few_in_an_hour_whatever_happens),
	TEST(test_events_forget__makes_another_next_time),
	TEST(test_events_is_warning__is_only_the_unexpected),
	TEST(test_events_create__says_who_what_and_why),
	TEST(test_events_create__is_bounded_and_a_legal_name),
	TEST(test_events_path__differs_by_object_reason_and_hour),
	TEST(test_events_repeat__raises_the_count))
