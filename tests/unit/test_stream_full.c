/* SPDX-License-Identifier: Apache-2.0 */
/* What xds/stream.c promises with full_state: every SotW response carries all that exists. */
#include "tests/unit/stream_fixture.h"
#include "tests/unit/test.h"

static void begin(struct client *c)
{
	client_begin(c, STREAM_SOTW);
	c->stream.full_state = true;
	client_publish(c, "a/1", "01");
	client_publish(c, "a/2", "02");
}

static void reconnect(struct client *c)
{
	client_reconnect(c);
	c->stream.full_state = true;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sends what is next with all that it carries.  Returns "name version" of each, in order, with
 * commas between; "" for silence. */
static const char *next_all(struct client *c)
{
	static char text[256];
	char *parts[CLIENT_NAMES];
	struct subscription *sub = stream_next(&c->stream);
	size_t n = 0;
	size_t at = 0;

	text[0] = '\0';
	if (!sub)
		return text;
	parts[n++] = xstrdup(client_next(c));
	for (struct subscription *other; (other = stream_also(sub, &at));)
		parts[n++] = xasprintf("%s %s", other->resource->name,
			payload_record(other->resource->payload)->version);
	qsort(parts, n, sizeof(parts[0]), by_text);
	for (size_t i = 0; i < n; i++) {
		size_t used = strlen(text);

		(void)snprintf(text + used, sizeof(text) - used, "%s%s", i ? "," : "", parts[i]);
		free(parts[i]);
	}
	return text;
}

static enum stream_sync sync_of(const struct client *c, const char *name)
{
	return stream_sync_of(map_get(&c->stream.subscriptions, name));
}

static void test_stream_also__gives_all_that_exists(void)
{
	struct client c;

	begin(&c);
	client_want(&c, "a/1,a/2,a/9");
	CU_ASSERT_STRING_EQUAL(next_all(&c), "a/1 01,a/2 02");
	CU_ASSERT_STRING_EQUAL(next_all(&c), "");
	client_accept(&c);
	CU_ASSERT_EQUAL(c.verdict.kind, STREAM_ACK);
	CU_ASSERT_STRING_EQUAL(next_all(&c), "");
	client_publish(&c, "a/1", "11");
	CU_ASSERT_STRING_EQUAL(next_all(&c), "a/1 11,a/2 02");
	client_accept(&c);
	client_publish(&c, "a/9", "09");
	CU_ASSERT_STRING_EQUAL(next_all(&c), "a/1 11,a/2 02,a/9 09");
	client_accept(&c);
	CU_ASSERT_STRING_EQUAL(next_all(&c), "");
	client_end(&c);
}

static void test_stream_also__gives_nothing_without_full_state(void)
{
	struct client c;

	begin(&c);
	c.stream.full_state = false;
	client_want(&c, "a/1,a/2");
	CU_ASSERT_STRING_EQUAL(next_all(&c), "a/1 01");
	client_end(&c);
}

static void test_stream_skip__leaves_out_what_the_client_then_does_not_hold(void)
{
	struct client c;
	char whole[DIGEST_HEX_LEN + 1];

	begin(&c);
	client_want(&c, "a/1,a/2");
	(void)next_all(&c);
	(void)snprintf(whole, sizeof(whole), "%s", c.response.version);
	reconnect(&c);
	client_want(&c, "a/1,a/2");
	stream_skip(map_get(&c.stream.subscriptions, "a/2"));
	CU_ASSERT_STRING_EQUAL(next_all(&c), "a/1 01");
	CU_ASSERT_STRING_NOT_EQUAL(c.response.version, whole);
	client_accept(&c);
	CU_ASSERT_EQUAL(sync_of(&c, "a/1"), STREAM_SYNCED);
	CU_ASSERT_EQUAL(sync_of(&c, "a/2"), STREAM_STALE);
	CU_ASSERT_STRING_EQUAL(next_all(&c), "");
	client_publish(&c, "a/2", "02");
	CU_ASSERT_STRING_EQUAL(next_all(&c), "a/1 01,a/2 02");
	CU_ASSERT_STRING_EQUAL(c.response.version, whole);
	client_end(&c);
}

static void test_stream_on_request__blames_whom_the_reason_names(void)
{
	static const char *const names[] = {"a/1", "a/2"};

	for (size_t i = 0; i < 2; i++) {
		AUTO(free) char *reason = xasprintf("Unable to create Wasm plugin %s.", names[i]);
		struct client c;

		begin(&c);
		client_want(&c, "a/1,a/2");
		CU_ASSERT_STRING_EQUAL(next_all(&c), "a/1 01,a/2 02");
		client_refuse(&c, reason);
		CU_ASSERT_EQUAL(c.verdict.kind, STREAM_NACK);
		CU_ASSERT_STRING_EQUAL(c.verdict.name, names[i]);
		CU_ASSERT_EQUAL(sync_of(&c, names[i]), STREAM_REFUSED);
		CU_ASSERT_EQUAL(sync_of(&c, names[1 - i]), STREAM_SYNCED);
		/* its version_info is still that of before, and is moved on */
		CU_ASSERT_STRING_EQUAL(next_all(&c), "a/1 01,a/2 02");
		client_accept(&c);
		CU_ASSERT_EQUAL(sync_of(&c, names[i]), STREAM_REFUSED);
		CU_ASSERT_STRING_EQUAL(next_all(&c), "");
		client_end(&c);
	}
}

static void test_stream_on_request__blames_all_where_the_reason_names_none(void)
{
	struct client c;

	begin(&c);
	client_want(&c, "a/1,a/2");
	(void)next_all(&c);
	client_refuse(&c, "Unable to create Wasm plugin a/12 or a/1.b, b/a/1 nor a/2-c");
	CU_ASSERT_EQUAL(sync_of(&c, "a/1"), STREAM_REFUSED);
	CU_ASSERT_EQUAL(sync_of(&c, "a/2"), STREAM_REFUSED);
	client_end(&c);
}

static void test_stream_on_request__does_not_take_one_name_for_another(void)
{
	struct client c;

	begin(&c);
	client_publish(&c, "a/12", "12");
	client_want(&c, "a/1,a/12");
	CU_ASSERT_STRING_EQUAL(next_all(&c), "a/1 01,a/12 12");
	client_refuse(&c, "Unable to create Wasm plugin a/12");
	CU_ASSERT_EQUAL(sync_of(&c, "a/1"), STREAM_SYNCED);
	CU_ASSERT_EQUAL(sync_of(&c, "a/12"), STREAM_REFUSED);
	client_end(&c);
}

/* An Envoy that starts anew is given what its node refused, for the response must be whole, and
 * refuses it again: that says nothing of the others. */
static void test_stream_on_request__does_not_blame_others_for_what_was_refused_before(void)
{
	struct client c;

	begin(&c);
	client_want(&c, "a/1,a/2");
	(void)next_all(&c);
	client_refuse(&c, "Unable to create Wasm plugin a/1");
	reconnect(&c);
	client_want(&c, "a/1,a/2");
	CU_ASSERT_STRING_EQUAL(next_all(&c), "a/1 01,a/2 02");
	client_refuse(&c, "Unable to create Wasm plugin a/1");
	CU_ASSERT_EQUAL(sync_of(&c, "a/1"), STREAM_REFUSED);
	CU_ASSERT_EQUAL(sync_of(&c, "a/2"), STREAM_SYNCED);
	client_end(&c);
}

static void test_stream_next__sends_nothing_to_who_comes_back_with_all(void)
{
	struct client c;

	begin(&c);
	client_want(&c, "a/1,a/2");
	(void)next_all(&c);
	client_accept(&c);
	reconnect(&c);
	client_ask(&c, &(struct ask){.names = "a/2,a/1", .version = c.accepted});
	CU_ASSERT_STRING_EQUAL(next_all(&c), "");
	client_end(&c);
}

static void test_stream_next__moves_the_version_on_for_a_name_that_was_dropped(void)
{
	struct client c;

	begin(&c);
	client_want(&c, "a/1,a/2");
	(void)next_all(&c);
	client_accept(&c);
	client_ask(&c,
		&(struct ask){.names = "a/1", .nonce = c.response.nonce, .version = c.accepted});
	CU_ASSERT_STRING_EQUAL(next_all(&c), "a/1 01");
	client_accept(&c);
	CU_ASSERT_STRING_EQUAL(next_all(&c), "");
	reconnect(&c);
	client_ask(&c, &(struct ask){.names = "a/1,a/2", .version = c.accepted});
	CU_ASSERT_STRING_EQUAL(next_all(&c), "a/1 01,a/2 02");
	client_end(&c);
}

static void test_stream_next__recognises_who_comes_back_after_a_refusal(void)
{
	struct client c;

	begin(&c);
	client_want(&c, "a/1,a/2");
	(void)next_all(&c);
	client_refuse(&c, "Unable to create Wasm plugin a/1");
	client_publish(&c, "a/2", "22");
	CU_ASSERT_STRING_EQUAL(next_all(&c), "a/1 01,a/2 22");
	client_accept(&c);
	CU_ASSERT_EQUAL(c.verdict.kind, STREAM_ACK);
	CU_ASSERT_STRING_EQUAL(c.verdict.name, "a/2");
	CU_ASSERT_EQUAL(sync_of(&c, "a/1"), STREAM_REFUSED);
	reconnect(&c);
	client_ask(&c, &(struct ask){.names = "a/1,a/2", .version = c.accepted});
	CU_ASSERT_STRING_EQUAL(next_all(&c), "");
	client_end(&c);
}

TEST_MAIN("stream_full", TEST(test_stream_also__gives_all_that_exists),
	TEST(test_stream_also__gives_nothing_without_full_state),
	TEST(test_stream_skip__leaves_out_what_the_client_then_does_not_hold),
	TEST(test_stream_on_request__blames_whom_the_reason_names),
	TEST(test_stream_on_request__blames_all_where_the_reason_names_none),
	TEST(test_stream_on_request__does_not_take_one_name_for_another),
	TEST(test_stream_on_request__does_not_blame_others_for_what_was_refused_before),
	TEST(test_stream_next__sends_nothing_to_who_comes_back_with_all),
	TEST(test_stream_next__moves_the_version_on_for_a_name_that_was_dropped),
	TEST(test_stream_next__recognises_who_comes_back_after_a_refusal))
