/* SPDX-License-Identifier: Apache-2.0 */
#include "store/refusals.h"

#include "base/auto.h"
#include "base/digest.h"
#include "tests/unit/test.h"

static void test_refusals_find__knows_what_was_added_alone(void)
{
	AUTO(refusals) struct refusals *r = refusals_new(8);

	CU_ASSERT_PTR_NULL(refusals_find(r, "n", "a/1", "01"));
	refusals_add(r, "n", "a/1", "01", "no ABI");
	CU_ASSERT_STRING_EQUAL(refusals_find(r, "n", "a/1", "01"), "no ABI");
	CU_ASSERT_PTR_NULL(refusals_find(r, "m", "a/1", "01"));
	CU_ASSERT_PTR_NULL(refusals_find(r, "n", "a/2", "01"));
	CU_ASSERT_PTR_NULL(refusals_find(r, "n", "a/1", "02"));
	CU_ASSERT_PTR_NULL(refusals_find(r, "", "a/1", "01"));
}

static void test_refusals_find__is_not_misled_by_a_nodes_id(void)
{
	AUTO(refusals) struct refusals *r = refusals_new(8);

	refusals_add(r, "x\na/1\nn", "a/2", "01", "no");
	CU_ASSERT_PTR_NULL(refusals_find(r, "n", "a/1", "01"));
	CU_ASSERT_PTR_NOT_NULL(refusals_find(r, "x\na/1\nn", "a/2", "01"));
}

static void test_refusals_add__keeps_the_first_reason(void)
{
	AUTO(refusals) struct refusals *r = refusals_new(2);

	refusals_add(r, "n", "a/1", "01", "first");
	refusals_add(r, "n", "a/1", "01", "second");
	refusals_add(r, "n", "a/2", "01", "");
	CU_ASSERT_STRING_EQUAL(refusals_find(r, "n", "a/1", "01"), "first");
	CU_ASSERT_STRING_EQUAL(refusals_find(r, "n", "a/2", "01"), "");
}

static const char *node_of(size_t i)
{
	static char node[32];

	(void)snprintf(node, sizeof(node), "node-%zu", i);
	return node;
}

static void test_refusals_add__forgets_the_oldest_first(void)
{
	enum { MAX = 5, ALL = 23 };
	AUTO(refusals) struct refusals *r = refusals_new(MAX);

	for (size_t i = 0; i < ALL; i++) {
		refusals_add(r, node_of(i), "a/1", "01", "no");
		for (size_t j = 0; j < ALL; j++) {
			bool kept = j <= i && j + MAX > i;

			CU_ASSERT_EQUAL(refusals_find(r, node_of(j), "a/1", "01") != NULL, kept);
		}
	}
}

static void test_refusals_add__takes_back_what_was_forgotten(void)
{
	AUTO(refusals) struct refusals *r = refusals_new(1);

	refusals_add(r, "n", "a/1", "01", "first");
	refusals_add(r, "n", "a/1", "02", "other");
	CU_ASSERT_PTR_NULL(refusals_find(r, "n", "a/1", "01"));
	refusals_add(r, "n", "a/1", "01", "again");
	CU_ASSERT_STRING_EQUAL(refusals_find(r, "n", "a/1", "01"), "again");
	CU_ASSERT_PTR_NULL(refusals_find(r, "n", "a/1", "02"));
}

/* A clone that went through bytes; NULL where they are refused. */
static struct refusals *decode(const struct buf *bytes, size_t max)
{
	struct refusals *r = refusals_new(max);
	struct err err;

	if (refusals_decode(r, buf_text(bytes), bytes->len, &err) == 0)
		return r;
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	CU_ASSERT_STRING_NOT_EQUAL(err.msg, "");
	refusals_free(r);
	return NULL;
}

static void test_refusals_decode__reads_what_was_written(void)
{
	AUTO(refusals) struct refusals *r = refusals_new(8);
	AUTO(refusals) struct refusals *empty = refusals_new(8);
	AUTO(refusals) struct refusals *same = NULL;
	AUTO(refusals) struct refusals *none = NULL;
	AUTO(buf) struct buf bytes = BUF_INIT(4096);
	AUTO(buf) struct buf nothing = BUF_INIT(4096);
	struct err err;

	refusals_add(r, "n\xff\n\x01", "a/1", "01", "line\nline");
	refusals_add(r, "", "a/2", "02", "");
	CU_ASSERT_EQUAL(refusals_encode(r, &bytes, &err), 0);
	same = decode(&bytes, 8);
	CU_ASSERT_PTR_NOT_NULL_FATAL(same);
	CU_ASSERT_EQUAL(refusals_count(same), 2);
	CU_ASSERT_STRING_EQUAL(refusals_find(same, "n\xff\n\x01", "a/1", "01"), "line\nline");
	CU_ASSERT_STRING_EQUAL(refusals_find(same, "", "a/2", "02"), "");

	CU_ASSERT_EQUAL(refusals_encode(empty, &nothing, &err), 0);
	none = decode(&nothing, 8);
	CU_ASSERT_PTR_NOT_NULL_FATAL(none);
	CU_ASSERT_EQUAL(refusals_count(none), 0);
}

