/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/summary.h"

#include "base/lend.h"
#include "base/limits.h"
#include "tests/unit/stream_fixture.h"
#include "tests/unit/test.h"

static char *summarise(const struct client *c, size_t part)
{
	AUTO(summary) struct summary s = {0};
	AUTO(buf) struct buf out = BUF_INIT(LIMIT_MIB);
	struct err err;

	summary_begin(&s, &c->catalog);
	while (!s.done) {
		size_t before = s.at + s.refusal;

		CU_ASSERT_EQUAL_FATAL(
			summary_go_on(&s, &c->catalog, c->refusals, part, &out, &err), 0);
		CU_ASSERT_FATAL(s.done || s.at + s.refusal > before);
	}
	return buf_take(&out);
}

static void assert_summary(const struct client *c, const char *want)
{
	AUTO(free) char *text = summarise(c, 100);

	CU_ASSERT_STRING_EQUAL(text, want);
}

static void test_summary__is_empty_without_subscribers(void)
{
	struct client c;

	client_begin(&c, STREAM_DELTA);
	assert_summary(&c, "");
	client_publish(&c, "a/1", "01");
	assert_summary(&c, "");
	client_want(&c, "a/unknown");
	assert_summary(&c, "");
	client_end(&c);
}

static void test_summary__counts_what_is_on_its_way_accepted_and_refused(void)
{
	struct client c;

	client_begin(&c, STREAM_DELTA);
	client_publish(&c, "a/1", "01");
	client_want(&c, "a/1");
	assert_summary(&c,
		"{\"name\":\"a/1\",\"version\":\"01\",\"connected\":1,\"acked\":0,\"nacked\":0}\n");
	(void)client_take(&c);
	assert_summary(&c,
		"{\"name\":\"a/1\",\"version\":\"01\",\"connected\":1,\"acked\":1,\"nacked\":0}\n");
	client_publish(&c, "a/1", "02");
	(void)client_next(&c);
	client_refuse(&c, "not \"this\"");
	assert_summary(&c,
		"{\"name\":\"a/1\",\"version\":\"02\",\"connected\":1,\"acked\":0,\"nacked\":1,"
		"\"node\":\"node-1\",\"reason\":\"not \\\"this\\\"\"}\n"
		"{\"refusal\":\"02\\na/1\\n\\nnode-1\",\"reason\":\"not \\\"this\\\"\"}\n");
	client_end(&c);
}

/* Another stream of another node, over the same catalog; name NULL: it only answers. */
static void ask_as(struct client *c, struct stream *stream, const char *node, const char *name,
	const char *nonce, const char *refuses)
{
	char *names[] = {lend(name ? name : "")};
	const struct stream_request req = {
		.node = node,
		.nonce = nonce,
		.version = "",
		.names = names,
		.n_names = name ? 1 : 0,
		.held = words_held,
		.refuses = refuses != NULL,
		.reason = refuses ? refuses : "",
	};
	struct err err;

	CU_ASSERT_EQUAL_FATAL(stream_on_request(stream, &req, &c->verdict, &err), 0);
}

static void refuse_as(struct client *c, struct stream *stream, const char *node)
{
	struct subscription *sub;

	stream_init(stream, STREAM_DELTA, &c->catalog, c->refusals);
	ask_as(c, stream, node, "a/1", "", NULL);
	sub = stream_next(stream);
	CU_ASSERT_PTR_NOT_NULL_FATAL(sub);
	stream_sent(sub, &c->response);
	ask_as(c, stream, node, NULL, c->response.nonce, node);
}

static void test_summary__tells_of_the_same_refusal_whoever_came_first(void)
{
	static const char *const orders[][3] = {
		{"edge-1", "edge-2", "edge-3"}, {"edge-3", "edge-1", "edge-2"}};

	for (size_t o = 0; o < 2; o++) {
		struct client c;
		struct stream streams[3];
		AUTO(free) char *text = NULL;

		client_begin(&c, STREAM_DELTA);
		client_publish(&c, "a/1", "01");
		for (size_t i = 0; i < 3; i++)
			refuse_as(&c, &streams[i], orders[o][i]);
		text = summarise(&c, 100);
		ASSERT_HAS(text, "\"connected\":3,\"acked\":0,\"nacked\":3,\"node\":\"edge-1\","
				 "\"reason\":\"edge-1\"}");
		for (size_t i = 0; i < 3; i++)
			stream_clear(&streams[i]);
		client_end(&c);
	}
}

