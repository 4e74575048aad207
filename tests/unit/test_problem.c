/* SPDX-License-Identifier: Apache-2.0 */
#include "api/problem.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/limits.h"
#include "tests/unit/test.h"

static void test_problems_add__counts_what_it_does_not_keep(void)
{
	AUTO(problems) struct problems p = {.items = NULL};

	for (unsigned i = 0; i < LIMIT_PROBLEMS + 3; i++)
		problems_add(&p, "spec", i, "must be %u", i);
	CU_ASSERT_EQUAL(p.n, LIMIT_PROBLEMS);
	CU_ASSERT_EQUAL(p.more, 3);
	CU_ASSERT_STRING_EQUAL(p.items[5].path, "spec");
	CU_ASSERT_STRING_EQUAL(p.items[5].message, "must be 5");
	CU_ASSERT_EQUAL(p.items[5].line, 5);
}

static void test_problems_clear__leaves_an_empty_list(void)
{
	struct problems p = {.items = NULL};

	problems_add(&p, "", 1, "wrong");
	problems_clear(&p);
	CU_ASSERT_EQUAL(p.n, 0);
	CU_ASSERT_PTR_NULL(p.items);
	problems_clear(&p);
}

static void test_problems_sort__keeps_the_order_within_a_line(void)
{
	AUTO(problems) struct problems p = {.items = NULL};

	problems_add(&p, "d", 9, "x");
	problems_add(&p, "b", 2, "x");
	problems_add(&p, "c", 2, "x");
	problems_add(&p, "a", 0, "x");
	problems_sort(&p);
	for (size_t i = 0; i < p.n; i++)
		CU_ASSERT_EQUAL(p.items[i].path[0], "abcd"[i]);
}

static void test_problems_to_err__says_nothing_where_there_is_none(void)
{
	struct problems p = {.items = NULL};
	struct err err = {.code = ERR_NONE};

	CU_ASSERT_EQUAL(problems_to_err(&p, &err), 0);
	CU_ASSERT_EQUAL(err.code, ERR_NONE);
}

static void test_problems_to_err__joins_all(void)
{
	AUTO(problems) struct problems p = {.items = NULL};
	struct err err = {.code = ERR_NONE};

	problems_add(&p, "", 1, "must be a mapping");
	problems_add(&p, "spec.vm_id", 2, "is required");
	CU_ASSERT_EQUAL(problems_to_err(&p, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	CU_ASSERT_STRING_EQUAL(err.msg, "must be a mapping; spec.vm_id: is required");
}

static void test_problems_to_err__counts_those_that_do_not_fit(void)
{
	AUTO(problems) struct problems p = {.items = NULL};
	struct err err = {.code = ERR_NONE};

	for (unsigned i = 0; i < LIMIT_PROBLEMS + 6; i++)
		problems_add(&p, "path", i, "%0100u", i);
	CU_ASSERT_EQUAL(problems_to_err(&p, &err), -1);
	ASSERT_HAS(err.msg, "0001; path: ");
	ASSERT_HAS(err.msg, "; and 66 more");
}

static void test_problems_to_err__cuts_a_single_long_one(void)
{
	AUTO(problems) struct problems p = {.items = NULL};
	struct err err = {.code = ERR_NONE};

	problems_add(&p, "path", 1, "%0600u", 1U);
	CU_ASSERT_EQUAL(problems_to_err(&p, &err), -1);
	ASSERT_HAS(err.msg, "path: 0000");
}

TEST_MAIN("problem", TEST(test_problems_add__counts_what_it_does_not_keep),
	TEST(test_problems_clear__leaves_an_empty_list),
	TEST(test_problems_sort__keeps_the_order_within_a_line),
	TEST(test_problems_to_err__says_nothing_where_there_is_none),
	TEST(test_problems_to_err__joins_all),
	TEST(test_problems_to_err__counts_those_that_do_not_fit),
	TEST(test_problems_to_err__cuts_a_single_long_one))
