/* SPDX-License-Identifier: Apache-2.0 */
/* What xds/stream.c promises to State-of-the-World clients alone. */
#include "tests/unit/stream_fixture.h"
#include "tests/unit/test.h"

static void begin(struct client *c)
{
	client_begin(c, STREAM_SOTW);
	client_publish(c, "a/1", "01");
	client_publish(c, "a/2", "02");
	client_publish(c, "a/3", "03");
}

/* Has a client run all of names. */
static void run(struct client *c, const char *names)
{
	client_want(c, names);
	while (client_take(c)[0] != '\0')
		;
}

static void test_stream_next__awaits_one_response_at_a_time(void)
{
	struct client c;

	begin(&c);
	client_want(&c, "a/1,a/2");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "a/1 01");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	client_accept(&c);
	CU_ASSERT_STRING_EQUAL(client_next(&c), "a/2 02");
	client_refuse(&c, "no");
	CU_ASSERT_STRING_EQUAL(c.verdict.name, "a/2");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	client_end(&c);
}

/* On ADS the second request may come before the first answer, with neither version nor nonce. */
static void test_stream_on_request__takes_a_grown_list_before_the_first_answer(void)
{
	struct client c;

	begin(&c);
	client_want(&c, "a/1");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "a/1 01");
	client_want(&c, "a/2,a/1");
	CU_ASSERT_EQUAL(c.verdict.kind, STREAM_NO_VERDICT);
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	client_accept(&c);
	CU_ASSERT_EQUAL(c.verdict.kind, STREAM_ACK);
	CU_ASSERT_STRING_EQUAL(client_take(&c), "a/2 02");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	client_end(&c);
}

static void test_stream_next__sends_a_grown_list_what_is_new(void)
{
	struct client c;

	begin(&c);
	run(&c, "a/1");
	client_ask(
		&c, &(struct ask){
			    .names = "a/3,a/1", .version = c.accepted, .nonce = c.response.nonce});
	CU_ASSERT_STRING_EQUAL(client_take(&c), "a/3 03");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	client_end(&c);
}

static void test_stream_next__forgets_what_a_shrunk_list_left_out(void)
{
	struct client c;

	begin(&c);
	run(&c, "a/1,a/2");
	client_want(&c, "a/1");
	client_publish(&c, "a/2", "22");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	client_publish(&c, "a/1", "11");
	CU_ASSERT_STRING_EQUAL(client_take(&c), "a/1 11");
	client_want(&c, "");
	client_publish(&c, "a/1", "12");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	CU_ASSERT_EQUAL(c.stream.subscriptions.n, 0);
	client_end(&c);
}

static void test_stream_next__sends_again_what_is_asked_for_again(void)
{
	struct client c;

	begin(&c);
	run(&c, "a/1,a/2");
	client_want(&c, "a/1");
	client_want(&c, "a/1,a/2");
	CU_ASSERT_STRING_EQUAL(client_take(&c), "a/2 02");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	client_end(&c);
}

static void test_stream_on_request__reads_a_verdict_that_also_drops_the_name(void)
{
	struct client c;

	begin(&c);
	client_want(&c, "a/1,a/2");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "a/1 01");
	client_ask(&c, &(struct ask){.names = "a/2", .nonce = c.response.nonce, .refuses = "no"});
	CU_ASSERT_EQUAL(c.verdict.kind, STREAM_NACK);
	CU_ASSERT_STRING_EQUAL(c.verdict.name, "a/1");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "a/2 02");
	client_end(&c);
}

static void test_stream_on_request__awaits_no_answer_about_a_dropped_name(void)
{
	struct client c;
	char first[sizeof(c.response.nonce)];

	begin(&c);
	client_want(&c, "a/1,a/2");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "a/1 01");
	memcpy(first, c.response.nonce, sizeof(first));
	client_want(&c, "a/2");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "a/2 02");
	client_ask(&c, &(struct ask){.names = "a/2", .nonce = first});
	CU_ASSERT_EQUAL(c.verdict.kind, STREAM_NO_VERDICT);
	client_accept(&c);
	CU_ASSERT_EQUAL(c.verdict.kind, STREAM_ACK);
	CU_ASSERT_STRING_EQUAL(c.verdict.name, "a/2");
	client_end(&c);
}

