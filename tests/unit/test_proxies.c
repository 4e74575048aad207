/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/proxies.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

#define LINE(name, version, connected, acked, nacked, rest)                            \
	"{\"name\":\"" name "\",\"version\":\"" version "\",\"connected\":" #connected \
	",\"acked\":" #acked ",\"nacked\":" #nacked rest "}\n"
#define REFUSAL(node, reason) ",\"node\":\"" node "\",\"reason\":\"" reason "\""

/* Reads an answer of one pod, in pieces of so many bytes. */
static int read_pod(struct proxies *p, const char *text, size_t piece, struct err *err)
{
	AUTO(proxies_reader) struct proxies_reader r;
	size_t n = strlen(text);

	proxies_reader_init(&r, p);
	for (size_t at = 0; at < n; at += piece) {
		if (proxies_read(&r, text + at, n - at < piece ? n - at : piece, err) < 0)
			return -1;
	}
	return proxies_read_end(&r, err);
}

static struct proxies *all_of(const char *const *pods, size_t n)
{
	struct proxies *p = proxies_new();
	struct err err;

	for (size_t i = 0; i < n; i++)
		CU_ASSERT_EQUAL_FATAL(read_pod(p, pods[i], 7, &err), 0);
	proxies_complete(p);
	return p;
}

static struct proxies *one_pod(const char *text)
{
	return all_of(&text, 1);
}

static void assert_count(const struct proxies *p, const char *version, uint32_t connected,
	uint32_t acked, uint32_t nacked)
{
	struct conditions_proxies c;

	proxies_count(p, "a/1", version, &c);
	CU_ASSERT_EQUAL(c.connected, connected);
	CU_ASSERT_EQUAL(c.acked, acked);
	CU_ASSERT_EQUAL(c.nacked, nacked);
}

static void test_proxies_count__adds_the_pods_up(void)
{
	static const char *const pods[] = {LINE("a/1", "01", 3, 2, 1, REFUSAL("edge-7", "no"))
						   LINE("a/2", "09", 1, 1, 0, ""),
		"", LINE("a/1", "01", 10, 9, 1, REFUSAL("edge-3", "never"))};
	AUTO(proxies) struct proxies *p = all_of(pods, 3);
	struct conditions_proxies c;

	proxies_count(p, "a/1", "01", &c);
	CU_ASSERT_TRUE(c.known);
	assert_count(p, "01", 13, 11, 2);
	CU_ASSERT_STRING_EQUAL(c.nack_node, "edge-3");
	CU_ASSERT_STRING_EQUAL(c.nack_message, "never");
	proxies_count(p, "a/2", "09", &c);
	CU_ASSERT_EQUAL(c.acked, 1);
	CU_ASSERT_PTR_NULL(c.nack_node);
	proxies_count(p, "a/3", "01", &c);
	CU_ASSERT_TRUE(c.known);
	CU_ASSERT_EQUAL(c.connected, 0);
}

static void test_proxies_count__counts_only_the_served_version_as_accepted(void)
{
	static const char *const pods[] = {LINE("a/1", "01", 5, 5, 0, ""),
		LINE("a/1", "02", 4, 3, 1, REFUSAL("n", "r")), LINE("a/1", "03", 2, 2, 0, "")};
	AUTO(proxies) struct proxies *p = all_of(pods, 3);

	assert_count(p, "02", 11, 3, 1);
	assert_count(p, "01", 11, 5, 0);
	assert_count(p, "99", 11, 0, 0);
	assert_count(p, NULL, 11, 0, 0);
}

static void test_proxies_count__knows_nothing_before_every_pod_answered(void)
{
	AUTO(proxies) struct proxies *p = proxies_new();
	struct conditions_proxies c;
	struct err err;

	proxies_count(NULL, "a/1", "01", &c);
	CU_ASSERT_FALSE(c.known);
	CU_ASSERT_EQUAL_FATAL(
		read_pod(p, LINE("a/1", "01", 3, 2, 1, REFUSAL("edge-7", "no")), 1, &err), 0);
	proxies_count(p, "a/1", "01", &c);
	CU_ASSERT_FALSE(c.known);
	/* a refusal that was heard of is one, whoever else did not answer */
	CU_ASSERT_EQUAL(c.nacked, 1);
}

