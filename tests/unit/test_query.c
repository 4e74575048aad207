/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/query.h"

#include <stdlib.h>

#include "base/auto.h"
#include "tests/unit/test.h"

#define PATH "/api/v1/namespaces/x/secrets"

static void test_query_list__asks_for_a_page_and_for_the_next(void)
{
	AUTO(free) char *first = query_list(PATH, NULL, NULL);
	AUTO(free) char *next = query_list(PATH, NULL, "ey+J/2 &=%");

	CU_ASSERT_STRING_EQUAL(first, PATH "?limit=500");
	CU_ASSERT_STRING_EQUAL(next, PATH "?limit=500&continue=ey%2BJ%2F2%20%26%3D%25");
}

static void test_query_watch__goes_on_from_a_version_which_is_opaque(void)
{
	AUTO(free) char *plain = query_watch(PATH, NULL, "10245", 300);
	AUTO(free) char *odd = query_watch(PATH, NULL, "1&watch=false", 300);

	CU_ASSERT_STRING_EQUAL(plain, PATH "?watch=true&allowWatchBookmarks=true&timeoutSeconds=300"
					   "&resourceVersion=10245");
	CU_ASSERT_STRING_EQUAL(odd, PATH "?watch=true&allowWatchBookmarks=true&timeoutSeconds=300"
					 "&resourceVersion=1%26watch%3Dfalse");
}

static void test_query__may_be_about_one_object(void)
{
	AUTO(free) char *list = query_list(PATH, "a.b", NULL);
	AUTO(free) char *watch = query_watch(PATH, "a b", "1", 240);

	CU_ASSERT_STRING_EQUAL(list, PATH "?limit=500&fieldSelector=metadata.name%3Da.b");
	CU_ASSERT_PTR_NOT_NULL(strstr(watch, "&resourceVersion=1&fieldSelector="));
	CU_ASSERT_PTR_NOT_NULL(strstr(watch, "metadata.name%3Da%20b"));
}

TEST_MAIN("query", TEST(test_query_list__asks_for_a_page_and_for_the_next),
	TEST(test_query_watch__goes_on_from_a_version_which_is_opaque),
	TEST(test_query__may_be_about_one_object))
