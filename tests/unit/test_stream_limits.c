/* SPDX-License-Identifier: Apache-2.0 */
/* The ceilings of xds/stream.c. */
#include "tests/unit/stream_fixture.h"
#include "tests/unit/test.h"

static void long_name(struct client *c)
{
	char name[LIMIT_XDS_NAME_BYTES + 2];
	char *names[] = {name};
	struct stream_request req = {.node = "n",
		.nonce = "",
		.version = "",
		.names = names,
		.n_names = 1,
		.reason = ""};
	struct err err;

	memset(name, 'x', sizeof(name));
	name[LIMIT_XDS_NAME_BYTES] = '\0';
	CU_ASSERT_EQUAL(stream_on_request(&c->stream, &req, &c->verdict, &err), 0);
	name[LIMIT_XDS_NAME_BYTES] = 'x';
	name[LIMIT_XDS_NAME_BYTES + 1] = '\0';
	CU_ASSERT_EQUAL(stream_on_request(&c->stream, &req, &c->verdict, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, "513");
	ASSERT_HAS(err.msg, "512");
	CU_ASSERT_EQUAL(c->stream.subscriptions.n, 1);
}

static void test_stream_on_request__refuses_a_name_that_is_too_long(void)
{
	client_on_both(long_name);
}

static char *many[LIMIT_XDS_NAMES + 1];

static int ask_many(struct client *c, size_t from, size_t n, struct err *err)
{
	const struct stream_request req = {.node = "n",
		.nonce = "",
		.version = "",
		.names = many + from,
		.n_names = n,
		.reason = ""};

	return stream_on_request(&c->stream, &req, &c->verdict, err);
}

static void too_many_names(struct client *c)
{
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(ask_many(c, 0, LIMIT_XDS_NAMES + 1, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, "10001");
	CU_ASSERT_EQUAL(c->stream.subscriptions.n, 0);
	CU_ASSERT_EQUAL(ask_many(c, 0, LIMIT_XDS_NAMES, &err), 0);
	CU_ASSERT_EQUAL(c->stream.subscriptions.n, LIMIT_XDS_NAMES);
	if (c->stream.variant == STREAM_SOTW) {
		CU_ASSERT_EQUAL(ask_many(c, 1, LIMIT_XDS_NAMES, &err), 0);
		CU_ASSERT_EQUAL(c->stream.subscriptions.n, LIMIT_XDS_NAMES);
		return;
	}
	CU_ASSERT_EQUAL(ask_many(c, LIMIT_XDS_NAMES, 1, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, "10001");
}

static void test_stream_on_request__bounds_the_names_of_a_stream(void)
{
	for (size_t i = 0; i <= LIMIT_XDS_NAMES; i++)
		many[i] = xasprintf("a/%zu", i);
	client_on_both(too_many_names);
	for (size_t i = 0; i <= LIMIT_XDS_NAMES; i++)
		free(many[i]);
}

static void long_node(struct client *c)
{
	char node[LIMIT_XDS_NODE_BYTES + 100];
	char reason[LIMIT_XDS_REASON_BYTES + 100];

	memset(node, 'n', sizeof(node));
	node[sizeof(node) - 1] = '\0';
	memset(reason, 'r', sizeof(reason));
	reason[sizeof(reason) - 1] = '\0';
	client_publish(c, "a/1", "01");
	client_ask(c, &(struct ask){.names = "a/1", .node = node});
	CU_ASSERT_EQUAL(strlen(c->stream.node), LIMIT_XDS_NODE_BYTES);
	(void)client_next(c);
	client_refuse(c, reason);
	const char *kept = refusals_find(c->refusals, c->stream.who, "a/1", "01");

	CU_ASSERT_PTR_NOT_NULL_FATAL(kept);
	CU_ASSERT_EQUAL(strlen(kept), LIMIT_XDS_REASON_BYTES);
}

static void test_stream_on_request__cuts_a_long_node_and_reason(void)
{
	client_on_both(long_node);
}

TEST_MAIN("stream_limits", TEST(test_stream_on_request__refuses_a_name_that_is_too_long),
	TEST(test_stream_on_request__bounds_the_names_of_a_stream),
	TEST(test_stream_on_request__cuts_a_long_node_and_reason))
