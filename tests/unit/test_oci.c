/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/oci.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/registry_fixture.h"
#include "tests/unit/test.h"

#define MODULE "application/wasm"
#define GZIP "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"

/* One fetch of an image of the fixture. */
struct outing {
	struct fetch_options options;
	struct fetch_request request;
	struct fetch_task task;
	struct sink sink;
	char *uri; /* owned */
	int fd;    /* owned */
};

static void auto_outing(struct outing *o)
{
	sink_clear(&o->sink);
	free(o->uri);
	auto_fd(&o->fd);
}

/* version: ":v1" or "@sha256:..." */
static void outing_init(struct outing *o, const struct registry_fixture *fake, const char *version)
{
	o->options = fixture_options();
	o->options.retry.tries = 1;
	o->uri = xasprintf("127.0.0.1:%u/a%s", fake->port, version);
	o->request = (struct fetch_request){.source = FETCH_OCI, .uri = o->uri};
	o->task = (struct fetch_task){.options = &o->options, .request = &o->request};
	o->fd = fixture_file();
	sink_init(&o->sink, o->fd, o->options.max_bytes);
}

static void assert_module(struct outing *o)
{
	struct err err = {.msg = ""};

	if (oci_fetch(&o->task, &o->sink, &err) < 0)
		printf("\n  %s: %s\n", o->uri, err.msg);
	CU_ASSERT_TRUE(fixture_file_is(o->fd, fixture_module, fixture_module_size));
}

static void refuses_with(struct outing *o, enum err_code code, const char *says)
{
	struct err err = {.code = ERR_NONE, .msg = ""};

	CU_ASSERT_EQUAL(oci_fetch(&o->task, &o->sink, &err), -1);
	CU_ASSERT_EQUAL(err.code, code);
	ASSERT_HAS(err.msg, says);
}

static void refuses(const struct registry_fixture *fake, const char *version, enum err_code code,
	const char *says)
{
	AUTO(outing) struct outing o = {.fd = -1};

	outing_init(&o, fake, version);
	refuses_with(&o, code, says);
}

static void test_oci_fetch__brings_what_a_tag_leads_to(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();
	struct digest manifest = registry_fixture_module(fake);
	AUTO(outing) struct outing o = {.fd = -1};

	outing_init(&o, fake, ":v1");
	assert_module(&o);
	CU_ASSERT_STRING_EQUAL(o.task.manifest.hex, manifest.hex);
	ASSERT_HAS(fake->log, "GET /v2/a/manifests/v1 -\nGET /v2/a/blobs/sha256:");
}

static void test_oci_fetch__asks_for_each_kind_of_manifest(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();

	refuses(fake, ":v1", ERR_NOT_FOUND, "manifest v1: answered 404");
	ASSERT_HAS(fake->last_ask, "Accept: application/vnd.oci.image.manifest.v1+json, "
				   "application/vnd.oci.image.index.v1+json, "
				   "application/vnd.docker.distribution.manifest.v2+json, "
				   "application/vnd.docker.distribution.manifest.list.v2+json");
}

static void test_oci_fetch__brings_what_a_digest_pins(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();
	struct digest manifest = registry_fixture_module(fake);
	AUTO(free) char *version = xasprintf("@sha256:%s", manifest.hex);
	AUTO(outing) struct outing o = {.fd = -1};

	outing_init(&o, fake, version);
	assert_module(&o);
	CU_ASSERT_STRING_EQUAL(o.task.manifest.hex, manifest.hex);
}

static void test_oci_fetch__refuses_another_manifest_than_that_of_the_digest(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();
	const char *hex = "1111111111111111111111111111111111111111111111111111111111111111";
	AUTO(free) char *path = xasprintf("/v2/a/manifests/sha256:%s", hex);
	AUTO(free) char *version = xasprintf("@sha256:%s", hex);

	registry_fixture_serve(fake, path, "", "{}", 2);
	refuses(fake, version, ERR_UNVERIFIED, "its bytes' sha256 is 44136fa3");
}

static void test_oci_fetch__holds_the_registry_to_its_word(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();

	registry_fixture_serve(fake, "/v2/a/manifests/v1",
		"Docker-Content-Digest: sha256:"
		"1111111111111111111111111111111111111111111111111111111111111111\r\n",
		"{}", 2);
	refuses(fake, ":v1", ERR_UNVERIFIED, "the registry says that it is 11111111");
}

