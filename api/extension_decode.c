/* SPDX-License-Identifier: Apache-2.0 */
#include "api/extension.h"

#include <stdlib.h>
#include <string.h>

#include "api/fields.h"
#include "api/image.h"
#include "api/metadata.h"
#include "api/name.h"
#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"

static const char *const document_fields[] = {
	"apiVersion", "kind", "metadata", "spec", "status", NULL};
static const char *const spec_fields[] = {
	"runtime", "vm_id", "root_id", "plugin_configuration", "vm_configuration", "image", NULL};
static const char *const image_fields[] = {"protocol", "uri", "sha256", NULL};
static const char *const config_fields[] = {"value", "valueFrom", NULL};
static const char *const source_fields[] = {"secretKeyRef", "configMapKeyRef", NULL};
static const char *const reference_fields[] = {"name", "namespace", "key", NULL};

static const enum extension_runtime runtimes[] = {
	RUNTIME_V8, RUNTIME_WAMR, RUNTIME_WASMTIME, RUNTIME_WAVM};
static const enum image_protocol protocols[] = {
	PROTOCOL_LOCAL_FS, PROTOCOL_HTTP, PROTOCOL_HTTPS, PROTOCOL_S3, PROTOCOL_OCI};

static void put_text(char **to, const char *text)
{
	free(*to);
	*to = xstrdup(text);
}

static void decode_id(const struct fields *spec, const char *key, char **out)
{
	const char *text = NULL;

	if (!fields_get(spec, key)) {
		fields_problem(spec, key, "is required (write \"\" for an empty one)");
		return;
	}
	text = fields_text(spec, key, FIELD_REQUIRED);
	if (!text)
		return;
	if (strlen(text) > LIMIT_ID_BYTES)
		fields_problem(spec, key, "must be at most %d bytes, not %zu", LIMIT_ID_BYTES,
			strlen(text));
	else
		put_text(out, text);
}

static void decode_runtime(const struct fields *spec, struct extension *out)
{
	const char *text = fields_text(spec, "runtime", FIELD_REQUIRED);

	if (!text)
		return;
	for (size_t i = 0; i < sizeof(runtimes) / sizeof(runtimes[0]); i++) {
		if (strcmp(text, extension_runtime_name(runtimes[i])) == 0) {
			out->runtime = runtimes[i];
			return;
		}
	}
	fields_problem(spec, "runtime", "must be one of v8, wamr, wasmtime, wavm, not %s",
		quote(text).text);
}

static bool decode_protocol(const struct fields *image, struct extension_image *out)
{
	const char *text = fields_text(image, "protocol", FIELD_REQUIRED);

	if (!text)
		return false;
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (strcmp(text, extension_protocol_name(protocols[i])) == 0) {
			out->protocol = protocols[i];
			return true;
		}
	}
	fields_problem(image, "protocol", "must be one of local_fs, http, https, s3, oci, not %s",
		quote(text).text);
	return false;
}

static void decode_image(const struct fields *spec, struct extension_image *out)
{
	AUTO(fields) struct fields image = {.path = NULL};
	struct err err;

	if (!fields_enter(&image, spec, "image", FIELD_REQUIRED))
		return;
	fields_check_known(&image, image_fields);

	bool known = decode_protocol(&image, out);
	const char *uri = fields_text(&image, "uri", FIELD_REQUIRED);
	const char *sha256 = fields_text(&image, "sha256", FIELD_OPTIONAL);

	if (uri && (image_check_uri(uri, &err) < 0 ||
			   (known && image_check_protocol_uri(out->protocol, uri, &err) < 0)))
		fields_problem(&image, "uri", "%s", err.msg);
	else if (uri)
		put_text(&out->uri, uri);
	if (sha256 && image_parse_sha256(&out->sha256, sha256, &err) < 0)
		fields_problem(&image, "sha256", "%s", err.msg);
}

/* Reads a name that check() wants to see; absent is as wrong as any. */
static void decode_name(const struct fields *f, const char *key,
	int (*check)(const char *name, struct err *err), char **out)
{
	const char *text = fields_text(f, key, FIELD_REQUIRED);
	struct err err;

	if (!text)
		return;
	if (check(text, &err) < 0)
		fields_problem(f, key, "%s", err.msg);
	else
		put_text(out, text);
}

static bool is_given(const struct fields *f, const char *key)
{
	const struct node *node = fields_get(f, key);

	return node && !(node->kind == NODE_TEXT && node->text_len == 0);
}

