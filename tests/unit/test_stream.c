/* SPDX-License-Identifier: Apache-2.0 */
/* What both variants promise; test_stream_sotw.c and test_stream_delta.c hold what one does. */
#include "xds/stream.h"

#include "tests/unit/stream_fixture.h"
#include "tests/unit/test.h"

/* Has a client run a/1 at 01 and then refuse 02. */
static void refuse_second(struct client *c)
{
	client_publish(c, "a/1", "01");
	client_want(c, "a/1");
	(void)client_take(c);
	client_publish(c, "a/1", "02");
	CU_ASSERT_STRING_EQUAL(client_next(c), "a/1 02");
	client_refuse(c, "Unable to create Wasm plugin a/1");
}

static void first_fetch(struct client *c)
{
	client_publish(c, "a/1", "01");
	client_publish(c, "a/2", "01");
	client_want(c, "a/1");
	CU_ASSERT_EQUAL(c->verdict.kind, STREAM_NO_VERDICT);
	CU_ASSERT_STRING_EQUAL(client_next(c), "a/1 01");
	CU_ASSERT_STRING_EQUAL(c->response.version, "01");
	CU_ASSERT_STRING_EQUAL(client_next(c), "");
}

static void test_stream_next__sends_what_was_asked_for_once(void)
{
	client_on_both(first_fetch);
}

static void ack(struct client *c)
{
	client_publish(c, "a/1", "01");
	client_want(c, "a/1");
	(void)client_next(c);
	client_accept(c);
	CU_ASSERT_EQUAL(c->verdict.kind, STREAM_ACK);
	CU_ASSERT_STRING_EQUAL(c->verdict.name, "a/1");
	CU_ASSERT_STRING_EQUAL(c->verdict.version, "01");
	CU_ASSERT_STRING_EQUAL(client_next(c), "");
	client_publish(c, "a/1", "01");
	CU_ASSERT_STRING_EQUAL(client_next(c), "");
	client_publish(c, "a/1", "02");
	CU_ASSERT_STRING_EQUAL(client_next(c), "a/1 02");
}

static void test_stream_on_request__learns_from_an_ack(void)
{
	client_on_both(ack);
}

static void nack(struct client *c)
{
	refuse_second(c);
	CU_ASSERT_EQUAL(c->verdict.kind, STREAM_NACK);
	CU_ASSERT_STRING_EQUAL(c->verdict.name, "a/1");
	CU_ASSERT_STRING_EQUAL(c->verdict.version, "02");
	CU_ASSERT_STRING_EQUAL(client_next(c), "");
	client_publish(c, "a/1", "02");
	CU_ASSERT_STRING_EQUAL(client_next(c), "");
	CU_ASSERT_STRING_EQUAL(refusals_find(c->refusals, c->stream.who, "a/1", "02"),
		"Unable to create Wasm plugin a/1");
	CU_ASSERT_PTR_NULL(refusals_find(c->refusals, "\nnode-2", "a/1", "02"));
}

static void test_stream_next__does_not_send_what_was_refused(void)
{
	client_on_both(nack);
}

static void nack_of_first(struct client *c)
{
	client_publish(c, "a/1", "01");
	client_want(c, "a/1");
	(void)client_next(c);
	client_refuse(c, "no");
	CU_ASSERT_EQUAL(c->verdict.kind, STREAM_NACK);
	CU_ASSERT_STRING_EQUAL(client_next(c), "");
	client_publish(c, "a/1", "02");
	CU_ASSERT_STRING_EQUAL(client_next(c), "a/1 02");
}

static void test_stream_next__stays_silent_when_the_first_is_refused(void)
{
	client_on_both(nack_of_first);
}

static void refused_then_others(struct client *c)
{
	refuse_second(c);
	client_publish(c, "a/1", "03");
	CU_ASSERT_STRING_EQUAL(client_take(c), "a/1 03");
	client_publish(c, "a/1", "02");
	CU_ASSERT_STRING_EQUAL(client_next(c), "");
}

static void test_stream_next__remembers_a_refusal_across_later_versions(void)
{
	client_on_both(refused_then_others);
}

