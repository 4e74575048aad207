/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/look_up.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/xalloc.h"
#include "tests/unit/aws_server.h"
#include "tests/unit/build_tar.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/http_server.h"
#include "tests/unit/registry_fixture.h"
#include "tests/unit/script_server.h"
#include "tests/unit/test.h"

#define LONG_MS 30000
#define SHORT_MS 200

static struct look_up request_of(const struct fetch_options *options, const char *uri)
{
	return (struct look_up){
		.options = options,
		.source = FETCH_OCI,
		.uri = uri,
		.hash_max = 1 << 20,
		.module_max = 1 << 20,
		.deadline_ms = io_monotonic_ms() + LONG_MS,
	};
}

static struct digest module_digest(void)
{
	struct digest d;

	digest_of(&d, fixture_module, fixture_module_size);
	return d;
}

static void expect_module(const struct finding *found, bool looked)
{
	struct digest want = module_digest();

	if (found->err.code != ERR_NONE)
		printf("\n  %s\n", found->err.msg);
	CU_ASSERT_EQUAL(found->err.code, ERR_NONE);
	CU_ASSERT_STRING_EQUAL(found->digest.hex, want.hex);
	CU_ASSERT_EQUAL(found->size, looked ? fixture_module_size : 0);
	CU_ASSERT_EQUAL(found->module.code, ERR_NONE);
}

static void test_look_up__takes_the_digest_from_the_manifest(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();
	AUTO(free) char *uri = xasprintf("127.0.0.1:%u/a:v1", fake->port);
	const struct fetch_options options = fixture_options();
	struct look_up request = request_of(&options, uri);
	struct finding found;

	(void)registry_fixture_module(fake);
	look_up(&found, &request);
	expect_module(&found, false);
}

static void test_look_up__asks_for_no_module_that_is_not_wanted(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();
	AUTO(free) char *uri = xasprintf("127.0.0.1:%u/a:v1", fake->port);
	const struct fetch_options options = fixture_options();
	struct look_up request = request_of(&options, uri);
	struct finding found;

	(void)registry_fixture_module(fake);
	look_up(&found, &request);
	request.wants_module = true;
	request.module_max = fixture_module_size - 1;
	look_up(&found, &request);
	expect_module(&found, false);
	CU_ASSERT_PTR_NULL(strstr(fake->log, "/blobs/"));
	request.module_max = fixture_module_size;
	look_up(&found, &request);
	expect_module(&found, true);
	CU_ASSERT_PTR_NOT_NULL(strstr(fake->log, "/blobs/"));
}

static void test_look_up__says_what_a_module_lacks(void)
{
	static const char page[] = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>";
	AUTO(script_server) struct script_server *s = script_server_start_bytes(page, strlen(page));
	AUTO(free) char *uri = xasprintf("127.0.0.1:%u/a.wasm", script_server_port(s));
	const struct fetch_options options = fixture_options();
	struct look_up request = request_of(&options, uri);
	struct finding found;

	request.source = FETCH_HTTP;
	look_up(&found, &request);
	CU_ASSERT_EQUAL(found.err.code, ERR_NONE);
	CU_ASSERT_EQUAL(found.module.code, ERR_INVALID);
	ASSERT_HAS(found.module.msg, "HTML");
	CU_ASSERT_EQUAL(found.size, 6);
}

static enum err_code http_code(
	struct http_server *server, const char *path, int64_t time_ms, uint64_t hash_max)
{
	const struct fetch_options options = fixture_options();
	AUTO(free) char *uri = xasprintf("127.0.0.1:%u%s", http_server_port(server), path);
	struct look_up request = request_of(&options, uri);
	struct finding found;

	request.source = FETCH_HTTP;
	request.hash_max = hash_max;
	request.deadline_ms = io_monotonic_ms() + time_ms;
	look_up(&found, &request);
	if (found.err.code == ERR_NONE)
		expect_module(&found, true);
	return found.err.code;
}

static void test_look_up__hashes_what_a_web_server_sends(void)
{
	AUTO(http_server) struct http_server *server = http_server_start(NULL, NULL);

	CU_ASSERT_EQUAL(http_code(server, "/module", LONG_MS, 1 << 20), ERR_NONE);
	CU_ASSERT_EQUAL(http_code(server, "/module", LONG_MS, 10), ERR_FULL);
	CU_ASSERT_EQUAL(http_code(server, "/endless", LONG_MS, 1000), ERR_FULL);
	CU_ASSERT_EQUAL(http_code(server, "/status/404", LONG_MS, 1000), ERR_NOT_FOUND);
	CU_ASSERT_EQUAL(http_code(server, "/status/403", LONG_MS, 1000), ERR_DENIED);
	CU_ASSERT_EQUAL(http_code(server, "/status/418", LONG_MS, 1000), ERR_FULL);
	CU_ASSERT_EQUAL(http_code(server, "/status/503", LONG_MS, 1000), ERR_TRANSIENT);
}

static void test_look_up__ends_at_its_deadline(void)
{
	AUTO(http_server) struct http_server *server = http_server_start(NULL, NULL);
	int64_t before = io_monotonic_ms();

	CU_ASSERT_EQUAL(http_code(server, "/silent", SHORT_MS, 1000), ERR_TRANSIENT);
	CU_ASSERT_EQUAL(http_code(server, "/stall", SHORT_MS, 1 << 20), ERR_TRANSIENT);
	CU_ASSERT_EQUAL(http_code(server, "/module", 0, 1000), ERR_TRANSIENT);
	CU_ASSERT_TRUE(io_monotonic_ms() - before < LONG_MS);
}

