/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/oci_image.h"

#include "base/auto.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "fetch/oci_manifest.h"
#include "tests/unit/test.h"

#define MOST (64 * LIMIT_KIB)

static const enum oci_layout layouts[] = {OCI_LAYOUT_ARTIFACT, OCI_LAYOUT_COMPAT, OCI_LAYOUT_IMAGE};

static struct oci_layer layer_of(const char *bytes)
{
	struct oci_layer layer = {.size = strlen(bytes)};

	digest_of(&layer.digest, bytes, strlen(bytes));
	digest_of(&layer.diff_id, "tar", 3);
	return layer;
}

/* The config and the manifest around the layer. */
static void make(struct buf *config, struct buf *manifest, enum oci_layout layout,
	const struct oci_layer *layer)
{
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL_FATAL(oci_image_config(config, layout, layer, &err), 0);
	CU_ASSERT_EQUAL_FATAL(oci_image_manifest(manifest, layout, config, layer, &err), 0);
}

static void test_oci_image_manifest__is_what_our_reader_takes(void)
{
	static const enum oci_target_kind kinds[] = {OCI_MODULE, OCI_MODULE, OCI_ARCHIVE};
	const struct oci_layer layer = layer_of("module");

	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		AUTO(buf) struct buf config = BUF_INIT(MOST);
		AUTO(buf) struct buf manifest = BUF_INIT(MOST);
		struct oci_target target;
		struct err err = {.msg = ""};

		make(&config, &manifest, layouts[i], &layer);
		CU_ASSERT_EQUAL(
			oci_manifest_read(&target, &manifest, OCI_IMAGE_MANIFEST_TYPE, MOST, &err),
			0);
		CU_ASSERT_STRING_EQUAL(err.msg, "");
		CU_ASSERT_EQUAL(target.kind, kinds[i]);
		CU_ASSERT_TRUE(digest_equal(&target.digest, &layer.digest));
		CU_ASSERT_EQUAL(target.size, layer.size);
	}
}

static void test_oci_image_manifest__names_the_config_by_its_bytes(void)
{
	const struct oci_layer layer = layer_of("module");

	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		AUTO(buf) struct buf config = BUF_INIT(MOST);
		AUTO(buf) struct buf manifest = BUF_INIT(MOST);
		AUTO(cjson) cJSON *parsed = NULL;
		struct err err = {.msg = ""};
		struct digest digest;

		make(&config, &manifest, layouts[i], &layer);
		digest_of(&digest, config.data, config.len);
		parsed = json_parse(manifest.data, manifest.len, &err);

		const cJSON *described = cJSON_GetObjectItemCaseSensitive(parsed, "config");
		const char *named = json_text(described, "digest");

		CU_ASSERT_PTR_NOT_NULL_FATAL(named);
		CU_ASSERT_STRING_EQUAL(named + strlen("sha256:"), digest.hex);
		CU_ASSERT_EQUAL(
			cJSON_GetObjectItemCaseSensitive(described, "size")->valueint, config.len);
	}
}

static void test_oci_image_config__names_what_it_is_for(void)
{
	static const char *const parts[] = {"layerDigests", "envoy_proxy", "diff_ids"};
	const struct oci_layer layer = layer_of("module");
	const char *const digests[] = {layer.digest.hex, "", layer.diff_id.hex};

	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		AUTO(buf) struct buf config = BUF_INIT(MOST);
		struct err err;

		CU_ASSERT_EQUAL(oci_image_config(&config, layouts[i], &layer, &err), 0);
		ASSERT_HAS(buf_text(&config), parts[i]);
		ASSERT_HAS(buf_text(&config), digests[i]);
	}
}

static void test_oci_image_manifest__is_another_for_another_module(void)
{
	const struct oci_layer one = layer_of("one");
	const struct oci_layer two = layer_of("two");

	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		AUTO(buf) struct buf config = BUF_INIT(MOST);
		AUTO(buf) struct buf first = BUF_INIT(MOST);
		AUTO(buf) struct buf same_config = BUF_INIT(MOST);
		AUTO(buf) struct buf same = BUF_INIT(MOST);
		AUTO(buf) struct buf other_config = BUF_INIT(MOST);
		AUTO(buf) struct buf other = BUF_INIT(MOST);

		make(&config, &first, layouts[i], &one);
		make(&same_config, &same, layouts[i], &one);
		make(&other_config, &other, layouts[i], &two);
		CU_ASSERT_STRING_EQUAL(buf_text(&first), buf_text(&same));
		CU_ASSERT_STRING_NOT_EQUAL(buf_text(&first), buf_text(&other));
	}
}

static void test_oci_image_config__stops_at_the_ceiling(void)
{
	const struct oci_layer layer = layer_of("module");
	AUTO(buf) struct buf config = BUF_INIT(8);
	struct err err;

	CU_ASSERT_EQUAL(oci_image_config(&config, OCI_LAYOUT_ARTIFACT, &layer, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
}

TEST_MAIN("oci_image", TEST(test_oci_image_manifest__is_what_our_reader_takes),
	TEST(test_oci_image_manifest__names_the_config_by_its_bytes),
	TEST(test_oci_image_config__names_what_it_is_for),
	TEST(test_oci_image_manifest__is_another_for_another_module),
	TEST(test_oci_image_config__stops_at_the_ceiling))
