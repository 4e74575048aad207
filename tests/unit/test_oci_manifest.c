/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/oci_manifest.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

#define OCI "application/vnd.oci.image."
#define DOCKER "application/vnd.docker."
#define MANIFEST OCI "manifest.v1+json"
#define INDEX OCI "index.v1+json"
#define DOCKER_MANIFEST DOCKER "distribution.manifest.v2+json"
#define DOCKER_LIST DOCKER "distribution.manifest.list.v2+json"
#define MODULE "application/vnd.module.wasm.content.layer.v1+wasm"
#define CONFIG "application/vnd.module.wasm.config.v1+json"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define ONES "1111111111111111111111111111111111111111111111111111111111111111"
#define TWOS "2222222222222222222222222222222222222222222222222222222222222222"

#define MAX 1000000

/* A descriptor, a list of them, and the documents around. */
#define ENTRY(type, hex, more) \
	"{\"mediaType\":\"" type "\",\"digest\":\"sha256:" hex "\",\"size\":12" more "}"
#define LAYERS(list) "{\"schemaVersion\":2,\"config\":{},\"layers\":[" list "]}"
#define MANIFESTS(list) "{\"schemaVersion\":2,\"manifests\":[" list "]}"
#define PLATFORM(os, architecture) \
	",\"platform\":{\"os\":\"" os "\",\"architecture\":\"" architecture "\"}"
#define ANNOTATION(key, value) ",\"annotations\":{\"" key "\":\"" value "\"}"

static int read_text(struct oci_target *out, const char *text, const char *type, struct err *err)
{
	AUTO(buf) struct buf bytes = BUF_INIT(LIMIT_OCI_MANIFEST_BYTES);

	if (buf_append(&bytes, text, strlen(text), err) < 0)
		return -1;
	return oci_manifest_read(out, &bytes, type, MAX, err);
}

static void chooses(const char *text, const char *type, enum oci_target_kind kind, const char *hex)
{
	struct oci_target target = {.size = 0};
	struct err err = {.msg = ""};

	if (read_text(&target, text, type, &err) < 0)
		printf("\n  %s: %s\n", text, err.msg);
	CU_ASSERT_EQUAL(target.kind, kind);
	CU_ASSERT_STRING_EQUAL(target.digest.hex, hex);
	CU_ASSERT_EQUAL(target.size, 12);
}

