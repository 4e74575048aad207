/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "api/manifest.h"
#include "api/name.h"
#include "base/auto.h"
#include "base/xalloc.h"

static const char *const metadata_kept[] = {"name", "namespace", "generation", "annotations", NULL};
static const char *const extension_kept[] = {"spec", NULL};
static const char *const secret_kept[] = {"data", NULL};
static const char *const configmap_kept[] = {"data", "binaryData", NULL};

static struct node *child_of(struct node *map, const char *key)
{
	for (size_t i = 0; map && map->kind == NODE_MAP && i < map->n; i++) {
		if (strcmp(map->children[i].key, key) == 0)
			return &map->children[i];
	}
	return NULL;
}

/* Takes what a node holds, but for its key, and leaves null. */
static struct node content_take(struct node *from)
{
	struct node content = *from;

	content.key = NULL;
	*from = (struct node){.kind = NODE_NULL, .line = from->line, .key = from->key};
	return content;
}

static void move_children(struct node *to, struct node *from, const char *const keys[])
{
	for (; *keys; keys++) {
		struct node *child = child_of(from, *keys);

		if (!child)
			continue;

		struct node *moved = node_add_child(to);

		*moved = content_take(child);
		moved->key = xstrdup(*keys);
	}
}

static void add_text(struct node *map, const char *key, const char *text)
{
	struct node *child = node_add_child(map);

	child->kind = NODE_TEXT;
	child->key = xstrdup(key);
	child->text = xstrdup(text);
	child->text_len = strlen(text);
}

static const char *const *payload_of(enum object_kind kind)
{
	static const char *const *const kept[] = {
		[OBJECT_EXTENSION] = extension_kept,
		[OBJECT_SECRET] = secret_kept,
		[OBJECT_CONFIGMAP] = configmap_kept,
	};

	return kept[kind];
}

/* What a user would have written: the document that our rules are about. */
static struct node *manifest_of(enum object_kind kind, struct node *document)
{
	struct node *manifest = xcalloc(1, sizeof(*manifest));
	struct node *metadata = NULL;

	manifest->kind = NODE_MAP;
	add_text(manifest, "apiVersion", kind == OBJECT_EXTENSION ? EXTENSION_API_VERSION : "v1");
	add_text(manifest, "kind", object_kind_name(kind));
	move_children(manifest, document, payload_of(kind));
	metadata = node_add_child(manifest);
	metadata->kind = NODE_MAP;
	metadata->key = xstrdup("metadata");
	move_children(metadata, child_of(document, "metadata"), metadata_kept);
	return manifest;
}

/* Returns the text under key of metadata, or NULL; borrowed. */
static const char *text_of(const struct node *metadata, const char *key)
{
	return node_text(node_get(metadata, key));
}

/* What no object of a server is without; borrowed from its metadata. */
struct identity {
	const char *name;
	const char *namespace;
	const char *resource_version;
};

static int read_identity(struct identity *out, const struct node *metadata, struct err *err)
{
	struct identity id = {
		.name = text_of(metadata, "name"),
		.namespace = text_of(metadata, "namespace"),
		.resource_version = text_of(metadata, "resourceVersion"),
	};

	if (!id.name || !id.namespace || !id.resource_version) {
		(void)err_set(
			err, ERR_INVALID, "metadata must hold name, namespace and resourceVersion");
		return -1;
	}
	*out = id;
	if (name_check_subdomain(id.name, err) < 0)
		return err_wrap(err, "metadata.name");
	if (name_check_label(id.namespace, err) < 0)
		return err_wrap(err, "metadata.namespace");
	return 0;
}

static struct object_origin *origin_of(struct node *document, const struct identity *id)
{
	const struct node *metadata = node_get(document, "metadata");
	const struct node *generation = node_get(metadata, "generation");
	const struct node *deletion = node_get(metadata, "deletionTimestamp");
	struct node *status = child_of(document, "status");
	struct object_origin *origin = xcalloc(1, sizeof(*origin));

	origin->uid = xstrdup_null(text_of(metadata, "uid"));
	origin->resource_version = xstrdup(id->resource_version);
	if (generation && generation->kind == NODE_NUMBER)
		origin->generation = strtoll(generation->text, NULL, 10);
	origin->deleting = deletion && deletion->kind != NODE_NULL;
	if (status && status->kind == NODE_MAP) {
		origin->status = xmalloc(sizeof(*origin->status));
		*origin->status = content_take(status);
	}
	return origin;
}

void object_origin_free(struct object_origin *origin)
{
	if (!origin)
		return;
	free(origin->uid);
	free(origin->resource_version);
	node_free(origin->status);
	free(origin);
}

struct object *object_from_server(
	enum object_kind kind, struct node *document, struct problems *out, struct err *err)
{
	const struct node *metadata = node_get(document, "metadata");
	AUTO(object) struct object *refused = NULL;
	AUTO(node) struct node *manifest = NULL;
	struct object *object = NULL;
	struct identity id = {NULL, NULL, NULL};

	if (read_identity(&id, metadata, err) < 0)
		return NULL;
	refused = xcalloc(1, sizeof(*refused));
	refused->kind = kind;
	refused->namespace = xstrdup(id.namespace);
	refused->name = xstrdup(id.name);
	refused->origin = origin_of(document, &id);

	manifest = manifest_of(kind, document);
	object = object_from_node(manifest, out);
	if (!object)
		return STEAL(refused);
	object->origin = STEAL(refused->origin);
	return object;
}