/* The ring has wrapped around, and what reads it is smaller. */
static void test_refusals_decode__keeps_the_order_of_age(void)
{
	AUTO(refusals) struct refusals *r = refusals_new(4);
	AUTO(refusals) struct refusals *smaller = NULL;
	AUTO(buf) struct buf bytes = BUF_INIT(4096);
	struct err err;

	for (size_t i = 0; i < 6; i++)
		refusals_add(r, node_of(i), "a/1", "01", "no");
	CU_ASSERT_EQUAL(refusals_encode(r, &bytes, &err), 0);
	smaller = decode(&bytes, 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(smaller);
	CU_ASSERT_PTR_NULL(refusals_find(smaller, node_of(3), "a/1", "01"));
	CU_ASSERT_PTR_NOT_NULL(refusals_find(smaller, node_of(4), "a/1", "01"));
	CU_ASSERT_PTR_NOT_NULL(refusals_find(smaller, node_of(5), "a/1", "01"));
}

static void test_refusals_decode__refuses_what_was_cut_or_changed(void)
{
	AUTO(refusals) struct refusals *r = refusals_new(8);
	AUTO(buf) struct buf bytes = BUF_INIT(4096);
	struct err err;

	refusals_add(r, "n", "a/1", "01", "no");
	CU_ASSERT_EQUAL(refusals_encode(r, &bytes, &err), 0);
	for (size_t i = 0; i < bytes.len; i++) {
		struct buf cut = {.data = bytes.data, .len = i};

		CU_ASSERT_PTR_NULL(decode(&cut, 8));
		bytes.data[i] ^= 1;
		CU_ASSERT_PTR_NULL(decode(&bytes, 8));
		bytes.data[i] ^= 1;
	}
}

/* The sum is right, and yet the last refusal has no reason. */
static void test_refusals_decode__refuses_half_a_refusal(void)
{
	static const char *const bodies[] = {"key", "key\0reason"};
	static const size_t lengths[] = {4, 10};

	for (size_t i = 0; i < 2; i++) {
		AUTO(buf) struct buf bytes = BUF_INIT(4096);
		struct digest sum;
		struct err err;

		digest_of(&sum, bodies[i], lengths[i]);
		CU_ASSERT_EQUAL(buf_printf(&bytes, &err, "%s%s\n", REFUSALS_MAGIC, sum.hex), 0);
		CU_ASSERT_EQUAL(buf_append(&bytes, bodies[i], lengths[i], &err), 0);
		CU_ASSERT_PTR_NULL(decode(&bytes, 8));
	}
}

static void test_refusals_encode__keeps_its_ceiling(void)
{
	AUTO(refusals) struct refusals *r = refusals_new(8);
	AUTO(buf) struct buf bytes = BUF_INIT(100);
	struct err err;

	refusals_add(r, "n", "a/1", "01", "no");
	CU_ASSERT_EQUAL(refusals_encode(r, &bytes, &err), 0);
	buf_clear(&bytes);
	for (size_t i = 0; i < 8; i++)
		refusals_add(r, node_of(i), "a/1", "01", "no");
	CU_ASSERT_EQUAL(refusals_encode(r, &bytes, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
}

static void test_refusals_heed__finds_what_others_refused_and_counts_it_not(void)
{
	AUTO(refusals) struct refusals *r = refusals_new(8);
	struct refusals *others = refusals_new(8);

	refusals_add(others, "n", "a/1", "01", "theirs");
	refusals_heed(r, others);
	CU_ASSERT_STRING_EQUAL(refusals_find(r, "n", "a/1", "01"), "theirs");
	CU_ASSERT_PTR_NULL(refusals_find(r, "n", "a/1", "02"));
	CU_ASSERT_EQUAL(refusals_count(r), 0);
	CU_ASSERT_EQUAL(refusals_added(r), 0);
	refusals_add(r, "n", "a/1", "01", "ours");
	CU_ASSERT_STRING_EQUAL(refusals_find(r, "n", "a/1", "01"), "ours");
	refusals_heed(r, refusals_new(8));
	CU_ASSERT_STRING_EQUAL(refusals_find(r, "n", "a/1", "01"), "ours");
	refusals_heed(r, NULL);
	CU_ASSERT_PTR_NULL(refusals_find(r, "n", "a/1", "02"));
}

/* The ring has wrapped around. */
static void test_refusals_next__gives_the_oldest_first(void)
{
	AUTO(refusals) struct refusals *r = refusals_new(3);
	AUTO(refusals) struct refusals *same = refusals_new(3);
	const char *key, *reason;
	size_t at = 0, n = 0;

	CU_ASSERT_PTR_NULL(refusals_next(r, &at, &reason));
	for (size_t i = 0; i < 5; i++)
		refusals_add(r, node_of(i), "a/1", "01", node_of(i));
	for (at = 0; (key = refusals_next(r, &at, &reason)); n++) {
		CU_ASSERT_STRING_EQUAL(reason, node_of(n + 2));
		refusals_add_key(same, key, reason);
	}
	CU_ASSERT_EQUAL(n, 3);
	CU_ASSERT_STRING_EQUAL(refusals_find(same, node_of(4), "a/1", "01"), node_of(4));
}

TEST_MAIN("refusals", TEST(test_refusals_find__knows_what_was_added_alone),
	TEST(test_refusals_find__is_not_misled_by_a_nodes_id),
	TEST(test_refusals_add__keeps_the_first_reason),
	TEST(test_refusals_add__forgets_the_oldest_first),
	TEST(test_refusals_add__takes_back_what_was_forgotten),
	TEST(test_refusals_decode__reads_what_was_written),
	TEST(test_refusals_decode__keeps_the_order_of_age),
	TEST(test_refusals_decode__refuses_what_was_cut_or_changed),
	TEST(test_refusals_decode__refuses_half_a_refusal),
	TEST(test_refusals_encode__keeps_its_ceiling),
	TEST(test_refusals_heed__finds_what_others_refused_and_counts_it_not),
	TEST(test_refusals_next__gives_the_oldest_first))