/* Serves an index of one entry as a:tag, and returns its digest. */
static struct digest serve_index(struct registry_fixture *fake, const char *tag, const char *type,
	const struct digest *entry, size_t size)
{
	AUTO(free) char *descriptor = fixture_descriptor(type, entry, size);
	AUTO(free)
	char *text = xasprintf("{\"schemaVersion\":2,\"manifests\":[%s]}", descriptor);

	return registry_fixture_document(fake, FIXTURE_INDEX, tag, text);
}

/* The size of the document that was served last. */
static size_t last_size(const struct registry_fixture *fake)
{
	return fake->routes[fake->n_routes - 1].n;
}

static void test_oci_fetch__follows_an_index(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();
	struct digest manifest = registry_fixture_module(fake);
	struct digest index = serve_index(fake, "i", FIXTURE_MANIFEST, &manifest, last_size(fake));
	AUTO(outing) struct outing o = {.fd = -1};

	outing_init(&o, fake, ":i");
	assert_module(&o);
	CU_ASSERT_STRING_EQUAL(o.task.manifest.hex, index.hex);
}

static void test_oci_fetch__follows_an_index_of_indexes_and_no_further(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();
	struct digest manifest = registry_fixture_module(fake);
	struct digest one = serve_index(fake, NULL, FIXTURE_MANIFEST, &manifest, last_size(fake));
	struct digest two = serve_index(fake, "two", FIXTURE_INDEX, &one, last_size(fake));
	AUTO(outing) struct outing o = {.fd = -1};

	(void)serve_index(fake, "three", FIXTURE_INDEX, &two, last_size(fake));
	outing_init(&o, fake, ":two");
	assert_module(&o);
	refuses(fake, ":three", ERR_INVALID, "indexes must be nested at most 2 deep");
}

static void test_oci_fetch__refuses_an_entry_of_another_size(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();
	struct digest manifest = registry_fixture_module(fake);

	(void)serve_index(fake, "i", FIXTURE_MANIFEST, &manifest, last_size(fake) + 1);
	refuses(fake, ":i", ERR_UNVERIFIED, "and its descriptor says");
}

/* Serves bytes as the one layer of a:v1, with a descriptor of this size. */
static void serve_layer(struct registry_fixture *fake, const char *type, const char *bytes,
	size_t n, size_t declared)
{
	struct digest blob = registry_fixture_blob(fake, bytes, n);
	AUTO(free) char *layer = fixture_descriptor(type, &blob, declared);
	AUTO(free) char *text = xasprintf("{\"schemaVersion\":2,\"layers\":[%s]}", layer);

	(void)registry_fixture_document(fake, FIXTURE_MANIFEST, "v1", text);
}

static void test_oci_fetch__refuses_a_layer_of_another_size(void)
{
	AUTO(registry_fixture) struct registry_fixture *small = registry_fixture_start();
	AUTO(registry_fixture) struct registry_fixture *large = registry_fixture_start();

	serve_layer(small, MODULE, "abc", 3, 2);
	refuses(small, ":v1", ERR_UNVERIFIED, "has 3 bytes, and its descriptor says 2");
	serve_layer(large, MODULE, "abc", 3, 4);
	refuses(large, ":v1", ERR_UNVERIFIED, "has 3 bytes, and its descriptor says 4");
}

static void test_oci_fetch__refuses_a_layer_of_other_bytes(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();

	serve_layer(fake, MODULE, "abc", 3, 3);
	fake->routes[0].body[0] = 'x';
	refuses(fake, ":v1", ERR_UNVERIFIED, "its bytes' sha256 is ");
}

static void test_oci_fetch__refuses_a_packed_module_that_is_called_a_module(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();

	serve_layer(fake, MODULE, GZIP, sizeof(GZIP) - 1, sizeof(GZIP) - 1);
	refuses(fake, ":v1", ERR_INVALID, "is a gzip or a tar, and its type says");
}

static void test_oci_fetch__leaves_the_unpacking_of_an_image_to_others(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();
	AUTO(outing) struct outing o = {.fd = -1};
	struct err err = {.msg = ""};

	serve_layer(fake, "application/vnd.oci.image.layer.v1.tar+gzip", GZIP, sizeof(GZIP) - 1,
		sizeof(GZIP) - 1);
	outing_init(&o, fake, ":v1");
	CU_ASSERT_EQUAL(oci_fetch(&o.task, &o.sink, &err), 0);
	CU_ASSERT_TRUE(fixture_file_is(o.fd, GZIP, sizeof(GZIP) - 1));
}

