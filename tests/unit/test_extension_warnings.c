/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "api/extension.h"
#include "base/auto.h"
#include "base/lend.h"
#include "tests/unit/test.h"

#define WARNING_BYTES 120 /* of "path: message", as Kubernetes wants it */

static struct extension example(enum image_protocol protocol, const char *uri)
{
	struct extension ext = {.image = {.protocol = protocol}};

	ext.image.uri = lend(uri);
	return ext;
}

static void check_sizes(const struct problems *warnings)
{
	for (size_t i = 0; i < warnings->n; i++) {
		const struct problem *p = &warnings->items[i];

		CU_ASSERT(strlen(p->path) + strlen(": ") + strlen(p->message) <= WARNING_BYTES);
	}
}

/* path NULL: there is no warning. */
static void expect(const struct extension *ext, const char *path, const char *part)
{
	AUTO(problems) struct problems warnings = {.items = NULL};

	extension_warnings(ext, &warnings);
	CU_ASSERT_EQUAL_FATAL(warnings.n, path ? 1 : 0);
	check_sizes(&warnings);
	if (!path)
		return;
	CU_ASSERT_STRING_EQUAL(warnings.items[0].path, path);
	ASSERT_HAS(warnings.items[0].message, part);
}

static void test_extension_warnings__finds_a_tag_that_pins_nothing(void)
{
	struct extension ext = example(PROTOCOL_OCI, "registry.example/team/filter:v1");

	expect(&ext, "spec.image.uri", "pin it by \"@sha256:");
	digest_of(&ext.image.sha256, "module", 6);
	expect(&ext, NULL, NULL);
	ext = example(PROTOCOL_OCI, "registry.example/team/filter@sha256:00");
	expect(&ext, NULL, NULL);
	ext = example(PROTOCOL_OCI, "registry.example/team/filter:v1");
	ext.image.track_ms = 1;
	expect(&ext, NULL, NULL);
}

static void test_extension_warnings__finds_http_that_is_not_verified(void)
{
	struct extension ext = example(PROTOCOL_HTTP, "example.com/f.wasm");

	expect(&ext, "spec.image.sha256", "http lets anybody on the way change the module");
	digest_of(&ext.image.sha256, "module", 6);
	expect(&ext, NULL, NULL);
}

static void test_extension_warnings__is_silent_on_the_other_sources(void)
{
	static const enum image_protocol protocols[] = {
		PROTOCOL_LOCAL_FS, PROTOCOL_HTTPS, PROTOCOL_S3};

	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		struct extension ext = example(protocols[i], "some/where");

		expect(&ext, NULL, NULL);
	}
}

static void test_extension_warnings__finds_unwise_options(void)
{
	struct extension ext = example(PROTOCOL_LOCAL_FS, "f.wasm");

	ext.runtime = RUNTIME_WAVM;
	expect(&ext, "spec.runtime", "wavm");
	ext.runtime = RUNTIME_V8;
	ext.allow_precompiled = true;
	expect(&ext, "spec.allow_precompiled", "machine code");
	ext.allow_precompiled = false;
	ext.nack_on_code_cache_miss = true;
	expect(&ext, "spec.nack_on_code_cache_miss", "has no effect");
}

static void test_extension_warnings__adds_all_that_there_are(void)
{
	AUTO(problems) struct problems warnings = {.items = NULL};
	struct extension ext = example(PROTOCOL_HTTP, "example.com/f.wasm");

	ext.runtime = RUNTIME_WAVM;
	ext.allow_precompiled = true;
	extension_warnings(&ext, &warnings);
	CU_ASSERT_EQUAL(warnings.n, 3);
	check_sizes(&warnings);
}

TEST_MAIN("extension_warnings", TEST(test_extension_warnings__finds_a_tag_that_pins_nothing),
	TEST(test_extension_warnings__finds_http_that_is_not_verified),
	TEST(test_extension_warnings__is_silent_on_the_other_sources),
	TEST(test_extension_warnings__finds_unwise_options),
	TEST(test_extension_warnings__adds_all_that_there_are))
