/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/holdings.h"

#include "tests/unit/test.h"

static void expect_equal(const struct holdings *a, const struct holdings *b, bool want)
{
	char left[DIGEST_HEX_LEN + 1];
	char right[DIGEST_HEX_LEN + 1];

	holdings_text(a, left);
	holdings_text(b, right);
	CU_ASSERT_EQUAL(strcmp(left, right) == 0, want);
}

static void test_holdings_add__is_the_same_in_any_order(void)
{
	struct holdings a = {0};
	struct holdings b = {0};

	holdings_add(&a, "n/1", "01");
	holdings_add(&a, "n/2", "02");
	holdings_add(&b, "n/2", "02");
	holdings_add(&b, "n/1", "01");
	expect_equal(&a, &b, true);
	holdings_add(&b, "n/3", NULL);
	expect_equal(&a, &b, true);
}

static void test_holdings_add__tells_names_and_versions_apart(void)
{
	struct holdings a = {0};
	struct holdings b = {0};

	holdings_add(&a, "n/1", "02");
	holdings_add(&a, "n/2", "01");
	holdings_add(&b, "n/1", "01");
	holdings_add(&b, "n/2", "02");
	expect_equal(&a, &b, false);
}

static void test_holdings_subtract__undoes_an_add(void)
{
	struct holdings a = {0};
	const struct holdings none = {0};

	holdings_add(&a, "n/1", "01");
	expect_equal(&a, &none, false);
	holdings_subtract(&a, "n/1", NULL);
	expect_equal(&a, &none, false);
	holdings_subtract(&a, "n/1", "01");
	expect_equal(&a, &none, true);
}

TEST_MAIN("holdings", TEST(test_holdings_add__is_the_same_in_any_order),
	TEST(test_holdings_add__tells_names_and_versions_apart),
	TEST(test_holdings_subtract__undoes_an_add))