static void test_proxies_read__refuses_what_is_no_summary(void)
{
	static const char *const texts[] = {"\n", "{}\n", "[]\n", "<html>\n",
		"{\"name\":\"a/1\"}\n", LINE("a/1", "01", -1, 0, 0, ""),
		LINE("a/1", "01", 1, 1, 1, ""), LINE("a/1", "01", 1e300, 0, 0, ""),
		LINE("a/1", "01", "3", 0, 0, ""),
		"{\"name\":\"a/1\",\"version\":\"01\",\"connected\":1,\"acked\":1}\n",
		"{\"name\":7,\"version\":\"01\",\"connected\":1,\"acked\":1,\"nacked\":0}\n"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		AUTO(proxies) struct proxies *p = proxies_new();
		struct err err = {.code = ERR_NONE};

		CU_ASSERT_EQUAL(read_pod(p, texts[i], 1000, &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	}
}

#define REFUSED(key, reason) "{\"refusal\":\"" key "\",\"reason\":\"" reason "\"}\n"

static void test_proxies_refusals__are_those_of_all_pods(void)
{
	static const char *const pods[] = {LINE("a/1", "01", 3, 2, 1, "")
						   REFUSED("01\\na/1\\nedge-7", "no"),
		REFUSED("00\\na/1\\nedge-3", "") REFUSED("01\\na/1\\nedge-7", "again")};
	AUTO(proxies) struct proxies *none = one_pod(LINE("a/1", "01", 3, 2, 1, ""));
	AUTO(proxies) struct proxies *p = all_of(pods, 2);
	const struct refusals *r = proxies_refusals(p);

	CU_ASSERT_PTR_NULL(proxies_refusals(none));
	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT_EQUAL(refusals_count(r), 2);
	CU_ASSERT_STRING_EQUAL(refusals_find(r, "edge-7", "a/1", "01"), "no");
	CU_ASSERT_STRING_EQUAL(refusals_find(r, "edge-3", "a/1", "00"), "");
}

static void test_proxies_read__refuses_what_is_no_refusal(void)
{
	AUTO(free) char *key = xcalloc(1, LIMIT_REFUSAL_KEY_BYTES + 2);
	AUTO(free) char *reason = xcalloc(1, LIMIT_XDS_REASON_BYTES + 2);
	AUTO(free) char *long_key = NULL, *long_reason = NULL;

	memset(key, 'k', LIMIT_REFUSAL_KEY_BYTES + 1);
	memset(reason, 'r', LIMIT_XDS_REASON_BYTES + 1);
	long_key = xasprintf(REFUSED("%s", "no"), key);
	long_reason = xasprintf(REFUSED("01", "%s"), reason);
	const char *const texts[] = {"{\"refusal\":\"01\"}\n", "{\"refusal\":1}\n", long_key,
		long_reason, "{\"refusal\":\"01\",\"reason\":1}\n"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		AUTO(proxies) struct proxies *p = proxies_new();
		struct err err = {.code = ERR_NONE};

		CU_ASSERT_EQUAL(read_pod(p, texts[i], 1000, &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	}
}

static void test_proxies_read_end__notices_an_answer_that_was_cut(void)
{
	AUTO(proxies) struct proxies *p = proxies_new();
	struct err err;

	CU_ASSERT_EQUAL(read_pod(p, "{\"name\":", 3, &err), -1);
	ASSERT_HAS(err.msg, "ends within a line");
}

static void test_proxies_read__is_bounded(void)
{
	AUTO(proxies) struct proxies *p = proxies_new();
	AUTO(proxies_reader) struct proxies_reader r;
	AUTO(free) char *junk = xcalloc(1, LIMIT_SUMMARY_LINE + 2);
	char line[128];
	struct err err;

	memset(junk, 'x', LIMIT_SUMMARY_LINE + 1);
	CU_ASSERT_EQUAL(read_pod(p, junk, 4096, &err), -1);
	proxies_reader_init(&r, p);
	for (int i = 0; i < LIMIT_SUMMARY_NAMES; i++) {
		(void)snprintf(line, sizeof(line), LINE("a/%d", "01", 1, 1, 0, ""), i);
		CU_ASSERT_EQUAL_FATAL(proxies_read(&r, line, strlen(line), &err), 0);
	}
	CU_ASSERT_EQUAL(proxies_read(&r, LINE("b/1", "01", 1, 1, 0, ""),
				strlen(LINE("b/1", "01", 1, 1, 0, "")), &err),
		-1);
	ASSERT_HAS(err.msg, "more than 20000 extensions");
	r.bytes = LIMIT_SUMMARY_BYTES;
	CU_ASSERT_EQUAL(proxies_read(&r, "{", 1, &err), -1);
}

static void test_proxies_read__keeps_little_of_a_long_reason(void)
{
	AUTO(buf) struct buf text = BUF_INIT(LIMIT_MIB);
	AUTO(proxies) struct proxies *p = NULL;
	struct conditions_proxies c;
	char reason[1025];
	struct err err;

	memset(reason, 'r', sizeof(reason));
	reason[sizeof(reason) - 1] = '\0';
	CU_ASSERT_EQUAL_FATAL(
		buf_printf(&text, &err, LINE("a/1", "01", 1, 0, 1, REFUSAL("%.250s", "%s")), reason,
			reason),
		0);
	p = one_pod(buf_text(&text));
	proxies_count(p, "a/1", "01", &c);
	CU_ASSERT(strlen(c.nack_message) <= LIMIT_STATUS_MESSAGE_BYTES);
	CU_ASSERT(strlen(c.nack_node) <= LIMIT_STATUS_NODE_BYTES);
}

static void on_changed(void *arg, const char *name)
{
	char *names = arg;
	size_t n = strlen(names);

	(void)snprintf(names + n, 64 - n, "%s ", name);
}

static void assert_changes(const char *before, const char *now, const char *want)
{
	AUTO(proxies) struct proxies *a = one_pod(before);
	AUTO(proxies) struct proxies *b = one_pod(now);
	char names[64] = "";

	CU_ASSERT_FALSE(proxies_compare(a, b, on_changed, names));
	CU_ASSERT_STRING_EQUAL(names, want);
}

static void test_proxies_compare__names_what_changed(void)
{
	static const char one[] = LINE("a/1", "01", 3, 2, 1, REFUSAL("e", "r"));

	assert_changes(one, one, "");
	assert_changes(one, "", "a/1 ");
	assert_changes("", one, "a/1 ");
	assert_changes(one, LINE("a/1", "01", 4, 2, 1, REFUSAL("e", "r")), "a/1 ");
	assert_changes(one, LINE("a/1", "01", 3, 1, 1, REFUSAL("e", "r")), "a/1 ");
	assert_changes(one, LINE("a/1", "02", 3, 2, 1, REFUSAL("e", "r")), "a/1 ");
	assert_changes(one, LINE("a/1", "01", 3, 2, 1, REFUSAL("e", "s")), "a/1 ");
	/* two versions, whichever pod answered first */
	assert_changes(LINE("a/1", "01", 1, 1, 0, "") LINE("a/1", "02", 2, 2, 0, ""),
		LINE("a/1", "02", 2, 2, 0, "") LINE("a/1", "01", 1, 1, 0, ""), "");
}

static void test_proxies_compare__says_when_all_may_have_changed(void)
{
	AUTO(proxies) struct proxies *known = one_pod("");
	AUTO(proxies) struct proxies *unknown = proxies_new();

	CU_ASSERT_TRUE(proxies_compare(NULL, known, on_changed, NULL));
	CU_ASSERT_TRUE(proxies_compare(known, unknown, on_changed, NULL));
	CU_ASSERT_TRUE(proxies_compare(unknown, known, on_changed, NULL));
	CU_ASSERT_FALSE(proxies_compare(known, known, on_changed, NULL));
}

TEST_MAIN("proxies", TEST(test_proxies_count__adds_the_pods_up),
	TEST(test_proxies_count__counts_only_the_served_version_as_accepted),
	TEST(test_proxies_count__knows_nothing_before_every_pod_answered),
	TEST(test_proxies_read__refuses_what_is_no_summary),
	TEST(test_proxies_refusals__are_those_of_all_pods),
	TEST(test_proxies_read__refuses_what_is_no_refusal),
	TEST(test_proxies_read_end__notices_an_answer_that_was_cut),
	TEST(test_proxies_read__is_bounded), TEST(test_proxies_read__keeps_little_of_a_long_reason),
	TEST(test_proxies_compare__names_what_changed),
	TEST(test_proxies_compare__says_when_all_may_have_changed))