static void refuses(const char *text, const char *type, const char *says)
{
	struct oci_target target = {.size = 7};
	struct err err = {.code = ERR_NONE, .msg = ""};

	CU_ASSERT_EQUAL(read_text(&target, text, type, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, says);
	CU_ASSERT_EQUAL(target.size, 7);
}

static void test_oci_manifest_read__takes_each_layout(void)
{
	chooses(LAYERS(ENTRY(MODULE, ONES, "")), MANIFEST, OCI_MODULE, ONES);
	chooses(LAYERS(ENTRY("application/vnd.wasm.content.layer.v1+wasm", ONES, "")), MANIFEST,
		OCI_MODULE, ONES);
	chooses(LAYERS(ENTRY("application/wasm", ONES, "")), MANIFEST, OCI_MODULE, ONES);
	chooses(LAYERS(ENTRY("Application/WASM", ONES, "")), MANIFEST, OCI_MODULE, ONES);
	chooses(LAYERS(ENTRY(CONFIG, ZEROS, "") "," ENTRY(MODULE, ONES, "")), MANIFEST, OCI_MODULE,
		ONES);
	chooses(LAYERS(ENTRY(MODULE, ONES, "") "," ENTRY(CONFIG, ZEROS, "")), MANIFEST, OCI_MODULE,
		ONES);
	chooses(LAYERS(ENTRY(OCI "layer.v1.tar+gzip", ONES, "")), MANIFEST, OCI_ARCHIVE, ONES);
	chooses(LAYERS(ENTRY(OCI "layer.v1.tar", ZEROS, "") "," ENTRY(
			OCI "layer.v1.tar", ONES, "")),
		MANIFEST, OCI_ARCHIVE, ONES);
	chooses(LAYERS(ENTRY(DOCKER "image.rootfs.diff.tar.gzip", ONES, "")), DOCKER_MANIFEST,
		OCI_ARCHIVE, ONES);
}

static void test_oci_manifest_read__goes_by_the_content_type(void)
{
	static const char bare[] = LAYERS(ENTRY(MODULE, ONES, ""));
	static const char named[] = "{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST
				    "\",\"layers\":[" ENTRY(MODULE, ONES, "") "]}";

	chooses(bare, MANIFEST "; charset=utf-8", OCI_MODULE, ONES);
	chooses(bare, DOCKER_MANIFEST, OCI_MODULE, ONES);
	chooses(named, MANIFEST, OCI_MODULE, ONES);
	chooses(named, "application/json", OCI_MODULE, ONES);
	chooses(named, NULL, OCI_MODULE, ONES);
	refuses(named, DOCKER_MANIFEST, "they must agree");
	refuses(named, INDEX, "they must agree");
	refuses(bare, NULL, "neither by Content-Type nor by mediaType");
	refuses(bare, "application/json", "neither by Content-Type nor by mediaType");
	refuses(bare, "text/html", "is \"text/html\"");
	refuses(bare, DOCKER "distribution.manifest.v1+prettyjws", "v1+prettyjws");
	refuses(bare, INDEX, "an index must not have layers");
	refuses(MANIFESTS(ENTRY(MANIFEST, ONES, "")), MANIFEST, "a manifest must not have manif");
}

static void test_oci_manifest_read__refuses_what_is_no_manifest(void)
{
	refuses("", MANIFEST, "JSON");
	refuses("<html>", MANIFEST, "JSON");
	refuses("[]", MANIFEST, "must be a JSON object");
	refuses("{}", MANIFEST, "schemaVersion must be 2");
	refuses("{\"schemaVersion\":1}", MANIFEST, "schemaVersion must be 2");
	refuses("{\"schemaVersion\":\"2\"}", MANIFEST, "schemaVersion must be 2");
	refuses("{\"schemaVersion\":2}", MANIFEST, "layers must be a list");
	refuses("{\"schemaVersion\":2,\"layers\":{}}", MANIFEST, "layers must be a list");
	refuses(LAYERS(""), MANIFEST, "layers must be a list with something in it");
	refuses(LAYERS("1"), MANIFEST, "layers[0].mediaType is missing");
	refuses(LAYERS("{}"), MANIFEST, "layers[0].mediaType is missing");
	refuses(MANIFESTS(""), INDEX, "manifests must be a list with something in it");
	refuses("{\"schemaVersion\":2,\"schemaVersion\":2}", MANIFEST, "twice");
}

static void test_oci_manifest_read__refuses_layers_that_hold_no_module(void)
{
	refuses(LAYERS(ENTRY("text/plain", ONES, "")), MANIFEST, "is \"text/plain\"");
	refuses(LAYERS(ENTRY(OCI "layer.v1.tar+zstd", ONES, "")), MANIFEST, "a tar or tar+gzip");
	refuses(LAYERS(ENTRY(OCI "layer.v1.tar", ONES, "") "," ENTRY(CONFIG, ONES, "")), MANIFEST,
		"the last of layers is \"application/vnd.module.wasm.config");
	refuses(LAYERS(ENTRY(DOCKER "image.rootfs.foreign.diff.tar.gzip", ONES, "")), MANIFEST,
		"the last of layers");
	refuses(LAYERS(ENTRY(MODULE, ONES, "") "," ENTRY("application/wasm", TWOS, "")), MANIFEST,
		"more than one module");
}

#define BAD(digest, size) \
	LAYERS("{\"mediaType\":\"application/wasm\",\"digest\":" digest ",\"size\":" size "}")
#define GOOD_DIGEST "\"sha256:" ONES "\""

static void test_oci_manifest_read__is_strict_with_descriptors(void)
{
	refuses(BAD("1", "12"), MANIFEST, "digest is missing, or not text");
	refuses(BAD("\"\"", "12"), MANIFEST, "digest is \"\"");
	refuses(BAD("\"sha512:" ONES ONES "\"", "12"), MANIFEST, "digest is \"sha512:");
	refuses(BAD("\"sha256:" ONES "1\"", "12"), MANIFEST, "64 lower-case hex digits");
	refuses(BAD("\"sha256:ABC\"", "12"), MANIFEST, "64 lower-case hex digits");
	refuses(BAD("\"SHA256:" ONES "\"", "12"), MANIFEST, "64 lower-case hex digits");
	refuses(BAD("\"sha256:../../x\\n\"", "12"), MANIFEST, "\"sha256:../../x\\x0a\"");
	refuses(BAD(GOOD_DIGEST, "\"12\""), MANIFEST, "size is missing, or not a number");
	refuses(BAD(GOOD_DIGEST, "-1"), MANIFEST, "size is -1");
	refuses(BAD(GOOD_DIGEST, "1.5"), MANIFEST, "size is 1.5");
	refuses(BAD(GOOD_DIGEST, "1000001"), MANIFEST, "must be at most 1000000");
	refuses(BAD(GOOD_DIGEST, "9223372036854775808"), MANIFEST, "must be at most 1000000");
	refuses(BAD(GOOD_DIGEST, "1e300"), MANIFEST, "must be at most 1000000");
}

static void test_oci_manifest_read__looks_past_urls_and_data(void)
{
	chooses(LAYERS(ENTRY("application/wasm", ONES,
			",\"urls\":[\"http://169.254.169.254/\"],\"data\":\"bGll\"")),
		MANIFEST, OCI_MODULE, ONES);
}

static void test_oci_manifest_read__chooses_an_entry(void)
{
	static const char *const lists[] = {
		/* the only one */
		MANIFESTS(ENTRY(MANIFEST, ONES, PLATFORM("linux", "s390x"))),
		MANIFESTS(ENTRY(INDEX, ONES, "")),
		MANIFESTS(ENTRY(DOCKER_MANIFEST, ONES, "")),
		/* the only one that is neither of another type nor an attestation */
		MANIFESTS(ENTRY("application/x", ZEROS, "") "," ENTRY(MANIFEST, ONES, "")),
		MANIFESTS(ENTRY(MANIFEST, ONES, "") "," ENTRY(MANIFEST, ZEROS,
			ANNOTATION("vnd.docker.reference.type", "attestation-manifest"))),
		/* for Wasm */
		MANIFESTS(ENTRY(MANIFEST, ZEROS, PLATFORM("linux", "amd64")) "," ENTRY(
			MANIFEST, ONES, PLATFORM("wasip1", "wasm"))),
		MANIFESTS(ENTRY(MANIFEST, ZEROS, PLATFORM("linux", "amd64")) "," ENTRY(
			MANIFEST, ONES, PLATFORM("wasi", "x"))),
		MANIFESTS(ENTRY(MANIFEST, ZEROS, PLATFORM("linux", "amd64")) "," ENTRY(MANIFEST,
			ONES, ",\"artifactType\":\"application/vnd.wasm.config.v0+json\"")),
		MANIFESTS(ENTRY(MANIFEST, ZEROS, PLATFORM("linux", "amd64")) "," ENTRY(
			MANIFEST, ONES, ANNOTATION("module.wasm.image/variant", "compat"))),
		MANIFESTS(ENTRY(MANIFEST, ONES, PLATFORM("wasi", "wasm32")) "," ENTRY(
			MANIFEST, ZEROS, PLATFORM("wasi", "wasm64"))),
		/* as everybody else does */
		MANIFESTS(ENTRY(MANIFEST, ZEROS, PLATFORM("linux", "arm64")) "," ENTRY(
			MANIFEST, ONES, PLATFORM("linux", "amd64"))),
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		chooses(lists[i], INDEX, OCI_MANIFEST, ONES);
		chooses(lists[i], DOCKER_LIST, OCI_MANIFEST, ONES);
	}
}

static void test_oci_manifest_read__does_not_guess_among_entries(void)
{
	refuses(MANIFESTS(ENTRY("application/x", ONES, "")), INDEX, "no manifest or index in it");
	refuses(MANIFESTS(ENTRY(MANIFEST, ONES, "") "," ENTRY(MANIFEST, TWOS, "")), INDEX,
		"which is meant cannot be told");
	refuses(MANIFESTS(ENTRY(MANIFEST, ONES, PLATFORM("windows", "amd64")) "," ENTRY(
			MANIFEST, TWOS, PLATFORM("linux", "arm64"))),
		INDEX, "which is meant cannot be told");
	refuses(MANIFESTS("{\"mediaType\":\"" MANIFEST "\",\"digest\":\"x\",\"size\":1}"), INDEX,
		"the chosen entry of manifests: digest is \"x\"");
	refuses(MANIFESTS("{\"mediaType\":\"" MANIFEST "\",\"digest\":\"sha256:" ONES
			  "\",\"size\":4194305}"),
		INDEX, "must be at most 4194304");
}

/* A document with n times the item in the list called key; the caller frees it. */
static char *many(const char *key, const char *item, size_t n)
{
	AUTO(buf) struct buf text = BUF_INIT(LIMIT_OCI_MANIFEST_BYTES);
	struct err err;
	int rc = buf_printf(&text, &err, "{\"schemaVersion\":2,\"%s\":[%s", key, item);

	for (size_t i = 1; i < n && rc == 0; i++)
		rc = buf_printf(&text, &err, ",%s", item);
	if (rc < 0 || buf_append(&text, "]}", 2, &err) < 0)
		abort();
	return buf_take(&text);
}

static void test_oci_manifest_read__has_ceilings(void)
{
	AUTO(free)
	char *most = many("layers", ENTRY(OCI "layer.v1.tar", ONES, ""), LIMIT_OCI_LAYERS);
	AUTO(free) char *layers = many("layers", ENTRY(MODULE, ONES, ""), 10000);
	AUTO(free) char *entries = many("manifests", ENTRY(MANIFEST, ONES, ""), 10000);
	AUTO(free) char *values = many("layers", "1", LIMIT_OCI_VALUES);
	AUTO(free) char *type = xasprintf(LAYERS("{\"mediaType\":\"%0*d\"}"), 256, 0);

	chooses(most, MANIFEST, OCI_ARCHIVE, ONES);
	refuses(layers, MANIFEST, "layers must hold at most 256");
	refuses(entries, INDEX, "manifests must hold at most 1024");
	refuses(values, MANIFEST, "more than 100000 values");
	refuses(type, MANIFEST, "at most 255 bytes");
}

TEST_MAIN("oci_manifest", TEST(test_oci_manifest_read__takes_each_layout),
	TEST(test_oci_manifest_read__goes_by_the_content_type),
	TEST(test_oci_manifest_read__refuses_what_is_no_manifest),
	TEST(test_oci_manifest_read__refuses_layers_that_hold_no_module),
	TEST(test_oci_manifest_read__is_strict_with_descriptors),
	TEST(test_oci_manifest_read__looks_past_urls_and_data),
	TEST(test_oci_manifest_read__chooses_an_entry),
	TEST(test_oci_manifest_read__does_not_guess_among_entries),
	TEST(test_oci_manifest_read__has_ceilings))