static void test_stream_on_request__counts_a_name_twice_as_one(void)
{
	struct client c;

	begin(&c);
	client_want(&c, "a/1,a/1");
	CU_ASSERT_EQUAL(c.stream.subscriptions.n, 1);
	CU_ASSERT_STRING_EQUAL(client_take(&c), "a/1 01");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	client_end(&c);
}

static void test_stream_next__sends_nothing_to_who_comes_back_with_one_name(void)
{
	struct client c;

	begin(&c);
	run(&c, "a/1");
	client_reconnect(&c);
	client_ask(&c, &(struct ask){.names = "a/1", .version = c.accepted});
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	client_publish(&c, "a/1", "11");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "a/1 11");
	client_end(&c);
}

static void test_stream_next__sends_nothing_to_who_comes_back_with_several(void)
{
	static const char *const orders[] = {"a/1,a/2,a/3", "a/3,a/1,a/2", "a/2,a/3,a/1"};
	struct client c;

	begin(&c);
	run(&c, "a/1,a/2,a/3");
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		client_reconnect(&c);
		client_ask(&c, &(struct ask){.names = orders[i], .version = c.accepted});
		CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	}
	client_publish(&c, "a/2", "22");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "a/2 22");
	client_end(&c);
}

static void test_stream_next__recognises_a_client_whose_name_is_unknown_still(void)
{
	struct client c;

	begin(&c);
	run(&c, "a/1,a/9,a/2");
	client_reconnect(&c);
	client_ask(&c, &(struct ask){.names = "a/9,a/1,a/2", .version = c.accepted});
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	client_publish(&c, "a/9", "09");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "a/9 09");
	client_end(&c);
}

static void test_stream_next__recognises_a_client_that_refused_one_of_several(void)
{
	struct client c;

	begin(&c);
	client_want(&c, "a/1,a/2");
	(void)client_next(&c);
	client_refuse(&c, "no");
	CU_ASSERT_STRING_EQUAL(client_take(&c), "a/2 02");
	client_reconnect(&c);
	client_ask(&c, &(struct ask){.names = "a/1,a/2", .version = c.accepted});
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	client_end(&c);
}

static void test_stream_next__sends_all_to_who_comes_back_with_something_older(void)
{
	struct client c;

	begin(&c);
	run(&c, "a/1,a/2");
	client_publish(&c, "a/2", "22");
	client_reconnect(&c);
	client_ask(&c, &(struct ask){.names = "a/1,a/2", .version = c.accepted});
	CU_ASSERT_STRING_EQUAL(client_take(&c), "a/1 01");
	CU_ASSERT_STRING_EQUAL(client_take(&c), "a/2 22");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	client_reconnect(&c);
	client_ask(&c, &(struct ask){.names = "a/2", .version = "02"});
	CU_ASSERT_STRING_EQUAL(client_take(&c), "a/2 22");
	client_end(&c);
}

/* With one name, version_info was that name's version alone. */
static void test_stream_next__sends_all_to_who_comes_back_with_more_names(void)
{
	static const char *const versions[] = {"01", "02"};
	struct client c;

	begin(&c);
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		client_reconnect(&c);
		client_ask(&c, &(struct ask){.names = "a/1,a/2", .version = versions[i]});
		CU_ASSERT_STRING_EQUAL(client_take(&c), "a/1 01");
		CU_ASSERT_STRING_EQUAL(client_take(&c), "a/2 02");
		CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	}
	client_end(&c);
}

