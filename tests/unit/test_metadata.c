/* SPDX-License-Identifier: Apache-2.0 */
#include "api/metadata.h"

#include <stdint.h>

#include "base/auto.h"
#include "tests/unit/test.h"

/* Decodes {"metadata": json}; returns the first problem's message, "" where there is none. */
static struct quoted decode(struct metadata *out, const char *json)
{
	AUTO(problems) struct problems problems = {.items = NULL};
	AUTO(fields) struct fields f = {.path = NULL};
	struct quoted first = {.text = ""};
	struct err err;
	AUTO(node) struct node *node = node_from_json(json, strlen(json), &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(node);
	CU_ASSERT_FATAL(fields_open(&f, node, &problems));
	metadata_decode(out, &f);
	if (problems.n > 0)
		(void)snprintf(first.text, sizeof(first.text), "%s: %s", problems.items[0].path,
			problems.items[0].message);
	return first;
}

static void test_metadata_decode__fills_in_the_namespace(void)
{
	AUTO(metadata) struct metadata m = {.name = NULL};

	CU_ASSERT_STRING_EQUAL(decode(&m, "{\"metadata\":{\"name\":\"a.b\"}}").text, "");
	CU_ASSERT_STRING_EQUAL(m.name, "a.b");
	CU_ASSERT_STRING_EQUAL(m.namespace, "default");
	CU_ASSERT_EQUAL(m.generation, 0);
}

static void refuses(const char *json, const char *want)
{
	AUTO(metadata) struct metadata m = {.name = NULL};
	struct quoted got = decode(&m, json);

	ASSERT_HAS(got.text, want);
}

static void test_metadata_decode__refuses_a_wrong_generation(void)
{
	refuses("{\"metadata\":{\"name\":\"a\",\"generation\":-1}}", "metadata.generation: must");
	refuses("{\"metadata\":{\"name\":\"a\",\"generation\":1e30}}", "metadata.generation: must");
	refuses("{\"metadata\":{\"name\":\"a\",\"generation\":0.5}}", "0 or more, not 0.5");
	refuses("{\"metadata\":{\"name\":\"a\",\"generation\":true}}", "a number, not a boolean");
}

static void test_metadata_decode__wants_a_name(void)
{
	refuses("{}", "metadata: is required");
	refuses("{\"metadata\":{}}", "metadata.name: is required");
	refuses("{\"metadata\":{\"generateName\":\"a-\"}}", "generateName alone names nothing");
	refuses("{\"metadata\":{\"name\":\"a\",\"labels\":{\"b/c\":null}}}",
		"metadata.labels[\"b/c\"]: must be a string, not null");
}

TEST_MAIN("metadata", TEST(test_metadata_decode__fills_in_the_namespace),
	TEST(test_metadata_decode__refuses_a_wrong_generation),
	TEST(test_metadata_decode__wants_a_name))
