/* SPDX-License-Identifier: Apache-2.0 */
/* When xds/stream.c moves a SotW client's version_info on with a response that has nothing in it.
 */
#include "tests/unit/stream_fixture.h"
#include "tests/unit/test.h"

/* Has a client run all of names. */
static void run(struct client *c, const char *names)
{
	client_want(c, names);
	while (client_take(c)[0] != '\0')
		;
}

static void begin(struct client *c, const char *names)
{
	client_begin(c, STREAM_SOTW);
	client_publish(c, "a/1", "01");
	client_publish(c, "a/2", "02");
	client_publish(c, "a/3", "03");
	run(c, names);
}

/* Returns whether a mark was owed; it is sent, and not answered yet. */
static bool mark(struct client *c)
{
	return stream_mark(&c->stream, &c->response);
}

/* The stream breaks, and the client comes back with names and its last version. */
static void come_back(struct client *c, const char *names)
{
	client_reconnect(c);
	client_ask(c, &(struct ask){.names = names, .version = c->accepted});
}

static void test_stream_mark__is_not_owed_in_the_usual_course(void)
{
	struct client c;

	begin(&c, "a/1,a/2");
	CU_ASSERT_FALSE(mark(&c));
	client_publish(&c, "a/2", "22");
	CU_ASSERT_FALSE(mark(&c));
	(void)client_take(&c);
	CU_ASSERT_FALSE(mark(&c));
	client_want(&c, "a/1,a/2,a/3");
	CU_ASSERT_FALSE(mark(&c));
	come_back(&c, "a/1,a/2");
	CU_ASSERT_FALSE(mark(&c));
	client_end(&c);
}

static void test_stream_mark__is_owed_once_for_a_name_that_was_dropped(void)
{
	struct client c;

	begin(&c, "a/1,a/2,a/3");
	client_want(&c, "a/1,a/2");
	CU_ASSERT_TRUE(mark(&c));
	CU_ASSERT_FALSE(mark(&c));
	client_accept(&c);
	CU_ASSERT_EQUAL(c.verdict.kind, STREAM_NO_VERDICT);
	CU_ASSERT_FALSE(c.verdict.idle);
	CU_ASSERT_FALSE(mark(&c));
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	client_end(&c);
}

/* The version is that of a client that never had the name. */
static void test_stream_mark__has_the_version_of_what_is_left(void)
{
	char version[DIGEST_HEX_LEN + 1];
	struct client c;

	begin(&c, "a/1,a/2");
	memcpy(version, c.accepted, sizeof(version));
	client_end(&c);
	begin(&c, "a/1,a/2,a/3");
	client_want(&c, "a/1,a/2");
	CU_ASSERT_TRUE(mark(&c));
	CU_ASSERT_STRING_EQUAL(c.response.version, version);
	client_accept(&c);
	client_want(&c, "a/2");
	CU_ASSERT_TRUE(mark(&c));
	CU_ASSERT_STRING_EQUAL(c.response.version, "02");
	client_accept(&c);
	client_want(&c, "");
	CU_ASSERT_TRUE(mark(&c));
	CU_ASSERT_STRING_NOT_EQUAL(c.response.version, "");
	client_end(&c);
}

static void test_stream_mark__lets_a_name_that_is_wanted_anew_be_sent_on_the_next_stream(void)
{
	struct client c;

	begin(&c, "a/1,a/2");
	client_want(&c, "a/1");
	CU_ASSERT_TRUE(mark(&c));
	client_accept(&c);
	come_back(&c, "a/1,a/2");
	CU_ASSERT_TRUE(mark(&c));
	CU_ASSERT_STRING_EQUAL(client_take(&c), "a/1 01");
	CU_ASSERT_STRING_EQUAL(client_take(&c), "a/2 02");
	client_end(&c);
}

static void test_stream_mark__keeps_the_rest_from_being_sent_again(void)
{
	struct client c;

	begin(&c, "a/1,a/2,a/3");
	client_want(&c, "a/1,a/2");
	CU_ASSERT_TRUE(mark(&c));
	client_accept(&c);
	come_back(&c, "a/1,a/2");
	CU_ASSERT_FALSE(mark(&c));
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	client_end(&c);
}