static bool denies_all(const void *grant, const char *name)
{
	(void)grant;
	(void)name;
	return false;
}

static void test_summary__leaves_out_who_may_not_have_it(void)
{
	struct client c;

	client_begin(&c, STREAM_DELTA);
	client_publish(&c, "a/1", "01");
	c.stream.allows = denies_all;
	client_want(&c, "a/1");
	assert_summary(&c, "");
	client_end(&c);
}

static void test_summary__comes_out_the_same_in_parts(void)
{
	struct client c;
	AUTO(free) char *whole = NULL, *parts = NULL;

	client_begin(&c, STREAM_DELTA);
	for (int i = 0; i < 6; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "a/%d", i);
		client_publish(&c, name, "01");
		client_want(&c, name);
	}
	whole = summarise(&c, 1000);
	parts = summarise(&c, 1);
	CU_ASSERT_STRING_EQUAL(whole, parts);
	CU_ASSERT_EQUAL(strlen(whole), 6 * strlen("{\"name\":\"a/0\",\"version\":\"01\","
						  "\"connected\":1,\"acked\":0,\"nacked\":0}\n"));
	client_end(&c);
}

static void test_summary__tells_what_was_heard_here_alone(void)
{
	AUTO(free) char *whole = NULL, *parts = NULL;
	struct refusals *others = refusals_new(8);
	struct client c;

	client_begin(&c, STREAM_DELTA);
	refusals_add(others, "theirs", "a/1", "01", "no");
	refusals_heed(c.refusals, others);
	for (int i = 0; i < 5; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "a/%d", i);
		refusals_add(c.refusals, "ours", name, "01", "no");
	}
	whole = summarise(&c, 1000);
	parts = summarise(&c, 1);
	CU_ASSERT_STRING_EQUAL(whole, parts);
	CU_ASSERT_EQUAL(
		strlen(whole), 5 * strlen("{\"refusal\":\"01\\na/0\\nours\",\"reason\":\"no\"}\n"));
	client_end(&c);
}

static void test_summary_go_on__passes_over_what_went_meanwhile(void)
{
	AUTO(summary) struct summary s = {0};
	AUTO(buf) struct buf out = BUF_INIT(LIMIT_MIB);
	struct client c;
	struct err err;

	client_begin(&c, STREAM_DELTA);
	client_publish(&c, "a/1", "01");
	client_publish(&c, "a/2", "01");
	client_want(&c, "a/1,a/2");
	summary_begin(&s, &c.catalog);
	CU_ASSERT_EQUAL(s.n, 2);
	catalog_remove(&c.catalog, "a/1");
	client_ask(&c, &(struct ask){.gone = "a/2"});
	CU_ASSERT_EQUAL(summary_go_on(&s, &c.catalog, c.refusals, 100, &out, &err), 0);
	CU_ASSERT_EQUAL(out.len, 0);
	CU_ASSERT_EQUAL(s.at, s.n);
	client_end(&c);
}

static void test_summary_go_on__stops_at_its_ceiling(void)
{
	AUTO(summary) struct summary s = {0};
	AUTO(buf) struct buf out = BUF_INIT(10);
	struct client c;
	struct err err;

	client_begin(&c, STREAM_DELTA);
	client_publish(&c, "a/1", "01");
	client_want(&c, "a/1");
	summary_begin(&s, &c.catalog);
	CU_ASSERT_EQUAL(summary_go_on(&s, &c.catalog, c.refusals, 100, &out, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	client_end(&c);
}

TEST_MAIN("summary", TEST(test_summary__is_empty_without_subscribers),
	TEST(test_summary__counts_what_is_on_its_way_accepted_and_refused),
	TEST(test_summary__tells_of_the_same_refusal_whoever_came_first),
	TEST(test_summary__leaves_out_who_may_not_have_it),
	TEST(test_summary__comes_out_the_same_in_parts),
	TEST(test_summary__tells_what_was_heard_here_alone),
	TEST(test_summary_go_on__passes_over_what_went_meanwhile),
	TEST(test_summary_go_on__stops_at_its_ceiling))