static void refused_twice(struct client *c)
{
	refuse_second(c);
	client_publish(c, "a/1", "03");
	CU_ASSERT_STRING_EQUAL(client_next(c), "a/1 03");
	client_refuse(c, "no again");
	CU_ASSERT_EQUAL(c->verdict.kind, STREAM_NACK);
	CU_ASSERT_STRING_EQUAL(client_next(c), "");
	client_publish(c, "a/1", "02");
	CU_ASSERT_STRING_EQUAL(client_next(c), "");
	client_publish(c, "a/1", "04");
	CU_ASSERT_STRING_EQUAL(client_take(c), "a/1 04");
}

static void test_stream_next__remembers_every_refusal(void)
{
	client_on_both(refused_twice);
}

static void refused_on_last_stream(struct client *c)
{
	refuse_second(c);
	client_reconnect(c);
	client_ask(c, &(struct ask){.names = "a/1", .version = "01", .held = "a/1=01"});
	CU_ASSERT_STRING_EQUAL(client_next(c), "");
	client_reconnect(c);
	client_want(c, "a/1");
	CU_ASSERT_STRING_EQUAL(client_next(c), "");
	client_publish(c, "a/1", "03");
	CU_ASSERT_STRING_EQUAL(client_next(c), "a/1 03");
}

static void test_stream_next__remembers_a_refusal_on_the_nodes_next_stream(void)
{
	client_on_both(refused_on_last_stream);
}

static void refused_by_another(struct client *c)
{
	refuse_second(c);
	client_reconnect(c);
	client_ask(c, &(struct ask){.names = "a/1", .node = "node-2"});
	CU_ASSERT_STRING_EQUAL(client_next(c), "a/1 02");
}

static void test_stream_next__sends_to_one_node_what_another_refused(void)
{
	client_on_both(refused_by_another);
}

/* Anybody may say that he is node-1; a certificate tells them apart. */
static void refused_by_a_namesake(struct client *c)
{
	c->stream.identity = "spiffe://a";
	refuse_second(c);
	client_reconnect(c);
	c->stream.identity = "spiffe://b";
	client_want(c, "a/1");
	CU_ASSERT_STRING_EQUAL(client_next(c), "a/1 02");
	client_reconnect(c);
	client_want(c, "a/1");
	CU_ASSERT_STRING_EQUAL(client_next(c), "a/1 02");
	client_reconnect(c);
	c->stream.identity = "spiffe://a";
	client_want(c, "a/1");
	CU_ASSERT_STRING_EQUAL(client_next(c), "");
}

static void test_stream_next__tells_nodes_of_one_name_apart_by_certificate(void)
{
	client_on_both(refused_by_a_namesake);
}

static void refused_without_node(struct client *c)
{
	client_publish(c, "a/1", "01");
	client_ask(c, &(struct ask){.names = "a/1", .node = ""});
	(void)client_next(c);
	client_ask(c, &(struct ask){.nonce = c->response.nonce,
			      .node = "",
			      .refuses = "no",
			      .names = c->stream.variant == STREAM_SOTW ? "a/1" : NULL});
	CU_ASSERT_EQUAL(c->verdict.kind, STREAM_NACK);
	client_publish(c, "a/1", "01");
	CU_ASSERT_STRING_EQUAL(client_next(c), "");
	client_reconnect(c);
	client_ask(c, &(struct ask){.names = "a/1", .node = ""});
	CU_ASSERT_STRING_EQUAL(client_next(c), "a/1 01");
}

static void test_stream_next__holds_no_refusal_against_clients_without_node(void)
{
	client_on_both(refused_without_node);
}

static void node_of_first_request(struct client *c)
{
	client_publish(c, "a/1", "01");
	client_want(c, "a/1");
	(void)client_next(c);
	client_ask(c, &(struct ask){.nonce = c->response.nonce,
			      .node = "",
			      .refuses = "no",
			      .names = c->stream.variant == STREAM_SOTW ? "a/1" : NULL});
	CU_ASSERT_PTR_NOT_NULL(refusals_find(c->refusals, c->stream.who, "a/1", "01"));
}

static void test_stream_on_request__keeps_the_node_of_the_first_request(void)
{
	client_on_both(node_of_first_request);
}

