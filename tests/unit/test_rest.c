/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/rest.h"

#include <cjson/cJSON.h>

#include "api/manifest.h"
#include "artifact/artifact.h"
#include "base/auto.h"
#include "base/json.h"
#include "base/limits.h"
#include "tests/unit/test.h"

static const char manifest_text[] = "apiVersion: wasmxds.tetrate.io/v1alpha1\n"
				    "kind: WasmExtension\n"
				    "metadata: {name: filter, namespace: team}\n"
				    "spec:\n"
				    "  runtime: v8\n"
				    "  vm_id: vm\n"
				    "  root_id: root\n"
				    "  image: {protocol: https, uri: example.com/f.wasm}\n"
				    "  fail_policy: fail_open\n"
				    "  environment: {key_values: {A: b}}\n"
				    "  allow_on_headers_stop_iteration: false\n";

static int parse(struct rest_request *req, const char *text, struct err *err)
{
	return rest_request_parse(req, text, strlen(text), err);
}

static void test_rest_request_parse__reads_either_spelling(void)
{
	static const char *const texts[] = {
		"{\"resource_names\":[\"n/f\"],\"version_info\":\"v\",\"node\":{\"id\":\"x\"}}",
		"{\"resourceNames\":[\"n/f\"],\"versionInfo\":\"v\",\"node\":{\"id\":\"x\"}}",
	};

	for (size_t i = 0; i < 2; i++) {
		AUTO(rest_request) struct rest_request req = {0};
		struct err err;

		CU_ASSERT_EQUAL_FATAL(parse(&req, texts[i], &err), 0);
		CU_ASSERT_STRING_EQUAL(req.name, "n/f");
		CU_ASSERT_STRING_EQUAL(req.version, "v");
		CU_ASSERT_STRING_EQUAL(req.node, "x");
	}
}

static void test_rest_request_parse__refuses_what_is_not_about_one_extension(void)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"", "DiscoveryRequest"},
		{"[]", "must be an object"},
		{"{}", "one name, not 0"},
		{"{\"resource_names\":[]}", "one name, not 0"},
		{"{\"resource_names\":[\"a\",\"b\"]}", "one name, not 2"},
		{"{\"resource_names\":[1]}", "one name"},
		{"{\"resource_names\":\"a\"}", "one name"},
		{"{\"type_url\":\"x\",\"resource_names\":[\"a\"]}", "type_url must be"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(rest_request) struct rest_request req = {0};
		struct err err = {0};

		CU_ASSERT_EQUAL(parse(&req, cases[i].text, &err), -1);
		ASSERT_HAS(err.msg, cases[i].says);
	}
}

static void build(struct record *r)
{
	AUTO(manifest) struct manifest m = {0};
	struct artifact_input in = {.plugin = {.bytes = "say \"hi\"\n\x7f", .len = 10},
		.served_bytes = 4,
		.module_bytes = 4};
	struct err err;

	CU_ASSERT_EQUAL_FATAL(
		manifest_parse(&m, manifest_text, sizeof(manifest_text) - 1, &err), 0);
	CU_ASSERT_EQUAL_FATAL(m.n, 1);
	in.extension = m.objects[0]->extension;
	digest_of(&in.module, "abcd", 4);
	in.served = in.module;
	CU_ASSERT_EQUAL_FATAL(artifact_build(r, &in, &err), 0);
}

static const char *at(const cJSON *tree, const char *const path[])
{
	for (; tree && *path; path++)
		tree = cJSON_GetObjectItemCaseSensitive(tree, *path);
	return cJSON_GetStringValue(tree);
}

static void test_rest_response__is_the_resource_as_proto3_json(void)
{
	AUTO(record) struct record r = RECORD_INIT;
	AUTO(buf) struct buf out = BUF_INIT(LIMIT_MIB);
	AUTO(cjson) cJSON *tree = NULL;
	const cJSON *resource;
	const cJSON *config;
	struct err err;

	build(&r);
	CU_ASSERT_EQUAL_FATAL(rest_response(&out, &r, (const uint8_t *)"abcd", &err), 0);
	tree = json_parse(buf_text(&out), out.len, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(tree);
	CU_ASSERT_STRING_EQUAL(json_text(tree, "version_info"), r.version);
	resource = cJSON_GetArrayItem(cJSON_GetObjectItem(tree, "resources"), 0);
	CU_ASSERT_STRING_EQUAL(json_text(resource, "name"), "team/filter");
	config = cJSON_GetObjectItem(cJSON_GetObjectItem(resource, "typed_config"), "config");
	CU_ASSERT_STRING_EQUAL(json_text(config, "name"), "team/filter");
	CU_ASSERT_STRING_EQUAL(at(config, (const char *const[]){"configuration", "value", NULL}),
		"say \"hi\"\n\x7f");
	CU_ASSERT_STRING_EQUAL(at(config, (const char *const[]){"vm_config", "code", "local",
						  "inline_bytes", NULL}),
		"YWJjZA==");
	CU_ASSERT_STRING_EQUAL(
		at(config, (const char *const[]){"vm_config", "environment_variables", "key_values",
				   "A", NULL}),
		"b");
	CU_ASSERT_STRING_EQUAL(json_text(config, "failure_policy"), "FAIL_OPEN");
	CU_ASSERT_TRUE(
		cJSON_IsFalse(cJSON_GetObjectItem(config, "allow_on_headers_stop_iteration")));
}

static void test_rest_response__stops_at_the_ceiling(void)
{
	AUTO(record) struct record r = RECORD_INIT;
	AUTO(buf) struct buf out = BUF_INIT(100);
	struct err err;

	build(&r);
	CU_ASSERT_EQUAL(rest_response(&out, &r, (const uint8_t *)"abcd", &err), -1);
}

TEST_MAIN("rest", TEST(test_rest_request_parse__reads_either_spelling),
	TEST(test_rest_request_parse__refuses_what_is_not_about_one_extension),
	TEST(test_rest_response__is_the_resource_as_proto3_json),
	TEST(test_rest_response__stops_at_the_ceiling))
