/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/policy.h"

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

static const char text[] = "# who may have what\n"
			   "spiffe://example.org/ns/shop/*\tshop,shared # the shop\n"
			   "\r\n"
			   "  gateway.example.org   *\r\n"
			   "edge.example.org edge";

static struct policy *parse(const char *from, struct err *err)
{
	return policy_parse(from, strlen(from), err);
}

static struct grant *grant_of(const struct policy *p, const char *a, const char *b)
{
	AUTO(free) char *first = xstrdup(a);
	AUTO(free) char *second = xstrdup(b ? b : "");
	char *names[] = {first, second};

	return policy_grant(p, names, b ? 2 : 1);
}

static void test_policy_grant__gives_what_the_matching_lines_say(void)
{
	struct err err;
	AUTO(policy) struct policy *p = parse(text, &err);
	struct grant *shop = grant_of(p, "spiffe://example.org/ns/shop/sa/web", NULL);
	struct grant *all = grant_of(p, "gateway.example.org", NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(shop);
	CU_ASSERT_TRUE(grant_allows(shop, "shop/filter"));
	CU_ASSERT_TRUE(grant_allows(shop, "shared/filter"));
	CU_ASSERT_FALSE(grant_allows(shop, "shopping/filter"));
	CU_ASSERT_FALSE(grant_allows(shop, "sho/filter"));
	CU_ASSERT_FALSE(grant_allows(shop, "bank/filter"));
	CU_ASSERT_PTR_NOT_NULL_FATAL(all);
	CU_ASSERT_TRUE(grant_allows(all, "bank/filter"));
	grant_free(shop);
	grant_free(all);
}

static void test_policy_grant__adds_up_the_lines_of_several_names(void)
{
	struct err err;
	AUTO(policy) struct policy *p = parse(text, &err);
	struct grant *g = grant_of(p, "edge.example.org", "spiffe://example.org/ns/shop/");

	CU_ASSERT_PTR_NOT_NULL_FATAL(g);
	CU_ASSERT_TRUE(grant_allows(g, "edge/filter"));
	CU_ASSERT_TRUE(grant_allows(g, "shop/filter"));
	CU_ASSERT_FALSE(grant_allows(g, "bank/filter"));
	grant_free(g);
}

static void test_policy_grant__gives_nothing_to_strangers(void)
{
	struct err err;
	AUTO(policy) struct policy *p = parse(text, &err);
	static const char *const strangers[] = {"spiffe://example.org/ns/shop", "example.org",
		"gateway.example.org.evil.test", "xgateway.example.org", "", "*"};

	for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++)
		CU_ASSERT_PTR_NULL(grant_of(p, strangers[i], NULL));
	CU_ASSERT_PTR_NULL(policy_grant(p, NULL, 0));
}

static void test_policy_parse__names_the_line_without_namespaces(void)
{
	struct err err;

	CU_ASSERT_PTR_NULL(parse("a *\n\nspiffe://b   # nothing\n", &err));
	ASSERT_HAS(err.msg, "line 3");
	ASSERT_HAS(err.msg, "\"spiffe://b\"");
}

static void test_grant_equal__compares_what_is_given(void)
{
	struct err err;
	AUTO(policy) struct policy *before = parse("a x,y\n", &err);
	AUTO(policy) struct policy *same = parse("# moved\na x,y\nb z\n", &err);
	AUTO(policy) struct policy *after = parse("a x\n", &err);
	struct grant *g = grant_of(before, "a", NULL);
	struct grant *kept = grant_of(same, "a", NULL);
	struct grant *less = grant_of(after, "a", NULL);

	CU_ASSERT_TRUE(grant_equal(g, kept));
	CU_ASSERT_FALSE(grant_equal(g, less));
	CU_ASSERT_FALSE(grant_equal(g, NULL));
	CU_ASSERT_TRUE(grant_equal(NULL, NULL));
	grant_free(g);
	grant_free(kept);
	grant_free(less);
}

TEST_MAIN("policy", TEST(test_policy_grant__gives_what_the_matching_lines_say),
	TEST(test_policy_grant__adds_up_the_lines_of_several_names),
	TEST(test_policy_grant__gives_nothing_to_strangers),
	TEST(test_policy_parse__names_the_line_without_namespaces),
	TEST(test_grant_equal__compares_what_is_given))
