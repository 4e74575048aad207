/* SPDX-License-Identifier: Apache-2.0 */
#include "api/fields.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

/* A document, its fields and what is found wrong with them. */
struct fixture {
	struct node_list list;
	struct problems problems;
	struct fields fields;
};

static void fixture_open(struct fixture *x, const char *yaml)
{
	struct err err;

	*x = (struct fixture){.list = {.items = NULL}};
	CU_ASSERT_EQUAL_FATAL(node_list_from_yaml(&x->list, yaml, strlen(yaml), &err), 0);
	CU_ASSERT_EQUAL_FATAL(x->list.n, 1);
	CU_ASSERT_FATAL(fields_open(&x->fields, x->list.items[0], &x->problems));
}

static void auto_fixture(struct fixture *x)
{
	fields_clear(&x->fields);
	problems_clear(&x->problems);
	node_list_clear(&x->list);
}

static void expect_problem(
	const struct fixture *x, unsigned line, const char *path, const char *message)
{
	CU_ASSERT_EQUAL_FATAL(x->problems.n, 1);
	CU_ASSERT_EQUAL(x->problems.items[0].line, line);
	CU_ASSERT_STRING_EQUAL(x->problems.items[0].path, path);
	CU_ASSERT_STRING_EQUAL(x->problems.items[0].message, message);
}

static void test_fields_open__refuses_what_is_no_mapping(void)
{
	AUTO(problems) struct problems problems = {.items = NULL};
	struct node text = {.kind = NODE_TEXT, .line = 3};
	struct fields f;

	CU_ASSERT_FALSE(fields_open(&f, &text, &problems));
	CU_ASSERT_EQUAL_FATAL(problems.n, 1);
	CU_ASSERT_STRING_EQUAL(problems.items[0].message, "must be a mapping, not a string");
}

static void test_fields_text__returns_what_is_text(void)
{
	AUTO(fixture) struct fixture x;

	fixture_open(&x, "a: b\nc: \"\"\nd: ~\n");
	CU_ASSERT_STRING_EQUAL(fields_text(&x.fields, "a", FIELD_REQUIRED), "b");
	CU_ASSERT_STRING_EQUAL(fields_text(&x.fields, "c", FIELD_REQUIRED), "");
	CU_ASSERT_PTR_NULL(fields_text(&x.fields, "d", FIELD_OPTIONAL));
	CU_ASSERT_PTR_NULL(fields_text(&x.fields, "e", FIELD_OPTIONAL));
	CU_ASSERT_EQUAL(x.problems.n, 0);
}

static void refuses_text(const char *yaml, const char *message)
{
	AUTO(fixture) struct fixture x;

	fixture_open(&x, yaml);
	CU_ASSERT_PTR_NULL(fields_text(&x.fields, "a", FIELD_REQUIRED));
	expect_problem(&x, 1, "a", message);
}

static void test_fields_text__says_what_stands_there_instead(void)
{
	refuses_text("a: ~", "is required");
	refuses_text("a: 0x7", "must be a string, not the number 0x7 (quote it)");
	refuses_text("a: no", "must be a string, not the boolean no (quote it)");
	refuses_text("a: []", "must be a string, not a list");
	refuses_text("a: {}", "must be a string, not a mapping");
	refuses_text("a: \"\\0\"", "must not hold a NUL");
}

static void test_fields_text__cuts_a_long_number(void)
{
	AUTO(free) char *yaml = xasprintf("a: %0200d", 0);
	AUTO(fixture) struct fixture x;

	fixture_open(&x, yaml);
	CU_ASSERT_PTR_NULL(fields_text(&x.fields, "a", FIELD_REQUIRED));
	CU_ASSERT_EQUAL_FATAL(x.problems.n, 1);
	ASSERT_HAS(x.problems.items[0].message, "0000… (quote it)");
	CU_ASSERT(strlen(x.problems.items[0].message) < 140);
}

static void test_fields_text_of__hides_a_secret(void)
{
	AUTO(fixture) struct fixture x;

	fixture_open(&x, "a: 123\n");
	CU_ASSERT_PTR_NULL(fields_text_of(&x.fields, &x.fields.map->children[0], FIELD_SECRET));
	expect_problem(&x, 1, "a", "must be a string, not a number (quote it)");
}

