/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/outline.h"

#include <stdlib.h>

#include "api/node.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

/* The text is copied, so that a sanitizer sees who reads beyond it. */
static struct node *outline(const char *text, bool event)
{
	size_t n = strlen(text);
	AUTO(free) char *exact = xmalloc(n ? n : 1);

	memcpy(exact, text, n);
	return event ? outline_of_event(exact, n) : outline_of_object(exact, n);
}

static void expect_same(const char *text, const char *want, bool event)
{
	AUTO(node) struct node *got = outline(text, event);
	struct err err;
	AUTO(node) struct node *wanted = node_from_json(want, strlen(want), &err);

	CU_ASSERT_PTR_NOT_NULL(wanted);
	CU_ASSERT_TRUE(node_equal(got, wanted));
}

#define IDENTITY "\"name\":\"a\",\"namespace\":\"n\",\"uid\":\"u\",\"resourceVersion\":\"7\""

static void test_outline_of_object__keeps_what_names_it_and_its_status(void)
{
	expect_same("{\"kind\":\"X\",\"metadata\":{\"annotations\":{\"name\":1e999}," IDENTITY
		    ",\"generation\":3,\"labels\":{}},\"spec\":{\"status\":{\"no\":1}},"
		    "\"status\":{\"conditions\":[{\"type\":\"Ready\"}]}}",
		"{\"metadata\":{" IDENTITY
		",\"generation\":3},\"status\":{\"conditions\":[{\"type\":\"Ready\"}]}}",
		false);
	expect_same(" { \"metadata\" : { \"resourceVersion\" : \"7\" , \"generation\" : 3 } } ",
		"{\"metadata\":{\"resourceVersion\":\"7\",\"generation\":3}}", false);
}

static void test_outline_of_object__is_not_misled_by_strings(void)
{
	expect_same("{\"a\":\"\\\"metadata\\\":{\",\"b\\\"\":[\"}\\\\\",{\"metadata\":{}}],"
		    "\"metadata\":{\"x\":\"\\u0000]}\\\\\"," IDENTITY "}}",
		"{\"metadata\":{" IDENTITY "}}", false);
}

static void test_outline_of_object__leaves_a_status_that_cannot_be_read(void)
{
	expect_same("{\"metadata\":{" IDENTITY "},\"status\":{\"node\":1e999}}",
		"{\"metadata\":{" IDENTITY "}}", false);
}

static void test_outline_of_event__keeps_its_type(void)
{
	expect_same("{\"type\":\"DELETED\",\"object\":{\"x\":1e999,\"metadata\":{" IDENTITY "}}}",
		"{\"type\":\"DELETED\",\"object\":{\"metadata\":{" IDENTITY "}}}", true);
}

static void test_outline_of_object__finds_nothing_in_other_texts(void)
{
	static const char *const texts[] = {"", "{", "null", "[{\"metadata\":{" IDENTITY "}}]",
		"{\"metadata\":[]}", "{\"metadata\":{\"name\":\"a\"}}", "{\"metadata\":{" IDENTITY,
		"{\"metadata\" {" IDENTITY "}}", "{\"metadata\":{\"resourceVersion\":}}",
		"{\"metadata\":{\"resourceVersion\":1e999}}",
		"{\"spec\":{\"metadata\":{" IDENTITY "}}}"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		AUTO(node) struct node *got = outline(texts[i], false);

		if (got)
			printf("\n  %s\n", texts[i]);
		CU_ASSERT_PTR_NULL(got);
		CU_ASSERT_PTR_NULL(outline(texts[i], true));
	}
	CU_ASSERT_PTR_NULL(outline("{\"object\":{\"metadata\":{" IDENTITY "}}}", true));
}

static void test_outline_of_object__wants_the_whole_of_it(void)
{
	static const char whole[] = "{\"s\":\"\\\\\\u0000\",\"metadata\":{" IDENTITY
				    ",\"generation\":1},\"status\":{\"a\":[1,{}]}}";
	const size_t len = sizeof(whole) - 1;

	for (size_t n = 0; n <= len; n++) {
		AUTO(free) char *part = xmalloc(n + 1);

		memcpy(part, whole, n);
		part[n] = '\0';
		AUTO(node) struct node *got = outline(part, false);

		CU_ASSERT_EQUAL(got != NULL, n == len);
	}
}

TEST_MAIN("outline", TEST(test_outline_of_object__keeps_what_names_it_and_its_status),
	TEST(test_outline_of_object__is_not_misled_by_strings),
	TEST(test_outline_of_object__leaves_a_status_that_cannot_be_read),
	TEST(test_outline_of_event__keeps_its_type),
	TEST(test_outline_of_object__finds_nothing_in_other_texts),
	TEST(test_outline_of_object__wants_the_whole_of_it))