static void decode_reference(const struct fields *source, const char *key, enum config_kind kind,
	const char *own_namespace, struct config_source *out)
{
	AUTO(fields) struct fields reference = {.path = NULL};

	if (!fields_enter(&reference, source, key, FIELD_OPTIONAL))
		return;
	fields_check_known(&reference, reference_fields);
	out->kind = kind;
	decode_name(&reference, "name", name_check_subdomain, &out->name);
	decode_name(&reference, "key", name_check_key, &out->key);
	if (is_given(&reference, "namespace"))
		decode_name(&reference, "namespace", name_check_label, &out->namespace);
	else
		put_text(&out->namespace, own_namespace);
}

/* Exactly one of two fields must be there. */
static void check_one_of(const struct fields *f, const char *a, const char *b,
	const struct fields *parent, const char *key)
{
	bool has_a = fields_get(f, a) != NULL;
	bool has_b = fields_get(f, b) != NULL;

	if (has_a && has_b)
		fields_problem(parent, key, "must have either %s or %s, not both", a, b);
	if (!has_a && !has_b)
		fields_problem(parent, key, "must have %s or %s", a, b);
}

static void decode_value(const struct fields *config, struct config_source *out)
{
	const struct node *node = fields_get(config, "value");
	const char *text = NULL;

	if (!node)
		return;
	out->kind = CONFIG_VALUE;
	text = fields_text_of(config, node, FIELD_SECRET);
	if (!text)
		return;
	if (node->text_len > LIMIT_CONFIG_BYTES)
		fields_problem(config, "value", "must be at most %lu bytes, not %zu",
			LIMIT_CONFIG_BYTES, node->text_len);
	else
		put_text(&out->value, text);
}

static void decode_config(const struct fields *spec, const char *key, const char *own_namespace,
	struct config_source *out)
{
	AUTO(fields) struct fields config = {.path = NULL};
	AUTO(fields) struct fields source = {.path = NULL};

	if (!fields_enter(&config, spec, key, FIELD_OPTIONAL))
		return;
	fields_check_known(&config, config_fields);
	check_one_of(&config, "value", "valueFrom", spec, key);
	decode_value(&config, out);
	if (!fields_enter(&source, &config, "valueFrom", FIELD_OPTIONAL))
		return;
	fields_check_known(&source, source_fields);
	check_one_of(&source, "secretKeyRef", "configMapKeyRef", &config, "valueFrom");
	decode_reference(&source, "secretKeyRef", CONFIG_SECRET, own_namespace, out);
	decode_reference(&source, "configMapKeyRef", CONFIG_CONFIGMAP, own_namespace, out);
}

static void decode_metadata(const struct fields *document, struct extension *out)
{
	AUTO(metadata) struct metadata metadata = {.name = NULL};

	metadata_decode(&metadata, document);
	out->namespace = STEAL(metadata.namespace);
	out->name = STEAL(metadata.name);
	out->generation = metadata.generation;
}

static void decode_spec(const struct fields *document, struct extension *out)
{
	AUTO(fields) struct fields spec = {.path = NULL};
	const char *namespace = out->namespace ? out->namespace : METADATA_NAMESPACE;

	if (!fields_enter(&spec, document, "spec", FIELD_REQUIRED))
		return;
	fields_check_known(&spec, spec_fields);
	decode_runtime(&spec, out);
	decode_id(&spec, "vm_id", &out->vm_id);
	decode_id(&spec, "root_id", &out->root_id);
	decode_config(&spec, "plugin_configuration", namespace, &out->plugin_configuration);
	decode_config(&spec, "vm_configuration", namespace, &out->vm_configuration);
	decode_image(&spec, &out->image);
}

struct extension *extension_from_node(const struct node *document, struct problems *out)
{
	AUTO(fields) struct fields f = {.path = NULL};
	AUTO(extension) struct extension *ext = xcalloc(1, sizeof(*ext));
	size_t before = out->n + out->more;

	if (!fields_open(&f, document, out))
		return NULL;
	fields_check_known(&f, document_fields);
	fields_check_constant(&f, "apiVersion", EXTENSION_API_VERSION);
	fields_check_constant(&f, "kind", EXTENSION_KIND);
	decode_metadata(&f, ext);
	decode_spec(&f, ext);
	return out->n + out->more == before ? STEAL(ext) : NULL;
}
