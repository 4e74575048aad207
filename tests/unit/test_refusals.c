/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/refusals.h"

#include "base/auto.h"
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

TEST_MAIN("refusals", TEST(test_refusals_find__knows_what_was_added_alone),
	TEST(test_refusals_find__is_not_misled_by_a_nodes_id),
	TEST(test_refusals_add__keeps_the_first_reason),
	TEST(test_refusals_add__forgets_the_oldest_first),
	TEST(test_refusals_add__takes_back_what_was_forgotten))