static void test_fields_enter__extends_the_path(void)
{
	AUTO(fixture) struct fixture x;
	AUTO(fields) struct fields a = {.path = NULL};
	AUTO(fields) struct fields b = {.path = NULL};

	fixture_open(&x, "a:\n  \"b.c\\n\":\n    d: 5\n");
	CU_ASSERT_FATAL(fields_enter(&a, &x.fields, "a", FIELD_REQUIRED));
	CU_ASSERT_FATAL(fields_enter(&b, &a, "b.c\n", FIELD_REQUIRED));
	CU_ASSERT_PTR_NULL(fields_text(&b, "d", FIELD_REQUIRED));
	expect_problem(&x, 3, "a[\"b.c\\x0a\"].d", "must be a string, not the number 5 (quote it)");
}

static void test_fields_enter__needs_a_mapping(void)
{
	AUTO(fixture) struct fixture x;
	AUTO(fields) struct fields f = {.path = NULL};

	fixture_open(&x, "a: ~\nb: []\n");
	CU_ASSERT_FALSE(fields_enter(&f, &x.fields, "a", FIELD_OPTIONAL));
	CU_ASSERT_EQUAL(x.problems.n, 0);
	CU_ASSERT_FALSE(fields_enter(&f, &x.fields, "b", FIELD_OPTIONAL));
	expect_problem(&x, 2, "b", "must be a mapping, not a list");
}

static void test_fields_enter_list__names_items_by_their_place(void)
{
	AUTO(fixture) struct fixture x;
	AUTO(fields) struct fields list = {.path = NULL};

	fixture_open(&x, "a:\n- b\n- 5\n");
	CU_ASSERT_FATAL(fields_enter_list(&list, &x.fields, "a", FIELD_REQUIRED));
	CU_ASSERT_EQUAL_FATAL(list.map->n, 2);
	CU_ASSERT_STRING_EQUAL(fields_text_of(&list, &list.map->children[0], FIELD_SHOWN), "b");
	CU_ASSERT_PTR_NULL(fields_text_of(&list, &list.map->children[1], FIELD_SHOWN));
	expect_problem(&x, 3, "a[1]", "must be a string, not the number 5 (quote it)");
}

static void test_fields_enter_list__needs_a_list(void)
{
	AUTO(fixture) struct fixture x;
	AUTO(fields) struct fields f = {.path = NULL};

	fixture_open(&x, "a: ~\nb: {}\n");
	CU_ASSERT_FALSE(fields_enter_list(&f, &x.fields, "a", FIELD_OPTIONAL));
	CU_ASSERT_EQUAL(x.problems.n, 0);
	CU_ASSERT_FALSE(fields_enter_list(&f, &x.fields, "b", FIELD_OPTIONAL));
	expect_problem(&x, 2, "b", "must be a list, not a mapping");
}

static int check_is_good(const char *text, struct err *err)
{
	return strcmp(text, "good") == 0 ? 0 : err_set(err, ERR_INVALID, "must be good");
}

static void test_fields_checked__returns_what_passes(void)
{
	AUTO(fixture) struct fixture x;

	fixture_open(&x, "a: good\nb: bad\n");
	CU_ASSERT_STRING_EQUAL(
		fields_checked(&x.fields, "a", FIELD_REQUIRED, check_is_good), "good");
	CU_ASSERT_PTR_NULL(fields_checked(&x.fields, "c", FIELD_OPTIONAL, check_is_good));
	CU_ASSERT_EQUAL(x.problems.n, 0);
	CU_ASSERT_PTR_NULL(fields_checked(&x.fields, "b", FIELD_REQUIRED, check_is_good));
	expect_problem(&x, 2, "b", "must be good");
}