static void roll_back(struct client *c)
{
	refuse_second(c);
	client_publish(c, "a/1", "01");
	CU_ASSERT_STRING_EQUAL(client_take(c), "a/1 01");
	CU_ASSERT_STRING_EQUAL(client_next(c), "");
}

static void test_stream_next__sends_the_version_before_a_refusal_again(void)
{
	client_on_both(roll_back);
}

static void unknown_name(struct client *c)
{
	client_want(c, "a/1");
	CU_ASSERT_STRING_EQUAL(client_next(c), "");
	client_publish(c, "a/1", "01");
	CU_ASSERT_STRING_EQUAL(client_next(c), "a/1 01");
}

static void test_stream_next__sends_an_unknown_name_when_it_appears(void)
{
	client_on_both(unknown_name);
}

static void removal(struct client *c)
{
	client_publish(c, "a/1", "01");
	client_want(c, "a/1");
	(void)client_take(c);
	catalog_remove(&c->catalog, "a/1");
	CU_ASSERT_STRING_EQUAL(client_next(c), "");
	client_publish(c, "a/1", "01");
	CU_ASSERT_STRING_EQUAL(client_next(c), "");
	catalog_remove(&c->catalog, "a/1");
	client_publish(c, "a/1", "02");
	CU_ASSERT_STRING_EQUAL(client_next(c), "a/1 02");
}

static void test_stream_next__tells_nobody_of_a_removal(void)
{
	client_on_both(removal);
}

static void removal_before_sending(struct client *c)
{
	client_publish(c, "a/1", "01");
	client_want(c, "a/1");
	catalog_remove(&c->catalog, "a/1");
	CU_ASSERT_STRING_EQUAL(client_next(c), "");
	client_publish(c, "a/1", "01");
	CU_ASSERT_STRING_EQUAL(client_next(c), "a/1 01");
	catalog_remove(&c->catalog, "a/1");
	client_accept(c);
	CU_ASSERT_EQUAL(c->verdict.kind, STREAM_ACK);
	CU_ASSERT_STRING_EQUAL(client_next(c), "");
}

static void test_stream_next__copes_with_a_removal_at_any_time(void)
{
	client_on_both(removal_before_sending);
}

static void update_on_the_way(struct client *c)
{
	client_publish(c, "a/1", "01");
	client_want(c, "a/1");
	(void)client_next(c);
	client_publish(c, "a/1", "02");
	client_publish(c, "a/1", "03");
	CU_ASSERT_STRING_EQUAL(client_next(c), "");
	client_accept(c);
	CU_ASSERT_STRING_EQUAL(c->verdict.version, "01");
	CU_ASSERT_STRING_EQUAL(client_take(c), "a/1 03");
	CU_ASSERT_STRING_EQUAL(client_next(c), "");
}

static void test_stream_next__sends_the_newest_after_the_answer(void)
{
	client_on_both(update_on_the_way);
}

static void update_there_and_back(struct client *c)
{
	client_publish(c, "a/1", "01");
	client_want(c, "a/1");
	(void)client_next(c);
	client_publish(c, "a/1", "02");
	client_publish(c, "a/1", "01");
	client_accept(c);
	CU_ASSERT_STRING_EQUAL(client_next(c), "");
}

static void test_stream_next__sends_nothing_for_an_update_that_was_undone(void)
{
	client_on_both(update_there_and_back);
}

static void stale_nonce(struct client *c)
{
	char old[sizeof(c->response.nonce)];

	client_publish(c, "a/1", "01");
	client_publish(c, "a/2", "01");
	client_want(c, "a/1");
	(void)client_take(c);
	memcpy(old, c->response.nonce, sizeof(old));
	client_publish(c, "a/1", "02");
	(void)client_next(c);
	client_ask(c, &(struct ask){.nonce = old, .names = "a/1,a/2", .refuses = "late"});
	CU_ASSERT_EQUAL(c->verdict.kind, STREAM_NO_VERDICT);
	CU_ASSERT_EQUAL(c->stream.subscriptions.n, 2);
	CU_ASSERT_PTR_NULL(refusals_find(c->refusals, c->stream.who, "a/1", "01"));
	CU_ASSERT_PTR_NULL(refusals_find(c->refusals, c->stream.who, "a/1", "02"));
}

