/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of each field stand in tests/unit/data/manifest, which test_manifest.c goes through. */
#include <stdlib.h>

#include "api/manifest.h"
#include "base/auto.h"
#include "tests/unit/test.h"

static struct object *decode(const char *json, struct problems *problems)
{
	struct err err;
	AUTO(node) struct node *node = node_from_json(json, strlen(json), &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(node);
	return object_from_node(node, problems);
}

static void test_object_from_node__reads_a_secret(void)
{
	AUTO(problems) struct problems problems = {.items = NULL};
	AUTO(object)
	struct object *object =
		decode("{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"s\","
		       "\"annotations\":{\"a\":\"b\"}},\"data\":{\"k\":\"AGI=\",\"l\":\"Yg==\"},"
		       "\"stringData\":{\"l\":\"c\"}}",
			&problems);

	CU_ASSERT_PTR_NOT_NULL_FATAL(object);

	const struct object_value *bytes = map_get(&object->values, "k");
	const struct object_value *text = map_get(&object->values, "l");

	CU_ASSERT_EQUAL(object->kind, OBJECT_SECRET);
	CU_ASSERT_STRING_EQUAL(object->namespace, "default");
	CU_ASSERT_STRING_EQUAL(map_get(&object->annotations, "a"), "b");
	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	CU_ASSERT_EQUAL_FATAL(bytes->len, 2);
	CU_ASSERT_EQUAL(memcmp(bytes->bytes, "\0b", 2), 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_STRING_EQUAL(text->bytes, "c");
}

static void test_object_from_node__passes_over_other_kinds(void)
{
	AUTO(problems) struct problems problems = {.items = NULL};

	CU_ASSERT_PTR_NULL(decode("{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}", &problems));
	CU_ASSERT_PTR_NULL(decode("{\"kind\":\"Secret\",\"apiVersion\":\"a/v1\"}", &problems));
	CU_ASSERT_EQUAL(problems.n, 0);
}

static void test_object_from_node__gives_bare_paths(void)
{
	AUTO(problems) struct problems problems = {.items = NULL};

	CU_ASSERT_PTR_NULL(decode("{\"kind\":\"Secret\",\"apiVersion\":\"v1\"}", &problems));
	CU_ASSERT_EQUAL_FATAL(problems.n, 1);
	CU_ASSERT_STRING_EQUAL(problems.items[0].path, "metadata");
}

static void test_object_key__identifies_an_object(void)
{
	AUTO(free) char *key = object_key(OBJECT_CONFIGMAP, "a", "b");

	CU_ASSERT_STRING_EQUAL(key, "ConfigMap/a/b");
	CU_ASSERT_STRING_EQUAL(object_kind_name(OBJECT_EXTENSION), "WasmExtension");
	CU_ASSERT_STRING_EQUAL(object_kind_name(OBJECT_SECRET), "Secret");
}

TEST_MAIN("object", TEST(test_object_from_node__reads_a_secret),
	TEST(test_object_from_node__passes_over_other_kinds),
	TEST(test_object_from_node__gives_bare_paths), TEST(test_object_key__identifies_an_object))
