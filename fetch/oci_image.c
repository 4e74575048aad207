/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/oci_image.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/xalloc.h"

#define FILE_NAME "plugin.wasm"
#define ARCHITECTURE "wasm"
#define OS "wasip1" /* there is no other name for a plain module */
#define CREATED "1970-01-01T00:00:00Z"

static const struct media_types {
	const char *config;
	const char *layer;
} media_types[] = {
	[OCI_LAYOUT_ARTIFACT] = {"application/vnd.wasm.config.v0+json", "application/wasm"},
	[OCI_LAYOUT_COMPAT] = {"application/vnd.module.wasm.config.v1+json",
		"application/vnd.module.wasm.content.layer.v1+wasm"},
	[OCI_LAYOUT_IMAGE] = {"application/vnd.oci.image.config.v1+json",
		"application/vnd.oci.image.layer.v1.tar+gzip"},
};

static void add_digest(cJSON *to, const char *key, const struct digest *digest)
{
	AUTO(free) char *text = xasprintf("sha256:%s", digest->hex);

	if (key)
		(void)cJSON_AddStringToObject(to, key, text);
	else
		(void)cJSON_AddItemToArray(to, cJSON_CreateString(text));
}

static int print(struct buf *out, const cJSON *document, struct err *err)
{
	AUTO(free) char *text = cJSON_PrintUnformatted(document);

	if (!text)
		abort(); /* out of memory, as in base/xalloc.h */
	return buf_append(out, text, strlen(text), err);
}

static void add_platform(cJSON *config)
{
	(void)cJSON_AddStringToObject(config, "created", CREATED);
	(void)cJSON_AddStringToObject(config, "architecture", ARCHITECTURE);
	(void)cJSON_AddStringToObject(config, "os", OS);
}

static void fill_config(cJSON *config, enum oci_layout layout, const struct oci_layer *layer)
{
	cJSON *rootfs;

	switch (layout) {
	case OCI_LAYOUT_ARTIFACT:
		add_platform(config);
		add_digest(cJSON_AddArrayToObject(config, "layerDigests"), NULL, &layer->digest);
		return;
	case OCI_LAYOUT_COMPAT:
		(void)cJSON_AddStringToObject(config, "type", "envoy_proxy");
		return;
	case OCI_LAYOUT_IMAGE:
		add_platform(config);
		(void)cJSON_AddObjectToObject(config, "config");
		rootfs = cJSON_AddObjectToObject(config, "rootfs");
		(void)cJSON_AddStringToObject(rootfs, "type", "layers");
		add_digest(cJSON_AddArrayToObject(rootfs, "diff_ids"), NULL, &layer->diff_id);
		return;
	}
}

int oci_image_config(
	struct buf *out, enum oci_layout layout, const struct oci_layer *layer, struct err *err)
{
	AUTO(cjson) cJSON *config = cJSON_CreateObject();

	fill_config(config, layout, layer);
	return print(out, config, err);
}

/* Returns a descriptor; the caller puts it somewhere. */
static cJSON *describe(const char *type, const struct digest *digest, uint64_t size)
{
	cJSON *descriptor = cJSON_CreateObject();

	(void)cJSON_AddStringToObject(descriptor, "mediaType", type);
	add_digest(descriptor, "digest", digest);
	(void)cJSON_AddNumberToObject(descriptor, "size", (double)size);
	return descriptor;
}

/* Says how those tools that unpack nothing name the file. */
static void add_title(cJSON *layer)
{
	cJSON *annotations = cJSON_AddObjectToObject(layer, "annotations");

	(void)cJSON_AddStringToObject(annotations, "org.opencontainers.image.title", FILE_NAME);
}

int oci_image_manifest(struct buf *out, enum oci_layout layout, const struct buf *config,
	const struct oci_layer *layer, struct err *err)
{
	AUTO(cjson) cJSON *manifest = cJSON_CreateObject();
	const struct media_types *types = &media_types[layout];
	struct digest config_digest;
	cJSON *described = describe(types->layer, &layer->digest, layer->size);

	if (layout != OCI_LAYOUT_IMAGE)
		add_title(described);
	digest_of(&config_digest, buf_text(config), config->len);
	(void)cJSON_AddNumberToObject(manifest, "schemaVersion", 2);
	(void)cJSON_AddStringToObject(manifest, "mediaType", OCI_IMAGE_MANIFEST_TYPE);
	(void)cJSON_AddItemToObject(
		manifest, "config", describe(types->config, &config_digest, config->len));
	(void)cJSON_AddItemToArray(cJSON_AddArrayToObject(manifest, "layers"), described);
	return print(out, manifest, err);
}
