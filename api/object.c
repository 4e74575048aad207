/* SPDX-License-Identifier: Apache-2.0 */
#include "api/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "api/base64.h"
#include "api/fields.h"
#include "api/metadata.h"
#include "api/name.h"
#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"

#define GROUP "wasmxds.tetrate.io/"
#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"

static const char *const secret_fields[] = {
	"apiVersion", "kind", "metadata", "data", "stringData", "type", "immutable", NULL};
static const char *const configmap_fields[] = {
	"apiVersion", "kind", "metadata", "data", "binaryData", "immutable", NULL};

enum encoding { ENCODING_TEXT, ENCODING_BASE64 };

static void free_value(void *value)
{
	struct object_value *v = value;

	if (!v)
		return;
	if (v->bytes)
		explicit_bzero(v->bytes, v->len); /* a Secret's, perhaps */
	free(v->bytes);
	free(v);
}

void object_free(struct object *object)
{
	if (!object)
		return;
	free(object->namespace);
	free(object->name);
	extension_free(object->extension);
	map_clear(&object->values, free_value);
	map_clear(&object->annotations, free);
	object_origin_free(object->origin);
	free(object);
}

const char *object_kind_name(enum object_kind kind)
{
	switch (kind) {
	case OBJECT_EXTENSION:
		return EXTENSION_KIND;
	case OBJECT_SECRET:
		return "Secret";
	case OBJECT_CONFIGMAP:
		return "ConfigMap";
	}
	return "unknown";
}

char *object_key(enum object_kind kind, const char *namespace, const char *name)
{
	return xasprintf("%s/%s/%s", object_kind_name(kind), namespace, name);
}

/* Returns the bytes of a child, or NULL with a problem, which shows nothing of them. */
static char *decode_bytes(
	const struct fields *f, const struct node *child, enum encoding encoding, size_t *len)
{
	const char *text = fields_text_of(f, child, FIELD_SECRET);
	AUTO(free) char *bytes = NULL;
	struct err err;

	if (!text)
		return NULL;
	if (encoding == ENCODING_BASE64) {
		bytes = base64_decode(text, len, &err);
		if (!bytes) {
			fields_problem_at(f, child, "%s", err.msg);
			return NULL;
		}
	} else {
		bytes = xstrdup(text);
		*len = child->text_len;
	}
	if (*len > LIMIT_CONFIG_BYTES) {
		fields_problem_at(
			f, child, "must be at most %lu bytes, not %zu", LIMIT_CONFIG_BYTES, *len);
		return NULL;
	}
	return STEAL(bytes);
}

static void put_value(struct map *values, const char *key, char *bytes, size_t len)
{
	struct object_value *value = xcalloc(1, sizeof(*value));

	value->bytes = bytes;
	value->len = len;
	free_value(map_put(values, key, value));
}

/* Reads the values under key; one that is there already is replaced. */
static void decode_values(
	const struct fields *document, const char *key, enum encoding encoding, struct map *out)
{
	AUTO(fields) struct fields f = {.path = NULL};
	struct err err;

	if (!fields_enter(&f, document, key, FIELD_OPTIONAL))
		return;
	for (size_t i = 0; i < f.map->n; i++) {
		const struct node *child = &f.map->children[i];
		size_t len = 0;

		if (name_check_key(child->key, &err) < 0) {
			fields_problem_at(&f, child, "the key %s", err.msg);
			continue;
		}
		char *bytes = decode_bytes(&f, child, encoding, &len);

		if (bytes)
			put_value(out, child->key, bytes, len);
	}
}

/* What is read is a ConfigMap's binaryData, of which data must hold no key too. */
static void check_disjoint(const struct fields *document, const struct map *data)
{
	const struct node *binary = fields_get(document, "binaryData");

	for (size_t i = 0; binary && binary->kind == NODE_MAP && i < binary->n; i++) {
		const char *key = binary->children[i].key;

		if (map_get(data, key))
			fields_problem(document, "binaryData", "must not hold %s, which data holds",
				quote(key).text);
	}
}

/* kubectl's copy of the manifest, a Secret's values in it, is nothing that we keep. */
static void decode_annotations(const struct fields *document, struct map *out)
{
	const struct node *annotations =
		node_get(node_get(document->map, "metadata"), "annotations");

	for (size_t i = 0; annotations && i < annotations->n; i++) {
		const struct node *child = &annotations->children[i];
		const char *text = node_text(child);

		if (text && strcmp(child->key, LAST_APPLIED) != 0)
			free(map_put(out, child->key, xstrdup(text)));
	}
}

static void decode_secret(const struct fields *f, struct object *out)
{
	fields_check_known(f, secret_fields);
	(void)fields_text(f, "type", FIELD_OPTIONAL);
	decode_values(f, "data", ENCODING_BASE64, &out->values);
	decode_values(f, "stringData", ENCODING_TEXT, &out->values);
}

static void decode_configmap(const struct fields *f, struct object *out)
{
	fields_check_known(f, configmap_fields);
	decode_values(f, "data", ENCODING_TEXT, &out->values);
	check_disjoint(f, &out->values);
	decode_values(f, "binaryData", ENCODING_BASE64, &out->values);
}

/* Reads a Secret or ConfigMap. */
static void decode_core(const struct fields *f, struct object *out)
{
	AUTO(metadata) struct metadata metadata = {.name = NULL};
	bool immutable = false;

	fields_check_constant(f, "apiVersion", "v1");
	metadata_decode(&metadata, f);
	out->namespace = STEAL(metadata.namespace);
	out->name = STEAL(metadata.name);
	decode_annotations(f, &out->annotations);
	(void)fields_bool(f, "immutable", &immutable);
	if (out->kind == OBJECT_SECRET)
		decode_secret(f, out);
	else
		decode_configmap(f, out);
}

static void decode_extension(
	const struct node *document, struct object *out, struct problems *problems)
{
	out->extension = extension_from_node(document, problems);
	if (!out->extension)
		return;
	out->namespace = xstrdup(out->extension->namespace);
	out->name = xstrdup(out->extension->name);
}

/* Says whether a document is one of ours, and which.  Kinds of other groups pass, even if they bear
 * the name of one of ours; a wrong kind in our group is a problem. */
static bool classify(const struct fields *f, enum object_kind *out)
{
	static const enum object_kind kinds[] = {OBJECT_EXTENSION, OBJECT_SECRET, OBJECT_CONFIGMAP};
	const char *version = node_text(fields_get(f, "apiVersion"));
	const char *group = version ? version : "";
	const char *kind = fields_text(f, "kind", FIELD_REQUIRED);

	if (!kind)
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kind, object_kind_name(kinds[i])) != 0)
			continue;
		*out = kinds[i];
		return kinds[i] == OBJECT_EXTENSION || !strchr(group, '/');
	}
	if (strncmp(group, GROUP, strlen(GROUP)) == 0)
		fields_problem(
			f, "kind", "must be \"%s\", not %s", EXTENSION_KIND, quote(kind).text);
	return false;
}

struct object *object_from_node(const struct node *document, struct problems *out)
{
	AUTO(fields) struct fields f = {.path = NULL};
	AUTO(object) struct object *object = xcalloc(1, sizeof(*object));
	size_t before = out->n + out->more;

	if (!fields_open(&f, document, out) || !classify(&f, &object->kind))
		return NULL;
	object->line = document->line;
	if (object->kind == OBJECT_EXTENSION)
		decode_extension(document, object, out);
	else
		decode_core(&f, object);
	return out->n + out->more == before ? STEAL(object) : NULL;
}