/* A layer that is a tar has to come for its module's digest to be known. */
static void test_look_up__unpacks_an_image(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();
	AUTO(buf) struct buf tar = BUF_INIT(1 << 20);
	const struct fetch_options options = fixture_options();
	AUTO(free) char *uri = xasprintf("127.0.0.1:%u/a:tar", fake->port);
	AUTO(free) char *layer = NULL;
	AUTO(free) char *manifest = NULL;
	struct look_up request = request_of(&options, uri);
	struct finding found;

	tar_add_file(&tar, "plugin.wasm", fixture_module, fixture_module_size);
	tar_end(&tar);
	struct digest blob = registry_fixture_blob(fake, tar.data, tar.len);

	layer = fixture_descriptor("application/vnd.oci.image.layer.v1.tar", &blob, tar.len);
	manifest = xasprintf("{\"schemaVersion\":2,\"mediaType\":\"" FIXTURE_MANIFEST
			     "\",\"config\":%s,\"layers\":[%s]}",
		layer, layer);
	(void)registry_fixture_document(fake, FIXTURE_MANIFEST, "tar", manifest);
	look_up(&found, &request);
	expect_module(&found, true);
	request.hash_max = tar.len - 1;
	look_up(&found, &request);
	CU_ASSERT_EQUAL(found.err.code, ERR_FULL);
}

/* Looks at bucket/k of a store; returns how many requests that took. */
static size_t look_at_store(
	struct finding *found, const struct aws_route *routes, size_t n, bool wants_module)
{
	AUTO(aws_server) struct aws_server *s = aws_server_start(routes, n);
	AUTO(free) char *url = xasprintf("AWS_ENDPOINT_URL_S3=%s", aws_server_url(s));
	const char *const environment[] = {url, "AWS_EC2_METADATA_DISABLED=true", NULL};
	AUTO(aws_fixture) struct aws_fixture f = {0};

	aws_fixture_init(&f, environment);
	struct look_up request = request_of(&f.options, "bucket/k");

	request.source = FETCH_S3;
	request.wants_module = wants_module;
	look_up(found, &request);
	return aws_server_requests(s);
}

#define STATED "x-amz-checksum-sha256: Eglw2BKDbxmIhiVYekYGpa0jzvMchoTmAXcVUlSPxrk="
#define STATED_HEX "120970d812836f19888625587a4606a5ad23cef31c8684e601771552548fc6b9"

static void test_look_up__believes_what_a_store_states(void)
{
	static const struct aws_route routes[] = {
		{"HEAD", "/bucket/k", NULL, 200, STATED, "module"},
		{"GET", "/bucket/k", "Range: bytes=0-512", 206, NULL, "module"},
		{"GET", "/bucket/k", NULL, 200, NULL, "module"},
	};
	struct finding found;

	CU_ASSERT_EQUAL(look_at_store(&found, routes, 2, false), 2);
	CU_ASSERT_EQUAL(found.err.code, ERR_NONE);
	CU_ASSERT_STRING_EQUAL(found.digest.hex, STATED_HEX);
	CU_ASSERT_EQUAL(found.size, 0);
	CU_ASSERT_EQUAL(look_at_store(&found, routes, 3, true), 3);
	CU_ASSERT_STRING_EQUAL(found.digest.hex, STATED_HEX);
	CU_ASSERT_EQUAL(found.size, 6);
	CU_ASSERT_EQUAL(found.module.code, ERR_INVALID);
}

static void test_look_up__hashes_what_a_store_states_nothing_of(void)
{
	static const struct aws_route routes[] = {
		{"HEAD", "/bucket/k", NULL, 403, NULL, ""},
		{"GET", "/bucket/k", NULL, 200, NULL, "module"},
	};
	struct finding found;

	CU_ASSERT_EQUAL(look_at_store(&found, routes, 2, false), 2);
	CU_ASSERT_EQUAL(found.err.code, ERR_NONE);
	CU_ASSERT_STRING_EQUAL(found.digest.hex, STATED_HEX);
	CU_ASSERT_EQUAL(found.size, 6);
	(void)look_at_store(&found, routes, 1, false);
	CU_ASSERT_EQUAL(found.err.code, ERR_NOT_FOUND);
}

static void test_look_up__knows_a_manifest_without_a_module(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();
	AUTO(free) char *uri = xasprintf("127.0.0.1:%u/a:none", fake->port);
	const struct fetch_options options = fixture_options();
	struct look_up request = request_of(&options, uri);
	struct finding found;

	(void)registry_fixture_document(
		fake, FIXTURE_MANIFEST, "none", "{\"schemaVersion\":2,\"layers\":[]}");
	look_up(&found, &request);
	CU_ASSERT_EQUAL(found.err.code, ERR_INVALID);
}

TEST_MAIN("look_up", TEST(test_look_up__takes_the_digest_from_the_manifest),
	TEST(test_look_up__asks_for_no_module_that_is_not_wanted),
	TEST(test_look_up__says_what_a_module_lacks),
	TEST(test_look_up__hashes_what_a_web_server_sends),
	TEST(test_look_up__ends_at_its_deadline), TEST(test_look_up__unpacks_an_image),
	TEST(test_look_up__believes_what_a_store_states),
	TEST(test_look_up__hashes_what_a_store_states_nothing_of),
	TEST(test_look_up__knows_a_manifest_without_a_module))
