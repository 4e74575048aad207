/* SPDX-License-Identifier: Apache-2.0 */
#include "api/node.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

static void test_node_get__finds_a_child_of_a_mapping_only(void)
{
	AUTO(node) struct node *map = xcalloc(1, sizeof(*map));
	struct node *child = NULL;

	map->kind = NODE_MAP;
	child = node_add_child(map);
	child->key = xstrdup("a");
	child = node_add_child(map);
	child->key = xstrdup("b");
	CU_ASSERT_PTR_EQUAL(node_get(map, "b"), &map->children[1]);
	CU_ASSERT_PTR_NULL(node_get(map, "c"));
	CU_ASSERT_PTR_NULL(node_get(NULL, "a"));
	CU_ASSERT_PTR_NULL(node_get(&map->children[0], "a"));
}

static void test_node_add_child__keeps_the_order(void)
{
	AUTO(node) struct node *list = xcalloc(1, sizeof(*list));

	list->kind = NODE_LIST;
	for (unsigned i = 0; i < 100; i++)
		node_add_child(list)->line = i;
	CU_ASSERT_EQUAL(list->n, 100);
	for (unsigned i = 0; i < 100; i++) {
		CU_ASSERT_EQUAL(list->children[i].line, i);
		CU_ASSERT_EQUAL(list->children[i].kind, NODE_NULL);
	}
}

static void test_node_clear__leaves_null(void)
{
	struct node node = {.kind = NODE_TEXT};

	node.text = xstrdup("x");
	node_add_child(&node)->text = xstrdup("y");
	node_clear(&node);
	CU_ASSERT_EQUAL(node.kind, NODE_NULL);
	CU_ASSERT_PTR_NULL(node.text);
	CU_ASSERT_EQUAL(node.n, 0);
	node_free(NULL);
}

static void test_node_kind_name__names_every_kind(void)
{
	CU_ASSERT_STRING_EQUAL(node_kind_name(NODE_NULL), "null");
	CU_ASSERT_STRING_EQUAL(node_kind_name(NODE_BOOL), "a boolean");
	CU_ASSERT_STRING_EQUAL(node_kind_name(NODE_NUMBER), "a number");
	CU_ASSERT_STRING_EQUAL(node_kind_name(NODE_TEXT), "a string");
	CU_ASSERT_STRING_EQUAL(node_kind_name(NODE_LIST), "a list");
	CU_ASSERT_STRING_EQUAL(node_kind_name(NODE_MAP), "a mapping");
}

static bool equal(const char *a, const char *b)
{
	struct err err;
	AUTO(node) struct node *x = node_from_json(a, strlen(a), &err);
	AUTO(node) struct node *y = node_from_json(b, strlen(b), &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(x);
	CU_ASSERT_PTR_NOT_NULL_FATAL(y);
	return node_equal(x, y);
}

static void test_node_equal__compares_all_the_way_down(void)
{
	CU_ASSERT_TRUE(equal("{\"a\":[1,{\"b\":null}]}", "{\"a\":[1,{\"b\":null}]}"));
	CU_ASSERT_FALSE(equal("{\"a\":[1,{\"b\":null}]}", "{\"a\":[1,{\"b\":0}]}"));
	CU_ASSERT_FALSE(equal("{\"a\":1}", "{\"b\":1}"));
	CU_ASSERT_FALSE(equal("{\"a\":1,\"b\":2}", "{\"a\":1}"));
	CU_ASSERT_FALSE(equal("\"1\"", "1"));
	CU_ASSERT_FALSE(equal("\"ab\"", "\"abc\""));
	CU_ASSERT_FALSE(equal("[]", "{}"));
	CU_ASSERT_TRUE(node_equal(NULL, NULL));
	CU_ASSERT_FALSE(node_equal(NULL, &(struct node){.kind = NODE_NULL}));
}

TEST_MAIN("node", TEST(test_node_equal__compares_all_the_way_down),
	TEST(test_node_get__finds_a_child_of_a_mapping_only),
	TEST(test_node_add_child__keeps_the_order), TEST(test_node_clear__leaves_null),
	TEST(test_node_kind_name__names_every_kind))