static void test_stream_on_request__hears_the_names_of_a_stale_nonce_alone(void)
{
	client_on_both(stale_nonce);
}

static void strange_nonce(struct client *c)
{
	static const char *const strange[] = {"x", "1x", "999", "-1", "99999999999999999999999"};

	client_publish(c, "a/1", "01");
	client_want(c, "a/1");
	(void)client_next(c);
	for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
		client_ask(c, &(struct ask){.nonce = strange[i],
				      .names = c->stream.variant == STREAM_SOTW ? "a/1" : NULL});
		CU_ASSERT_EQUAL(c->verdict.kind, STREAM_NO_VERDICT);
	}
	client_accept(c);
	CU_ASSERT_EQUAL(c->verdict.kind, STREAM_ACK);
	client_accept(c);
	CU_ASSERT_EQUAL(c->verdict.kind, STREAM_NO_VERDICT);
}

static void test_stream_on_request__takes_no_verdict_from_a_strange_nonce(void)
{
	client_on_both(strange_nonce);
}

static void skip(struct client *c)
{
	client_publish(c, "a/1", "01");
	client_publish(c, "a/2", "01");
	client_want(c, "a/1,a/2");
	struct subscription *sub = stream_next(&c->stream);

	CU_ASSERT_PTR_NOT_NULL_FATAL(sub);
	CU_ASSERT_STRING_EQUAL(sub->resource->name, "a/1");
	stream_skip(sub);
	CU_ASSERT_STRING_EQUAL(client_take(c), "a/2 01");
	CU_ASSERT_STRING_EQUAL(client_next(c), "");
	client_publish(c, "a/1", "02");
	CU_ASSERT_STRING_EQUAL(client_next(c), "a/1 02");
}

static void test_stream_skip__waits_for_a_change(void)
{
	client_on_both(skip);
}

static void nothing_left(struct client *c)
{
	client_publish(c, "a/1", "01");
	client_want(c, "a/1,a/2,a/3");
	(void)client_next(c);
	CU_ASSERT_EQUAL(c->catalog.resources.n, 3);
	client_reconnect(c);
	CU_ASSERT_EQUAL(c->catalog.resources.n, 1);
	CU_ASSERT_PTR_NULL(catalog_find(&c->catalog, "a/1")->first);
}

static void test_stream_clear__lets_go_of_every_resource(void)
{
	client_on_both(nothing_left);
}

TEST_MAIN("stream", TEST(test_stream_next__sends_what_was_asked_for_once),
	TEST(test_stream_on_request__learns_from_an_ack),
	TEST(test_stream_next__does_not_send_what_was_refused),
	TEST(test_stream_next__stays_silent_when_the_first_is_refused),
	TEST(test_stream_next__remembers_a_refusal_across_later_versions),
	TEST(test_stream_next__remembers_every_refusal),
	TEST(test_stream_next__remembers_a_refusal_on_the_nodes_next_stream),
	TEST(test_stream_next__sends_to_one_node_what_another_refused),
	TEST(test_stream_next__tells_nodes_of_one_name_apart_by_certificate),
	TEST(test_stream_next__holds_no_refusal_against_clients_without_node),
	TEST(test_stream_on_request__keeps_the_node_of_the_first_request),
	TEST(test_stream_next__sends_the_version_before_a_refusal_again),
	TEST(test_stream_next__sends_an_unknown_name_when_it_appears),
	TEST(test_stream_next__tells_nobody_of_a_removal),
	TEST(test_stream_next__copes_with_a_removal_at_any_time),
	TEST(test_stream_next__sends_the_newest_after_the_answer),
	TEST(test_stream_next__sends_nothing_for_an_update_that_was_undone),
	TEST(test_stream_on_request__hears_the_names_of_a_stale_nonce_alone),
	TEST(test_stream_on_request__takes_no_verdict_from_a_strange_nonce),
	TEST(test_stream_skip__waits_for_a_change),
	TEST(test_stream_clear__lets_go_of_every_resource))
