/* SPDX-License-Identifier: Apache-2.0 */
/* How xds/stream.c says that a subscription stands, and who may have what. */
#include "tests/unit/stream_fixture.h"
#include "tests/unit/test.h"

static const struct subscription *sub_of(const struct client *c, const char *name)
{
	return map_get(&c->stream.subscriptions, name);
}

static enum stream_sync sync_of(const struct client *c, const char *name)
{
	return stream_sync_of(sub_of(c, name));
}

static void life_of_resource(struct client *c)
{
	client_want(c, "a/1");
	CU_ASSERT_EQUAL(sync_of(c, "a/1"), STREAM_MISSING);
	client_publish(c, "a/1", "01");
	CU_ASSERT_EQUAL(sync_of(c, "a/1"), STREAM_STALE);
	(void)client_next(c);
	CU_ASSERT_EQUAL(sync_of(c, "a/1"), STREAM_STALE);
	client_accept(c);
	CU_ASSERT_EQUAL(sync_of(c, "a/1"), STREAM_SYNCED);
	CU_ASSERT_PTR_NULL(stream_refusal(sub_of(c, "a/1")));
	catalog_remove(&c->catalog, "a/1");
	CU_ASSERT_EQUAL(sync_of(c, "a/1"), STREAM_MISSING);
	CU_ASSERT_PTR_NULL(stream_refusal(sub_of(c, "a/1")));
}

static void test_stream_sync_of__follows_a_resource(void)
{
	client_on_both(life_of_resource);
}

static void refusal(struct client *c)
{
	client_publish(c, "a/1", "01");
	client_want(c, "a/1");
	(void)client_next(c);
	client_refuse(c, "no ABI");
	CU_ASSERT_EQUAL(sync_of(c, "a/1"), STREAM_REFUSED);
	CU_ASSERT_STRING_EQUAL(stream_refusal(sub_of(c, "a/1")), "no ABI");
	client_publish(c, "a/1", "02");
	CU_ASSERT_EQUAL(sync_of(c, "a/1"), STREAM_STALE);
	CU_ASSERT_PTR_NULL(stream_refusal(sub_of(c, "a/1")));
	(void)client_take(c);
	client_publish(c, "a/1", "01");
	CU_ASSERT_EQUAL(sync_of(c, "a/1"), STREAM_REFUSED);
	client_reconnect(c);
	client_want(c, "a/1");
	CU_ASSERT_EQUAL(sync_of(c, "a/1"), STREAM_REFUSED);
	CU_ASSERT_STRING_EQUAL(stream_refusal(sub_of(c, "a/1")), "no ABI");
}

static void test_stream_refusal__is_the_clients_words_on_this_stream_and_the_next(void)
{
	client_on_both(refusal);
}

static bool begins_with(const void *grant, const char *name)
{
	return strncmp(name, grant, strlen(grant)) == 0;
}

static void denied(struct client *c)
{
	c->stream.allows = begins_with;
	c->stream.grant = "a/";
	client_publish(c, "a/1", "01");
	client_publish(c, "b/1", "01");
	client_want(c, "b/1,a/1,b/2");
	CU_ASSERT_EQUAL(sync_of(c, "b/1"), STREAM_DENIED);
	CU_ASSERT_EQUAL(sync_of(c, "b/2"), STREAM_DENIED);
	CU_ASSERT_STRING_EQUAL(client_take(c), "a/1 01");
	CU_ASSERT_STRING_EQUAL(client_next(c), "");
	client_publish(c, "b/1", "02");
	client_publish(c, "b/2", "02");
	CU_ASSERT_STRING_EQUAL(client_next(c), "");
	CU_ASSERT_EQUAL(sync_of(c, "b/1"), STREAM_DENIED);
}

static void test_stream_next__is_silent_about_what_the_client_may_not_have(void)
{
	client_on_both(denied);
}

/* Neither what it claims to hold nor the version that it reports may bring out what there is. */
static void denied_when_back(struct client *c)
{
	client_publish(c, "b/1", "01");
	c->stream.allows = begins_with;
	c->stream.grant = "a/";
	client_ask(c, &(struct ask){.names = "b/1", .version = "01", .held = "b/1=00"});
	CU_ASSERT_STRING_EQUAL(client_next(c), "");
	CU_ASSERT_EQUAL(sync_of(c, "b/1"), STREAM_DENIED);
	CU_ASSERT_PTR_NULL(stream_refusal(sub_of(c, "b/1")));
}

static void test_stream_next__is_silent_whatever_the_client_claims(void)
{
	client_on_both(denied_when_back);
}

static void since(struct client *c)
{
	c->stream.now = 100;
	client_publish(c, "a/1", "01");
	client_want(c, "a/1");
	CU_ASSERT_EQUAL(sub_of(c, "a/1")->since, 100);
	c->stream.now = 200;
	(void)client_next(c);
	CU_ASSERT_EQUAL(sub_of(c, "a/1")->since, 200);
	c->stream.now = 300;
	client_accept(c);
	CU_ASSERT_EQUAL(sub_of(c, "a/1")->since, 300);
	c->stream.now = 400;
	client_publish(c, "a/1", "01");
	(void)client_next(c);
	CU_ASSERT_EQUAL(sub_of(c, "a/1")->since, 300);
}

static void test_subscription__knows_when_it_was_sent_or_answered(void)
{
	client_on_both(since);
}

static void idle(struct client *c)
{
	client_publish(c, "a/1", "01");
	client_want(c, "a/1");
	CU_ASSERT_FALSE(c->verdict.idle);
	(void)client_next(c);
	client_accept(c);
	CU_ASSERT_FALSE(c->verdict.idle);
	client_accept(c);
	CU_ASSERT_TRUE(c->verdict.idle);
	client_want(c, c->stream.variant == STREAM_SOTW ? "a/1,a/2" : "a/2");
	CU_ASSERT_FALSE(c->verdict.idle);
	client_ask(c, &(struct ask){.names = c->stream.variant == STREAM_SOTW ? "a/1" : NULL,
			      .gone = "a/2"});
	CU_ASSERT_FALSE(c->verdict.idle);
}

static void test_stream_on_request__tells_a_request_that_says_nothing(void)
{
	client_on_both(idle);
}

TEST_MAIN("stream_sync", TEST(test_stream_sync_of__follows_a_resource),
	TEST(test_stream_refusal__is_the_clients_words_on_this_stream_and_the_next),
	TEST(test_stream_next__is_silent_about_what_the_client_may_not_have),
	TEST(test_stream_next__is_silent_whatever_the_client_claims),
	TEST(test_stream_on_request__tells_a_request_that_says_nothing),
	TEST(test_subscription__knows_when_it_was_sent_or_answered))
