/* SPDX-License-Identifier: Apache-2.0 */
#include "api/node.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

static struct node *parse(const char *text)
{
	struct err err;

	return node_from_json(text, strlen(text), &err);
}

static void expect(const struct node *node, enum node_kind kind, const char *text)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(node);
	CU_ASSERT_EQUAL(node->kind, kind);
	CU_ASSERT_EQUAL(node->line, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(node->text);
	CU_ASSERT_STRING_EQUAL(node->text, text);
	CU_ASSERT_EQUAL(node->text_len, strlen(text));
}

static void test_node_from_json__reads_every_kind(void)
{
	AUTO(node)
	struct node *node = parse("{\"t\":\"\\u00fc\",\"i\":123,\"f\":0.1,\"big\":"
				  "5000000000,\"y\":true,\"n\":false,\"z\":null,\"l\":"
				  "[1,[]],\"m\":{}}");

	CU_ASSERT_PTR_NOT_NULL_FATAL(node);
	CU_ASSERT_EQUAL(node->kind, NODE_MAP);
	expect(node_get(node, "t"), NODE_TEXT, "ü");
	expect(node_get(node, "i"), NODE_NUMBER, "123");
	expect(node_get(node, "f"), NODE_NUMBER, "0.1");
	expect(node_get(node, "big"), NODE_NUMBER, "5000000000");
	expect(node_get(node, "y"), NODE_BOOL, "true");
	expect(node_get(node, "n"), NODE_BOOL, "false");
	CU_ASSERT_EQUAL(node_get(node, "z")->kind, NODE_NULL);
	CU_ASSERT_EQUAL(node_get(node, "l")->kind, NODE_LIST);
	CU_ASSERT_EQUAL(node_get(node, "l")->n, 2);
	CU_ASSERT_PTR_NULL(node_get(node, "l")->children[0].key);
	CU_ASSERT_EQUAL(node_get(node, "m")->kind, NODE_MAP);
}

static void refuses(const char *text, size_t n, const char *says)
{
	struct err err = {.code = ERR_NONE};
	AUTO(node) struct node *node = node_from_json(text, n, &err);

	CU_ASSERT_PTR_NULL(node);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, says);
}

static void test_node_from_json__refuses_what_is_not_json(void)
{
	refuses("", 0, "JSON");
	refuses("{\"a\":1,\"a\":2}", 13, "twice");
}

static void test_node_from_json__keeps_nuls(void)
{
	AUTO(node) struct node *node = parse("{\"t\":\"a\\u0000b\\u0000\",\"\\u0000\":\"c\"}");
	const struct node *text = node_get(node, "t");

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_EQUAL(text->text_len, 4);
	CU_ASSERT_EQUAL(memcmp(text->text, "a\0b\0", 5), 0);
	CU_ASSERT_PTR_NULL(node_text(text));
	CU_ASSERT_STRING_EQUAL(node_text(node_get(node, JSON_NUL)), "c");
	CU_ASSERT_PTR_NULL(node_text(NULL));
	CU_ASSERT_PTR_NULL(node_text(node));
}

static void test_node_from_json__refuses_too_many_values(void)
{
	size_t n = (LIMIT_NODE_COUNT + 1) * strlen("1,");
	AUTO(free) char *text = xmalloc(n + 2);

	for (size_t i = 0; i < n; i += 2)
		memcpy(text + 1 + i, "1,", 2);
	text[0] = '[';
	text[n] = ']';
	refuses(text, n + 1, "more than 200000 values");
}

TEST_MAIN("node_json", TEST(test_node_from_json__reads_every_kind),
	TEST(test_node_from_json__refuses_what_is_not_json), TEST(test_node_from_json__keeps_nuls),
	TEST(test_node_from_json__refuses_too_many_values))