static void test_stream_next__does_not_believe_the_version_of_a_later_request(void)
{
	struct client c;

	begin(&c);
	client_want(&c, "a/1");
	client_ask(&c, &(struct ask){.names = "a/1", .version = "01"});
	CU_ASSERT_STRING_EQUAL(client_next(&c), "a/1 01");
	client_reconnect(&c);
	client_ask(&c, &(struct ask){.names = "a/1", .version = "01", .nonce = "1"});
	CU_ASSERT_STRING_EQUAL(client_next(&c), "a/1 01");
	client_end(&c);
}

/* Runs names in this order and keeps the version_info that comes of it. */
static void version_after(const char *names, char out[DIGEST_HEX_LEN + 1])
{
	struct client c;

	begin(&c);
	run(&c, names);
	memcpy(out, c.accepted, DIGEST_HEX_LEN + 1);
	client_end(&c);
}

static void test_stream_sent__gives_one_version_to_several_in_any_order(void)
{
	char one[DIGEST_HEX_LEN + 1];
	char other[DIGEST_HEX_LEN + 1];

	version_after("a/1,a/2,a/3", one);
	version_after("a/3,a/1,a/2", other);
	CU_ASSERT_STRING_NOT_EQUAL(one, "");
	CU_ASSERT_STRING_EQUAL(one, other);
	version_after("a/1,a/2", other);
	CU_ASSERT_STRING_NOT_EQUAL(one, other);
}

static void test_stream_sent__tells_which_name_has_which_version(void)
{
	char before[DIGEST_HEX_LEN + 1];
	struct client c;

	begin(&c);
	run(&c, "a/1,a/2");
	memcpy(before, c.accepted, sizeof(before));
	client_publish(&c, "a/1", "02");
	client_publish(&c, "a/2", "01");
	while (client_take(&c)[0] != '\0')
		;
	CU_ASSERT_STRING_NOT_EQUAL(c.accepted, before);
	client_end(&c);
}

static void test_stream_sent__gives_a_version_that_updates_change_and_undo(void)
{
	char before[DIGEST_HEX_LEN + 1];
	struct client c;

	begin(&c);
	run(&c, "a/1,a/2");
	memcpy(before, c.accepted, sizeof(before));
	client_publish(&c, "a/1", "11");
	(void)client_take(&c);
	CU_ASSERT_STRING_NOT_EQUAL(c.accepted, before);
	client_publish(&c, "a/1", "01");
	(void)client_take(&c);
	CU_ASSERT_STRING_EQUAL(c.accepted, before);
	client_end(&c);
}

TEST_MAIN("stream_sotw", TEST(test_stream_next__awaits_one_response_at_a_time),
	TEST(test_stream_on_request__takes_a_grown_list_before_the_first_answer),
	TEST(test_stream_next__sends_a_grown_list_what_is_new),
	TEST(test_stream_next__forgets_what_a_shrunk_list_left_out),
	TEST(test_stream_next__sends_again_what_is_asked_for_again),
	TEST(test_stream_on_request__reads_a_verdict_that_also_drops_the_name),
	TEST(test_stream_on_request__awaits_no_answer_about_a_dropped_name),
	TEST(test_stream_on_request__counts_a_name_twice_as_one),
	TEST(test_stream_next__sends_nothing_to_who_comes_back_with_one_name),
	TEST(test_stream_next__sends_nothing_to_who_comes_back_with_several),
	TEST(test_stream_next__recognises_a_client_whose_name_is_unknown_still),
	TEST(test_stream_next__recognises_a_client_that_refused_one_of_several),
	TEST(test_stream_next__sends_all_to_who_comes_back_with_something_older),
	TEST(test_stream_next__sends_all_to_who_comes_back_with_more_names),
	TEST(test_stream_next__does_not_believe_the_version_of_a_later_request),
	TEST(test_stream_sent__gives_one_version_to_several_in_any_order),
	TEST(test_stream_sent__tells_which_name_has_which_version),
	TEST(test_stream_sent__gives_a_version_that_updates_change_and_undo))