static void test_oci_fetch__does_not_fetch_what_is_not_wanted(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();
	AUTO(outing) struct outing o = {.fd = -1};
	struct digest module;

	(void)registry_fixture_module(fake);
	outing_init(&o, fake, ":v1");
	memset(o.request.want.hex, '1', DIGEST_HEX_LEN);
	refuses_with(&o, ERR_UNVERIFIED, "is the module, and not 1111");
	digest_of(&module, fixture_module, fixture_module_size);
	CU_ASSERT_PTR_NULL(strstr(fake->log, module.hex));
}

static void test_oci_fetch__refuses_a_name_that_is_short(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();
	AUTO(outing) struct outing o = {.fd = -1};

	outing_init(&o, fake, "");
	o.request.uri = "nginx";
	refuses_with(&o, ERR_INVALID, "docker.io/library/nginx");
}

static void test_oci_resolve__fetches_no_layer(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();
	struct digest manifest = registry_fixture_module(fake);
	struct oci_resolution found = {.manifest = {.hex = ""}};
	struct digest module;
	AUTO(outing) struct outing o = {.fd = -1};
	struct err err = {.msg = ""};

	digest_of(&module, fixture_module, fixture_module_size);
	outing_init(&o, fake, ":v1");
	CU_ASSERT_EQUAL(oci_resolve(&found, &o.task, &err), 0);
	CU_ASSERT_STRING_EQUAL(found.manifest.hex, manifest.hex);
	CU_ASSERT_EQUAL(found.target.kind, OCI_MODULE);
	CU_ASSERT_STRING_EQUAL(found.target.digest.hex, module.hex);
	CU_ASSERT_EQUAL(found.target.size, fixture_module_size);
	CU_ASSERT_PTR_NULL(strstr(fake->log, "/blobs/"));
}

static void test_fetch_run__reports_the_manifest(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();
	struct digest manifest = registry_fixture_module(fake);
	AUTO(free) char *want = xasprintf("sha256:%s", manifest.hex);
	struct fetch_result result = {.size = 0};
	AUTO(outing) struct outing o = {.fd = -1};
	struct err err = {.msg = ""};

	outing_init(&o, fake, ":v1");
	CU_ASSERT_EQUAL(fetch_run(&result, &o.task, o.fd, &err), 0);
	CU_ASSERT_STRING_EQUAL(result.manifest_digest, want);
	CU_ASSERT_EQUAL(result.size, fixture_module_size);
}

static void test_oci_fetch__finds_a_pinned_module_whose_tag_moved(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();
	struct digest pinned = registry_fixture_blob(fake, fixture_module, fixture_module_size);
	AUTO(outing) struct outing o = {.fd = -1};

	serve_layer(fake, MODULE, "newer", 5, 5);
	outing_init(&o, fake, ":v1");
	o.request.want = pinned;
	assert_module(&o);
	CU_ASSERT_FALSE(digest_is_set(&o.task.manifest));
}

TEST_MAIN("oci", TEST(test_oci_fetch__finds_a_pinned_module_whose_tag_moved),
	TEST(test_oci_fetch__brings_what_a_tag_leads_to),
	TEST(test_oci_fetch__asks_for_each_kind_of_manifest),
	TEST(test_oci_fetch__brings_what_a_digest_pins),
	TEST(test_oci_fetch__refuses_another_manifest_than_that_of_the_digest),
	TEST(test_oci_fetch__holds_the_registry_to_its_word),
	TEST(test_oci_fetch__follows_an_index),
	TEST(test_oci_fetch__follows_an_index_of_indexes_and_no_further),
	TEST(test_oci_fetch__refuses_an_entry_of_another_size),
	TEST(test_oci_fetch__refuses_a_layer_of_another_size),
	TEST(test_oci_fetch__refuses_a_layer_of_other_bytes),
	TEST(test_oci_fetch__refuses_a_packed_module_that_is_called_a_module),
	TEST(test_oci_fetch__leaves_the_unpacking_of_an_image_to_others),
	TEST(test_oci_fetch__does_not_fetch_what_is_not_wanted),
	TEST(test_oci_fetch__refuses_a_name_that_is_short),
	TEST(test_oci_resolve__fetches_no_layer), TEST(test_fetch_run__reports_the_manifest))