static void test_fields_choice__returns_which(void)
{
	static const char *const choices[] = {"one", "two", NULL};
	AUTO(fixture) struct fixture x;

	fixture_open(&x, "a: one\nb: two\nc: Two\n");
	CU_ASSERT_EQUAL(fields_choice(&x.fields, "a", FIELD_REQUIRED, choices, 7), 0);
	CU_ASSERT_EQUAL(fields_choice(&x.fields, "b", FIELD_REQUIRED, choices, 7), 1);
	CU_ASSERT_EQUAL(fields_choice(&x.fields, "d", FIELD_OPTIONAL, choices, 7), 7);
	CU_ASSERT_EQUAL(x.problems.n, 0);
	CU_ASSERT_EQUAL(fields_choice(&x.fields, "c", FIELD_OPTIONAL, choices, 7), 7);
	expect_problem(&x, 3, "c", "must be one of one, two, not \"Two\"");
}

static void test_fields_bool__reads_all_that_yaml_has(void)
{
	static const struct {
		const char *yaml;
		bool value;
	} rows[] = {{"a: true", true}, {"a: Yes", true}, {"a: y", true}, {"a: ON", true},
		{"a: on", true}, {"a: false", false}, {"a: NO", false}, {"a: n", false},
		{"a: off", false}, {"a: Off", false}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO(fixture) struct fixture x;
		bool value = !rows[i].value;

		fixture_open(&x, rows[i].yaml);
		CU_ASSERT(fields_bool(&x.fields, "a", &value));
		CU_ASSERT_EQUAL(value, rows[i].value);
	}
}

static void test_fields_bool__leaves_what_is_not_given(void)
{
	AUTO(fixture) struct fixture x;
	bool value = true;

	fixture_open(&x, "a: ~\nb: \"false\"\n");
	CU_ASSERT_FALSE(fields_bool(&x.fields, "a", &value));
	CU_ASSERT_EQUAL(x.problems.n, 0);
	CU_ASSERT_FALSE(fields_bool(&x.fields, "b", &value));
	CU_ASSERT(value);
	expect_problem(&x, 2, "b", "must be a boolean, not a string");
}

static void test_fields_check_known__counts_beyond_the_ceiling(void)
{
	static const char *const known[] = {"known", NULL};
	AUTO(buf) struct buf yaml = BUF_INIT(LIMIT_KIB);
	AUTO(fixture) struct fixture x;
	struct err err;

	for (unsigned i = 0; i < LIMIT_PROBLEMS + 2; i++)
		CU_ASSERT_EQUAL(buf_printf(&yaml, &err, "f%u: 1\n", i), 0);
	CU_ASSERT_EQUAL(buf_printf(&yaml, &err, "known: 1\n"), 0);
	fixture_open(&x, buf_text(&yaml));
	fields_check_known(&x.fields, known);
	CU_ASSERT_EQUAL(x.problems.n, LIMIT_PROBLEMS);
	CU_ASSERT_EQUAL(x.problems.more, 2);
	CU_ASSERT_STRING_EQUAL(
		x.problems.items[0].message, "unknown field; the known ones are known");
}

static void test_fields_check_constant__says_what_must_be_there(void)
{
	AUTO(fixture) struct fixture x;

	fixture_open(&x, "a: v1\nb: v2\n");
	fields_check_constant(&x.fields, "a", "v1");
	CU_ASSERT_EQUAL(x.problems.n, 0);
	fields_check_constant(&x.fields, "b", "v1");
	expect_problem(&x, 2, "b", "must be \"v1\", not \"v2\"");
}

TEST_MAIN("fields", TEST(test_fields_open__refuses_what_is_no_mapping),
	TEST(test_fields_text__returns_what_is_text),
	TEST(test_fields_text__says_what_stands_there_instead),
	TEST(test_fields_text__cuts_a_long_number), TEST(test_fields_text_of__hides_a_secret),
	TEST(test_fields_enter__extends_the_path), TEST(test_fields_enter__needs_a_mapping),
	TEST(test_fields_enter_list__names_items_by_their_place),
	TEST(test_fields_enter_list__needs_a_list), TEST(test_fields_checked__returns_what_passes),
	TEST(test_fields_choice__returns_which), TEST(test_fields_bool__reads_all_that_yaml_has),
	TEST(test_fields_bool__leaves_what_is_not_given),
	TEST(test_fields_check_known__counts_beyond_the_ceiling),
	TEST(test_fields_check_constant__says_what_must_be_there))
