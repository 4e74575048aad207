/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of each field stand in tests/unit/data/manifest, which test_manifest.c goes through. */
#include "api/extension.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

#define DOCUMENT(name, configuration)                                                            \
	"{\"apiVersion\":\"" EXTENSION_API_VERSION "\",\"kind\":\"WasmExtension\",\"metadata\":" \
	"{\"name\":\"" name "\",\"namespace\":\"prod\",\"generation\":4},\"spec\":{\"runtime\":" \
	"\"wavm\",\"vm_id\":\"v\",\"root_id\":\"\",\"image\":{\"protocol\":\"s3\",\"uri\":"      \
	"\"bucket/key\"},\"plugin_configuration\":" configuration "}}"

static struct extension *decode(const char *json, struct problems *problems)
{
	struct err err;
	AUTO(node) struct node *node = node_from_json(json, strlen(json), &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(node);
	return extension_from_node(node, problems);
}

static void test_extension_from_node__takes_all_fields_over(void)
{
	AUTO(problems) struct problems problems = {.items = NULL};
	AUTO(extension)
	struct extension *ext = decode(
		DOCUMENT("x", "{\"valueFrom\":{\"secretKeyRef\":{\"name\":\"s\",\"key\":\"k\"}}}"),
		&problems);

	CU_ASSERT_PTR_NOT_NULL_FATAL(ext);
	CU_ASSERT_EQUAL(problems.n, 0);
	CU_ASSERT_STRING_EQUAL(ext->name, "x");
	CU_ASSERT_STRING_EQUAL(ext->namespace, "prod");
	CU_ASSERT_EQUAL(ext->generation, 4);
	CU_ASSERT_EQUAL(ext->runtime, RUNTIME_WAVM);
	CU_ASSERT_STRING_EQUAL(ext->vm_id, "v");
	CU_ASSERT_STRING_EQUAL(ext->root_id, "");
	CU_ASSERT_EQUAL(ext->plugin_configuration.kind, CONFIG_SECRET);
	CU_ASSERT_STRING_EQUAL(ext->plugin_configuration.namespace, "prod");
	CU_ASSERT_STRING_EQUAL(ext->plugin_configuration.name, "s");
	CU_ASSERT_STRING_EQUAL(ext->plugin_configuration.key, "k");
	CU_ASSERT_EQUAL(ext->vm_configuration.kind, CONFIG_NONE);
	CU_ASSERT_EQUAL(ext->image.protocol, PROTOCOL_S3);
	CU_ASSERT_STRING_EQUAL(ext->image.uri, "bucket/key");
	CU_ASSERT_FALSE(digest_is_set(&ext->image.sha256));
}

static void test_extension_from_node__adds_to_the_problems_there_are(void)
{
	AUTO(problems) struct problems problems = {.items = NULL};
	AUTO(extension) struct extension *bad = decode(DOCUMENT("X", "null"), &problems);
	AUTO(extension) struct extension *good = decode(DOCUMENT("x", "null"), &problems);

	CU_ASSERT_PTR_NULL(bad);
	CU_ASSERT_PTR_NOT_NULL(good);
	CU_ASSERT_EQUAL_FATAL(problems.n, 1);
	CU_ASSERT_STRING_EQUAL(problems.items[0].path, "metadata.name");
	CU_ASSERT_EQUAL(problems.items[0].line, 0);
}

static void test_extension_from_node__fails_when_problems_are_only_counted(void)
{
	AUTO(problems) struct problems problems = {.items = NULL};

	for (unsigned i = 0; i < LIMIT_PROBLEMS; i++)
		problems_add(&problems, "", 0, "full");
	CU_ASSERT_PTR_NULL(decode(DOCUMENT("X", "null"), &problems));
	CU_ASSERT_EQUAL(problems.more, 1);
}

static void test_extension_from_node__bounds_a_value(void)
{
	AUTO(problems) struct problems problems = {.items = NULL};
	AUTO(free) char *value = xmalloc(LIMIT_CONFIG_BYTES + 2);
	struct node *configuration = NULL;
	struct err err;
	const char *json = DOCUMENT("x", "{\"value\":\"\"}");
	AUTO(node) struct node *node = node_from_json(json, strlen(json), &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(node);
	memset(value, 'x', LIMIT_CONFIG_BYTES + 1);
	value[LIMIT_CONFIG_BYTES + 1] = '\0';
	configuration = &node->children[3].children[4];
	CU_ASSERT_STRING_EQUAL_FATAL(configuration->key, "plugin_configuration");
	free(configuration->children[0].text);
	configuration->children[0].text = STEAL(value);
	configuration->children[0].text_len = LIMIT_CONFIG_BYTES + 1;
	CU_ASSERT_PTR_NULL(extension_from_node(node, &problems));
	CU_ASSERT_EQUAL_FATAL(problems.n, 1);
	CU_ASSERT_STRING_EQUAL(
		problems.items[0].message, "must be at most 1048576 bytes, not 1048577");
}

/* Bytes of key_values are counted together, names and values. */
static struct extension *decode_variables(size_t value_bytes, struct problems *problems)
{
	AUTO(free) char *value = xmalloc(value_bytes + 1);
	AUTO(free) char *json = NULL;

	memset(value, 'x', value_bytes);
	value[value_bytes] = '\0';
	json = xasprintf(
		DOCUMENT("x", "null,\"environment\":{\"key_values\":{\"AB\":\"%s\"}}"), value);
	return decode(json, problems);
}

static void test_extension_from_node__bounds_the_environment(void)
{
	AUTO(problems) struct problems problems = {.items = NULL};
	AUTO(extension)
	struct extension *most = decode_variables(LIMIT_ENVIRONMENT_BYTES - 2, &problems);
	AUTO(extension) struct extension *more = NULL;

	CU_ASSERT_PTR_NOT_NULL(most);
	CU_ASSERT_EQUAL(problems.n, 0);
	more = decode_variables(LIMIT_ENVIRONMENT_BYTES - 1, &problems);
	CU_ASSERT_PTR_NULL(more);
	CU_ASSERT_EQUAL_FATAL(problems.n, 1);
	CU_ASSERT_STRING_EQUAL(problems.items[0].path, "spec.environment.key_values");
	CU_ASSERT_STRING_EQUAL(
		problems.items[0].message, "must be at most 262144 bytes in all, not 262145");
}

/* Two manifests that say the same in another order are the same to Envoy. */
static void test_extension_from_node__puts_names_in_order(void)
{
	AUTO(problems) struct problems problems = {.items = NULL};
	AUTO(extension)
	struct extension *ext =
		decode(DOCUMENT("x", "null,\"environment\":{\"host_env_keys\":[\"b\",\"a\"],"
				     "\"key_values\":{\"d\":\"4\",\"c\":\"3\"}},"
				     "\"capabilities\":{\"allowed\":[\"f\",\"e\"]}"),
			&problems);

	CU_ASSERT_PTR_NOT_NULL_FATAL(ext);
	CU_ASSERT_EQUAL_FATAL(ext->environment.host_keys.n, 2);
	CU_ASSERT_STRING_EQUAL(ext->environment.host_keys.items[0], "a");
	CU_ASSERT_STRING_EQUAL(ext->environment.host_keys.items[1], "b");
	CU_ASSERT_EQUAL_FATAL(ext->environment.n_variables, 2);
	CU_ASSERT_STRING_EQUAL(ext->environment.variables[0].name, "c");
	CU_ASSERT_STRING_EQUAL(ext->environment.variables[0].value, "3");
	CU_ASSERT_STRING_EQUAL(ext->environment.variables[1].name, "d");
	CU_ASSERT_EQUAL_FATAL(ext->capabilities.n, 2);
	CU_ASSERT_STRING_EQUAL(ext->capabilities.items[0], "e");
	CU_ASSERT_STRING_EQUAL(ext->capabilities.items[1], "f");
}

static void test_extension_resource_name__is_what_envoy_asks_for(void)
{
	AUTO(problems) struct problems problems = {.items = NULL};
	AUTO(extension) struct extension *ext = decode(DOCUMENT("x", "null"), &problems);

	CU_ASSERT_PTR_NOT_NULL_FATAL(ext);

	AUTO(free) char *name = extension_resource_name(ext);

	CU_ASSERT_STRING_EQUAL(name, "prod/x");
}

static void test_extension_runtime_envoy_name__is_envoys(void)
{
	CU_ASSERT_STRING_EQUAL(extension_runtime_envoy_name(RUNTIME_V8), "envoy.wasm.runtime.v8");
	CU_ASSERT_STRING_EQUAL(
		extension_runtime_envoy_name(RUNTIME_WAMR), "envoy.wasm.runtime.wamr");
	CU_ASSERT_STRING_EQUAL(
		extension_runtime_envoy_name(RUNTIME_WASMTIME), "envoy.wasm.runtime.wasmtime");
	CU_ASSERT_STRING_EQUAL(
		extension_runtime_envoy_name(RUNTIME_WAVM), "envoy.wasm.runtime.wavm");
}

static void test_extension_names__are_the_manifests(void)
{
	CU_ASSERT_STRING_EQUAL(extension_runtime_name(RUNTIME_WASMTIME), "wasmtime");
	CU_ASSERT_STRING_EQUAL(extension_protocol_name(PROTOCOL_LOCAL_FS), "local_fs");
	CU_ASSERT_STRING_EQUAL(extension_protocol_name(PROTOCOL_OCI), "oci");
}

TEST_MAIN("extension", TEST(test_extension_from_node__takes_all_fields_over),
	TEST(test_extension_from_node__adds_to_the_problems_there_are),
	TEST(test_extension_from_node__fails_when_problems_are_only_counted),
	TEST(test_extension_from_node__bounds_a_value),
	TEST(test_extension_from_node__bounds_the_environment),
	TEST(test_extension_from_node__puts_names_in_order),
	TEST(test_extension_resource_name__is_what_envoy_asks_for),
	TEST(test_extension_runtime_envoy_name__is_envoys),
	TEST(test_extension_names__are_the_manifests))
