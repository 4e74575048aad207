/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "api/manifest.h"
#include "base/auto.h"
#include "tests/unit/test.h"

#define IDENTITY "\"name\":\"x\",\"namespace\":\"ns\",\"uid\":\"u-1\",\"resourceVersion\":\"0x7f\""
#define SPEC                                                            \
	"\"spec\":{\"runtime\":\"v8\",\"vm_id\":\"\",\"root_id\":\"\"," \
	"\"image\":{\"protocol\":\"https\",\"uri\":\"h/m.wasm\"}}"

/* What one decoding came to. */
struct outcome {
	struct object *object;
	struct problems problems;
	struct err err;
};

static void auto_outcome(struct outcome *o)
{
	object_free(o->object);
	problems_clear(&o->problems);
}

static void decode(struct outcome *out, enum object_kind kind, const char *json)
{
	AUTO(node) struct node *document = node_from_json(json, strlen(json), &out->err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(document);
	out->object = object_from_server(kind, document, &out->problems, &out->err);
}

static void test_object_from_server__reads_an_extension(void)
{
	AUTO(outcome) struct outcome o = {.object = NULL};

	decode(&o, OBJECT_EXTENSION,
		"{\"metadata\":{" IDENTITY ",\"generation\":7,\"later\":{\"a\":1}}," SPEC
		",\"status\":{\"observedGeneration\":6},\"more\":[]}");
	CU_ASSERT_PTR_NOT_NULL_FATAL(o.object);
	CU_ASSERT_EQUAL(o.problems.n, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(o.object->extension);
	CU_ASSERT_EQUAL(o.object->extension->generation, 7);
	CU_ASSERT_STRING_EQUAL(o.object->extension->namespace, "ns");
	CU_ASSERT_PTR_NOT_NULL_FATAL(o.object->origin);
	CU_ASSERT_STRING_EQUAL(o.object->origin->uid, "u-1");
	CU_ASSERT_STRING_EQUAL(o.object->origin->resource_version, "0x7f");
	CU_ASSERT_EQUAL(o.object->origin->generation, 7);
	CU_ASSERT_FALSE(o.object->origin->deleting);
	CU_ASSERT_PTR_NOT_NULL_FATAL(node_get(o.object->origin->status, "observedGeneration"));
}

static void test_object_from_server__keeps_what_names_an_extension_that_is_refused(void)
{
	AUTO(outcome) struct outcome o = {.object = NULL};

	decode(&o, OBJECT_EXTENSION,
		"{\"metadata\":{" IDENTITY ",\"generation\":2,\"deletionTimestamp\":\"t\"},"
		"\"spec\":{\"runtime\":\"v9\"},\"status\":{}}");
	CU_ASSERT_PTR_NOT_NULL_FATAL(o.object);
	CU_ASSERT_TRUE(o.problems.n > 0);
	CU_ASSERT_PTR_NULL(o.object->extension);
	CU_ASSERT_EQUAL(o.object->kind, OBJECT_EXTENSION);
	CU_ASSERT_STRING_EQUAL(o.object->namespace, "ns");
	CU_ASSERT_STRING_EQUAL(o.object->name, "x");
	CU_ASSERT_EQUAL(o.object->origin->generation, 2);
	CU_ASSERT_TRUE(o.object->origin->deleting);
	CU_ASSERT_PTR_NOT_NULL(o.object->origin->status);
}

static void test_object_from_server__reads_a_secret_of_a_list(void)
{
	AUTO(outcome) struct outcome o = {.object = NULL};

	decode(&o, OBJECT_SECRET,
		"{\"metadata\":{" IDENTITY ",\"annotations\":{\"a\":\"b\","
		"\"kubectl.kubernetes.io/last-applied-configuration\":\"the values\"}},"
		"\"data\":{\"k\":\"dg==\"},\"type\":\"Opaque\",\"new\":true}");
	CU_ASSERT_PTR_NOT_NULL_FATAL(o.object);
	CU_ASSERT_EQUAL(o.problems.n, 0);

	const struct object_value *value = map_get(&o.object->values, "k");

	CU_ASSERT_PTR_NOT_NULL_FATAL(value);
	CU_ASSERT_STRING_EQUAL(value->bytes, "v");
	CU_ASSERT_EQUAL(o.object->annotations.n, 1);
	CU_ASSERT_STRING_EQUAL(map_get(&o.object->annotations, "a"), "b");
}

static void test_object_from_server__reads_both_kinds_of_data_of_a_configmap(void)
{
	AUTO(outcome) struct outcome o = {.object = NULL};

	decode(&o, OBJECT_CONFIGMAP,
		"{\"metadata\":{" IDENTITY "},\"data\":{\"k\":\"v\"},\"binaryData\":{\"l\":"
		"\"dg==\"}}");
	CU_ASSERT_PTR_NOT_NULL_FATAL(o.object);
	CU_ASSERT_EQUAL(o.object->values.n, 2);
	CU_ASSERT_PTR_NULL(o.object->origin->status);
}

static void test_object_from_server__refuses_what_it_cannot_name(void)
{
	static const char *const documents[] = {
		"{}",
		"[]",
		"{\"metadata\":[]}",
		"{\"metadata\":{\"name\":\"x\",\"namespace\":\"ns\"}}",
		"{\"metadata\":{\"name\":\"x\",\"resourceVersion\":\"1\"}}",
		"{\"metadata\":{\"name\":7,\"namespace\":\"ns\",\"resourceVersion\":\"1\"}}",
		"{\"metadata\":{\"name\":\"../x\",\"namespace\":\"ns\",\"resourceVersion\":\"1\"}}",
		"{\"metadata\":{\"name\":\"x\",\"namespace\":\"n/s\",\"resourceVersion\":\"1\"}}",
	};

	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
		AUTO(outcome) struct outcome o = {.object = NULL};

		decode(&o, OBJECT_EXTENSION, documents[i]);
		CU_ASSERT_PTR_NULL(o.object);
		CU_ASSERT_EQUAL(o.err.code, ERR_INVALID);
		ASSERT_HAS(o.err.msg, "metadata");
	}
}

TEST_MAIN("object_server", TEST(test_object_from_server__reads_an_extension),
	TEST(test_object_from_server__keeps_what_names_an_extension_that_is_refused),
	TEST(test_object_from_server__reads_a_secret_of_a_list),
	TEST(test_object_from_server__reads_both_kinds_of_data_of_a_configmap),
	TEST(test_object_from_server__refuses_what_it_cannot_name))
