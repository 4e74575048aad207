/* SPDX-License-Identifier: Apache-2.0 */
#include "api/manifest.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "api/fields.h"
#include "api/metadata.h"
#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"

#define BYTE_ORDER_MARK "\xEF\xBB\xBF"

static const char *const list_fields[] = {"apiVersion", "kind", "metadata", "items", NULL};

/* A manifest on its way. */
struct builder {
	struct manifest *manifest; /* borrowed */
	struct map seen;           /* object_key() → struct object, borrowed from manifest */
};

static void auto_builder(struct builder *b)
{
	map_clear(&b->seen, NULL);
}

void manifest_clear(struct manifest *m)
{
	for (size_t i = 0; i < m->n; i++)
		object_free(m->objects[i]);
	free(m->objects);
	problems_clear(&m->problems);
	*m = (struct manifest){.objects = NULL};
}

static const char *text_or_empty(const struct node *map, const char *key)
{
	const char *text = node_text(node_get(map, key));

	return text ? text : "";
}

/* Returns text as it is where it could be a name, and quoted where it could not; the caller frees
 * it. */
static char *show_name(const char *text)
{
	size_t plain = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-.");

	if (text[plain] == '\0' && plain <= LIMIT_NAME_BYTES)
		return xstrdup(text);
	return xstrdup(quote(text).text);
}

/* Names a document that may be wrong in every way: "Secret default/x", or what there is of it; the
 * caller frees it. */
static char *describe(const struct node *document)
{
	const struct node *metadata = node_get(document, "metadata");
	const char *namespace_text = text_or_empty(metadata, "namespace");
	AUTO(free) char *kind = show_name(text_or_empty(document, "kind"));
	AUTO(free)
	char *namespace = show_name(namespace_text[0] ? namespace_text : METADATA_NAMESPACE);
	AUTO(free) char *name = show_name(text_or_empty(metadata, "name"));

	if (!name[0])
		return xstrdup(kind[0] ? kind : "document");
	return xasprintf("%s %s/%s", kind[0] ? kind : "document", namespace, name);
}

/* Adds the problems of one document, each with the document's name before its path. */
static void report(struct builder *b, const struct node *document, const struct problems *problems)
{
	AUTO(free) char *name = describe(document);

	b->manifest->invalid++;
	b->manifest->problems.more += problems->more;
	for (size_t i = 0; i < problems->n; i++) {
		const struct problem *p = &problems->items[i];
		AUTO(free) char *path = xasprintf("%s%s%s", name, p->path[0] ? ": " : "", p->path);

		problems_add(&b->manifest->problems, path, p->line, "%s", p->message);
	}
}

static void append_object(struct manifest *m, struct object *object)
{
	/* The room doubles whenever the count has reached a power of two. */
	if ((m->n & (m->n - 1)) == 0)
		m->objects =
			xreallocarray(m->objects, m->n ? 2 * m->n : 1, sizeof(struct object *));
	m->objects[m->n++] = object;
}

static void add_object(struct builder *b, const struct node *document)
{
	AUTO(problems) struct problems problems = {.items = NULL};
	AUTO(object) struct object *object = object_from_node(document, &problems);
	AUTO(free) char *key = NULL;

	if (problems.n > 0) {
		report(b, document, &problems);
		return;
	}
	if (!object) {
		b->manifest->ignored++;
		return;
	}
	key = object_key(object->kind, object->namespace, object->name);

	const struct object *first = map_get(&b->seen, key);

	if (first) {
		if (first->line > 0)
			problems_add(&problems, "", document->line,
				"stands there already, on line %u", first->line);
		else
			problems_add(&problems, "", 0, "stands there already");
		report(b, document, &problems);
		return;
	}
	(void)map_put(&b->seen, key, object);
	append_object(b->manifest, STEAL(object));
}

static bool is_list(const struct node *document)
{
	return strcmp(text_or_empty(document, "kind"), "List") == 0 &&
	       !strchr(text_or_empty(document, "apiVersion"), '/');
}

/* Adds what is wrong with a list itself.  Returns its items, or NULL. */
static const struct node *open_list(struct builder *b, const struct node *list)
{
	AUTO(problems) struct problems problems = {.items = NULL};
	AUTO(fields) struct fields f = {.path = NULL};
	const struct node *items = node_get(list, "items");

	if (!fields_open(&f, list, &problems))
		return NULL;
	fields_check_constant(&f, "apiVersion", "v1");
	fields_check_known(&f, list_fields);
	if (!items)
		fields_problem(&f, "items", "is required");
	else if (items->kind != NODE_LIST)
		fields_problem(&f, "items", "must be a list, not %s", node_kind_name(items->kind));
	if (problems.n > 0)
		report(b, list, &problems);
	return items && items->kind == NODE_LIST ? items : NULL;
}

static void add_document(struct builder *b, const struct node *document)
{
	const struct node *items = NULL;

	if (!is_list(document)) {
		add_object(b, document);
		return;
	}
	items = open_list(b, document);
	for (size_t i = 0; items && i < items->n; i++)
		add_document(b, &items->children[i]);
}

static int parse_json(struct builder *b, const char *text, size_t n, struct err *err)
{
	AUTO(node) struct node *document = node_from_json(text, n, err);

	if (!document)
		return -1;
	add_document(b, document);
	return 0;
}

static int parse_yaml(struct builder *b, const char *text, size_t n, struct err *err)
{
	AUTO(node_list) struct node_list documents = {.items = NULL};

	if (node_list_from_yaml(&documents, text, n, err) < 0)
		return -1;
	for (size_t i = 0; i < documents.n; i++)
		add_document(b, documents.items[i]);
	return 0;
}

static size_t blank_length(const char *text, size_t n)
{
	size_t at = 0;

	while (at < n && text[at] && strchr(" \t\r\n", text[at]))
		at++;
	return at;
}

int manifest_parse(struct manifest *out, const char *text, size_t n, struct err *err)
{
	AUTO(manifest) struct manifest manifest = {.objects = NULL};
	AUTO(builder) struct builder b = {.manifest = &manifest};
	size_t mark = strlen(BYTE_ORDER_MARK);
	size_t blank = 0;

	if (n > LIMIT_MANIFEST_BYTES)
		return err_set(err, ERR_INVALID, "%zu bytes: at most %lu are read", n,
			LIMIT_MANIFEST_BYTES);
	if (n >= mark && memcmp(text, BYTE_ORDER_MARK, mark) == 0) {
		text += mark;
		n -= mark;
	}
	blank = blank_length(text, n);
	if ((blank < n && text[blank] == '{' ? parse_json(&b, text, n, err)
					     : parse_yaml(&b, text, n, err)) < 0)
		return -1;
	problems_sort(&manifest.problems);
	*out = manifest;
	manifest = (struct manifest){.objects = NULL};
	return 0;
}
