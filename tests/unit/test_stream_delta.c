/* SPDX-License-Identifier: Apache-2.0 */
/* What xds/stream.c promises to Delta clients alone. */
#include "tests/unit/stream_fixture.h"
#include "tests/unit/test.h"

#define NONCE_BYTES sizeof(((struct stream_response *)NULL)->nonce)

static void begin(struct client *c)
{
	client_begin(c, STREAM_DELTA);
	client_publish(c, "a/1", "01");
	client_publish(c, "a/2", "02");
	client_publish(c, "a/3", "03");
}

static void test_stream_next__has_several_responses_on_their_way(void)
{
	struct client c;
	char first[NONCE_BYTES];
	char second[NONCE_BYTES];

	begin(&c);
	client_want(&c, "a/1,a/2,a/3");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "a/1 01");
	memcpy(first, c.response.nonce, sizeof(first));
	CU_ASSERT_STRING_EQUAL(client_next(&c), "a/2 02");
	memcpy(second, c.response.nonce, sizeof(second));
	CU_ASSERT_STRING_EQUAL(client_next(&c), "a/3 03");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	CU_ASSERT_STRING_NOT_EQUAL(first, second);
	client_ask(&c, &(struct ask){.nonce = second, .refuses = "no"});
	CU_ASSERT_EQUAL(c.verdict.kind, STREAM_NACK);
	CU_ASSERT_STRING_EQUAL(c.verdict.name, "a/2");
	client_ask(&c, &(struct ask){.nonce = first});
	CU_ASSERT_EQUAL(c.verdict.kind, STREAM_ACK);
	CU_ASSERT_STRING_EQUAL(c.verdict.name, "a/1");
	client_accept(&c);
	CU_ASSERT_STRING_EQUAL(c.verdict.name, "a/3");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	client_end(&c);
}

static void test_stream_sent__gives_the_version_of_the_resource(void)
{
	struct client c;

	begin(&c);
	client_want(&c, "a/1,a/2");
	CU_ASSERT_STRING_EQUAL(client_take(&c), "a/1 01");
	CU_ASSERT_STRING_EQUAL(c.response.version, "01");
	CU_ASSERT_STRING_EQUAL(client_take(&c), "a/2 02");
	CU_ASSERT_STRING_EQUAL(c.response.version, "02");
	client_end(&c);
}

static void test_stream_on_request__keeps_names_that_a_request_does_not_mention(void)
{
	struct client c;

	begin(&c);
	client_want(&c, "a/1");
	(void)client_take(&c);
	client_ask(&c, &(struct ask){.names = "a/2"});
	CU_ASSERT_STRING_EQUAL(client_take(&c), "a/2 02");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	client_publish(&c, "a/1", "11");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "a/1 11");
	client_end(&c);
}

static void test_stream_on_request__takes_names_back(void)
{
	struct client c;

	begin(&c);
	client_want(&c, "a/1,a/2");
	(void)client_take(&c);
	(void)client_take(&c);
	client_ask(&c, &(struct ask){.gone = "a/1,never/asked"});
	client_publish(&c, "a/1", "11");
	client_publish(&c, "a/2", "22");
	CU_ASSERT_STRING_EQUAL(client_take(&c), "a/2 22");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	client_end(&c);
}

static void test_stream_on_request__awaits_no_answer_about_a_name_taken_back(void)
{
	struct client c;

	begin(&c);
	client_want(&c, "a/1");
	(void)client_next(&c);
	client_ask(&c, &(struct ask){.gone = "a/1"});
	client_accept(&c);
	CU_ASSERT_EQUAL(c.verdict.kind, STREAM_NO_VERDICT);
	client_end(&c);
}

static void test_stream_next__answers_a_name_that_is_subscribed_again(void)
{
	struct client c;

	begin(&c);
	client_want(&c, "a/1");
	(void)client_take(&c);
	client_ask(&c, &(struct ask){.names = "a/1"});
	CU_ASSERT_STRING_EQUAL(client_take(&c), "a/1 01");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	client_ask(&c, &(struct ask){.gone = "a/1", .names = "a/1"});
	CU_ASSERT_STRING_EQUAL(client_take(&c), "a/1 01");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	client_end(&c);
}

static void test_stream_next__answers_a_name_subscribed_again_with_what_is_on_its_way(void)
{
	struct client c;

	begin(&c);
	client_want(&c, "a/1");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "a/1 01");
	client_ask(&c, &(struct ask){.names = "a/1"});
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	client_accept(&c);
	CU_ASSERT_EQUAL(c.verdict.kind, STREAM_ACK);
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	client_end(&c);
}

static void test_stream_next__does_not_answer_again_with_what_was_refused(void)
{
	struct client c;

	begin(&c);
	client_want(&c, "a/1");
	(void)client_next(&c);
	client_ask(&c, &(struct ask){.names = "a/1"});
	client_refuse(&c, "no");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	client_ask(&c, &(struct ask){.names = "a/1"});
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	client_end(&c);
}

static void test_stream_next__sends_nothing_to_who_comes_back_with_all(void)
{
	struct client c;

	begin(&c);
	client_ask(&c, &(struct ask){.names = "a/2,a/1", .held = "a/1=01,a/2=02"});
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	client_publish(&c, "a/1", "11");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "a/1 11");
	client_end(&c);
}

static void test_stream_next__sends_what_differs_to_who_comes_back(void)
{
	struct client c;

	begin(&c);
	client_ask(&c, &(struct ask){.names = "a/1,a/2,a/3", .held = "a/1=01,a/2=00,b/9=01"});
	CU_ASSERT_STRING_EQUAL(client_take(&c), "a/2 02");
	CU_ASSERT_STRING_EQUAL(client_take(&c), "a/3 03");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	CU_ASSERT_EQUAL(c.stream.subscriptions.n, 3);
	client_end(&c);
}

static void test_stream_next__answers_a_name_that_is_subscribed_later(void)
{
	struct client c;

	begin(&c);
	client_ask(&c, &(struct ask){.names = "a/1", .held = "a/1=01"});
	client_ask(&c, &(struct ask){.names = "a/2", .held = "a/2=02"});
	CU_ASSERT_STRING_EQUAL(client_take(&c), "a/2 02");
	client_end(&c);
}

static void test_stream_next__sends_others_past_one_that_was_refused(void)
{
	struct client c;

	begin(&c);
	client_want(&c, "a/1,a/2");
	(void)client_next(&c);
	client_refuse(&c, "no");
	CU_ASSERT_STRING_EQUAL(client_take(&c), "a/2 02");
	CU_ASSERT_EQUAL(c.verdict.kind, STREAM_ACK);
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	client_end(&c);
}

TEST_MAIN("stream_delta", TEST(test_stream_next__has_several_responses_on_their_way),
	TEST(test_stream_sent__gives_the_version_of_the_resource),
	TEST(test_stream_on_request__keeps_names_that_a_request_does_not_mention),
	TEST(test_stream_on_request__takes_names_back),
	TEST(test_stream_on_request__awaits_no_answer_about_a_name_taken_back),
	TEST(test_stream_next__answers_a_name_that_is_subscribed_again),
	TEST(test_stream_next__answers_a_name_subscribed_again_with_what_is_on_its_way),
	TEST(test_stream_next__does_not_answer_again_with_what_was_refused),
	TEST(test_stream_next__sends_nothing_to_who_comes_back_with_all),
	TEST(test_stream_next__sends_what_differs_to_who_comes_back),
	TEST(test_stream_next__answers_a_name_that_is_subscribed_later),
	TEST(test_stream_next__sends_others_past_one_that_was_refused))