static void test_stream_mark__waits_for_the_answer_to_what_is_on_its_way(void)
{
	struct client c;

	begin(&c, "a/1,a/2,a/3");
	client_publish(&c, "a/1", "11");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "a/1 11");
	client_want(&c, "a/1,a/2");
	CU_ASSERT_FALSE(mark(&c));
	client_accept(&c);
	CU_ASSERT_TRUE(mark(&c));
	client_end(&c);
}

/* The response covers the name all the same. */
static void test_stream_mark__is_owed_for_a_name_that_was_dropped_on_its_way(void)
{
	struct client c;

	begin(&c, "a/1,a/2");
	client_publish(&c, "a/2", "22");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "a/2 22");
	client_want(&c, "a/1");
	CU_ASSERT_TRUE(mark(&c));
	CU_ASSERT_STRING_EQUAL(c.response.version, "01");
	client_end(&c);
}

static void test_stream_mark__is_owed_when_the_last_version_says_nothing_that_we_know(void)
{
	struct client c;

	begin(&c, "a/1,a/2");
	client_publish(&c, "a/2", "22");
	come_back(&c, "a/1,a/2");
	CU_ASSERT_TRUE(mark(&c));
	come_back(&c, "");
	CU_ASSERT_TRUE(mark(&c));
	client_end(&c);
}

static void test_stream_mark__is_owed_for_one_of_several_that_was_refused(void)
{
	struct client c;

	begin(&c, "a/1,a/2");
	client_publish(&c, "a/2", "22");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "a/2 22");
	client_refuse(&c, "no");
	CU_ASSERT_TRUE(mark(&c));
	client_accept(&c);
	come_back(&c, "a/1,a/2");
	CU_ASSERT_FALSE(mark(&c));
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	client_end(&c);
}

/* It goes on with the version before, and that is what it reports. */
static void test_stream_mark__is_not_owed_for_the_only_one_that_was_refused(void)
{
	struct client c;

	begin(&c, "a/1");
	client_publish(&c, "a/1", "11");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "a/1 11");
	client_refuse(&c, "no");
	CU_ASSERT_FALSE(mark(&c));
	client_publish(&c, "a/1", "01");
	come_back(&c, "a/1");
	CU_ASSERT_STRING_EQUAL(client_next(&c), "");
	client_end(&c);
}

static void test_stream_mark__is_never_owed_with_full_state(void)
{
	struct client c;

	client_begin(&c, STREAM_SOTW);
	c.stream.full_state = true;
	client_publish(&c, "a/1", "01");
	client_publish(&c, "a/2", "02");
	client_want(&c, "a/1,a/2");
	(void)client_take(&c);
	client_want(&c, "a/1");
	CU_ASSERT_FALSE(mark(&c));
	client_end(&c);
}

static void test_stream_mark__is_never_owed_on_delta(void)
{
	struct client c;

	client_begin(&c, STREAM_DELTA);
	client_publish(&c, "a/1", "01");
	client_publish(&c, "a/2", "02");
	run(&c, "a/1,a/2");
	client_ask(&c, &(struct ask){.gone = "a/1"});
	CU_ASSERT_FALSE(mark(&c));
	client_end(&c);
}

TEST_MAIN("stream_mark", TEST(test_stream_mark__is_not_owed_in_the_usual_course),
	TEST(test_stream_mark__is_owed_once_for_a_name_that_was_dropped),
	TEST(test_stream_mark__has_the_version_of_what_is_left),
	TEST(test_stream_mark__lets_a_name_that_is_wanted_anew_be_sent_on_the_next_stream),
	TEST(test_stream_mark__keeps_the_rest_from_being_sent_again),
	TEST(test_stream_mark__waits_for_the_answer_to_what_is_on_its_way),
	TEST(test_stream_mark__is_owed_for_a_name_that_was_dropped_on_its_way),
	TEST(test_stream_mark__is_owed_when_the_last_version_says_nothing_that_we_know),
	TEST(test_stream_mark__is_owed_for_one_of_several_that_was_refused),
	TEST(test_stream_mark__is_not_owed_for_the_only_one_that_was_refused),
	TEST(test_stream_mark__is_never_owed_with_full_state),
	TEST(test_stream_mark__is_never_owed_on_delta))
