/* SPDX-License-Identifier: Apache-2.0 */
#include "api/name.h"

#include "base/limits.h"
#include "tests/unit/test.h"

typedef int check_fn(const char *name, struct err *err);

static void takes(check_fn *check, const char *name)
{
	struct err err;

	CU_ASSERT_EQUAL(check(name, &err), 0);
}

static void refuses(check_fn *check, const char *name, const char *says)
{
	struct err err = {.code = ERR_NONE};

	CU_ASSERT_EQUAL(check(name, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, says);
}

static void length(check_fn *check, size_t max)
{
	char name[512] = "";

	memset(name, 'a', max);
	takes(check, name);
	name[max] = 'a';
	refuses(check, name, "must be at most");
	refuses(check, "", "must not be empty");
}

static void test_name_check_subdomain__follows_kubernetes(void)
{
	length(name_check_subdomain, LIMIT_NAME_BYTES);
	takes(name_check_subdomain, "a.b-c.0");
	refuses(name_check_subdomain, "A", "not \"A\"");
	refuses(name_check_subdomain, "a_b", "not \"a_b\"");
	refuses(name_check_subdomain, ".a", "not");
	refuses(name_check_subdomain, "a.", "not");
	refuses(name_check_subdomain, "a.-b", "not");
	refuses(name_check_subdomain, "a/b", "not");
}

static void test_name_check_label__follows_kubernetes(void)
{
	length(name_check_label, LIMIT_NAMESPACE_BYTES);
	takes(name_check_label, "0-a");
	refuses(name_check_label, "a.b", "not \"a.b\"");
	refuses(name_check_label, "-a", "not");
	refuses(name_check_label, "a-", "not");
	refuses(name_check_label, "../a", "not");
}

static void test_name_check_key__follows_kubernetes(void)
{
	length(name_check_key, LIMIT_KEY_BYTES);
	takes(name_check_key, "A_b-c.9");
	takes(name_check_key, ".hidden");
	refuses(name_check_key, ".", "not \".\"");
	refuses(name_check_key, "..a", "not");
	refuses(name_check_key, "a/b", "not");
	refuses(name_check_key, "a b", "not");
}

TEST_MAIN("name", TEST(test_name_check_subdomain__follows_kubernetes),
	TEST(test_name_check_label__follows_kubernetes),
	TEST(test_name_check_key__follows_kubernetes))
