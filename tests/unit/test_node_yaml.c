/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "api/node.h"
#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

static void parse(struct node_list *out, const char *text)
{
	struct err err = {.code = ERR_NONE};

	CU_ASSERT_EQUAL(node_list_from_yaml(out, text, strlen(text), &err), 0);
	if (err.code != ERR_NONE)
		printf("\n  %s\n", err.msg);
}

static void expect(const struct node *node, enum node_kind kind, const char *text, unsigned line)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(node);
	CU_ASSERT_EQUAL(node->kind, kind);
	CU_ASSERT_EQUAL(node->line, line);
	if (text) {
		CU_ASSERT_PTR_NOT_NULL_FATAL(node->text);
		CU_ASSERT_STRING_EQUAL(node->text, text);
	}
}

static void test_node_list_from_yaml__reads_kinds_and_lines(void)
{
	AUTO(node_list) struct node_list list = {.items = NULL};
	const struct node *root = NULL;

	parse(&list, "# first\n"
		     "text: plain words\n"
		     "number: 1_0\n"
		     "bool: Off\n"
		     "\"null\": ~\n"
		     "quoted: 'true'\n"
		     "block: |\n"
		     "  two\n"
		     "  lines\n"
		     "map:\n"
		     "  inner: [a,\n"
		     "    b]\n"
		     "8080: port\n");
	CU_ASSERT_EQUAL_FATAL(list.n, 1);
	root = list.items[0];
	expect(root, NODE_MAP, NULL, 2);
	expect(node_get(root, "text"), NODE_TEXT, "plain words", 2);
	expect(node_get(root, "number"), NODE_NUMBER, "1_0", 3);
	expect(node_get(root, "bool"), NODE_BOOL, "Off", 4);
	expect(node_get(root, "null"), NODE_NULL, NULL, 5);
	expect(node_get(root, "quoted"), NODE_TEXT, "true", 6);
	expect(node_get(root, "block"), NODE_TEXT, "two\nlines\n", 7);
	expect(node_get(root, "map"), NODE_MAP, NULL, 10);
	expect(node_get(node_get(root, "map"), "inner"), NODE_LIST, NULL, 11);
	expect(&node_get(node_get(root, "map"), "inner")->children[1], NODE_TEXT, "b", 12);
	expect(node_get(root, "8080"), NODE_TEXT, "port", 13);
}

static void test_node_list_from_yaml__leaves_out_empty_documents(void)
{
	AUTO(node_list) struct node_list list = {.items = NULL};

	parse(&list, "---\n---\n~\n---\na\n...\n---\n# nothing\n---\n[]\n");
	CU_ASSERT_EQUAL_FATAL(list.n, 2);
	expect(list.items[0], NODE_TEXT, "a", 5);
	expect(list.items[1], NODE_LIST, NULL, 10);
}

static void test_node_list_from_yaml__writes_aliases_out(void)
{
	AUTO(node_list) struct node_list list = {.items = NULL};
	const struct node *copy = NULL;

	parse(&list, "a: &x {k: [1, two]}\nb: *x\nc: &x 5\nd: *x\n");
	CU_ASSERT_EQUAL_FATAL(list.n, 1);
	copy = node_get(list.items[0], "b");
	expect(copy, NODE_MAP, NULL, 2);
	expect(&node_get(copy, "k")->children[1], NODE_TEXT, "two", 1);
	expect(node_get(list.items[0], "d"), NODE_NUMBER, "5", 4);
}

static void test_node_list_from_yaml__keeps_nul_bytes_of_a_text(void)
{
	AUTO(node_list) struct node_list list = {.items = NULL};

	parse(&list, "\"a\\0b\"");
	CU_ASSERT_EQUAL_FATAL(list.n, 1);
	CU_ASSERT_EQUAL(list.items[0]->text_len, 3);
	CU_ASSERT_EQUAL(memcmp(list.items[0]->text, "a\0b", 4), 0);
}

static void refuses(const char *text, const char *says)
{
	AUTO(node_list) struct node_list list = {.items = NULL};
	struct err err = {.code = ERR_NONE};

	CU_ASSERT_EQUAL(node_list_from_yaml(&list, text, strlen(text), &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	CU_ASSERT_PTR_NULL(list.items);
	ASSERT_HAS(err.msg, says);
}

static void test_node_list_from_yaml__names_the_line_of_what_is_wrong(void)
{
	refuses("a: 1\nb: 2\na: 3\n", "line 3: the key \"a\" stands there already on line 1");
	refuses("a: 1\n<<: {b: 2}\n", "line 2: merge keys");
	refuses("a: 1\nno: 2\n", "line 2: the key \"no\" is read as a boolean");
	refuses("a: 1\n~: 2\n", "line 2: the key \"~\" is read as null");
	refuses("a: 1\nb: !x {}\n", "line 2: tag \"!x\"");
	refuses("a: 1\nb: ! []\n", "line 2: tag \"!\"");
	refuses("a: 1\n!!str b: []\n", "line 2: tag");
	refuses("a: &a 1\n*a : 2\n", "line 2: a key must be plain text");
	refuses("&a a: &b 1\nc: *a\n", "line 2: alias \"a\"");
	refuses("a: &a 1\n---\nb: *a\n", "line 3: alias \"a\"");
	refuses("a: b: c\n", "line 1, column 5: mapping values are not allowed in this context: "
			     "check the indentation");
	refuses("a:\n\tb: 1\n", "indent with blanks, not with tabs");
	refuses("a: \"\\ud800\"\n", "line 1");
	refuses("a: 1\n\xff", "line 2: invalid leading UTF-8 octet");
}

static char *repeat(const char *part, size_t n)
{
	size_t len = strlen(part);
	char *out = xmalloc(n * len + 1);

	for (size_t i = 0; i < n; i++)
		memcpy(out + i * len, part, len);
	out[n * len] = '\0';
	return out;
}

static void test_node_list_from_yaml__stays_within_its_ceilings(void)
{
	AUTO(free) char *nodes = repeat("- a\n", LIMIT_NODE_COUNT);
	AUTO(free) char *documents = repeat("--- a\n", LIMIT_MANIFEST_DOCUMENTS + 1);
	AUTO(free) char *depth = repeat("[", LIMIT_NODE_DEPTH + 2);
	AUTO(free) char *tags = repeat("%TAG !a! b\n", LIMIT_YAML_TAGS + 1);
	AUTO(free) char *bytes = repeat("#", LIMIT_MANIFEST_BYTES + 1);

	refuses(nodes, "line 200000: more than 200000 values");
	refuses(documents, "line 20001: more than 20000 documents");
	refuses(depth, "nested deeper than 64");
	refuses(bytes, "at most 4194304 are read");
	refuses(tags, "more than 64 times \"%TAG\"");
}

TEST_MAIN("node_yaml", TEST(test_node_list_from_yaml__reads_kinds_and_lines),
	TEST(test_node_list_from_yaml__leaves_out_empty_documents),
	TEST(test_node_list_from_yaml__writes_aliases_out),
	TEST(test_node_list_from_yaml__keeps_nul_bytes_of_a_text),
	TEST(test_node_list_from_yaml__names_the_line_of_what_is_wrong),
	TEST(test_node_list_from_yaml__stays_within_its_ceilings))
