/* SPDX-License-Identifier: Apache-2.0 */
#include "api/node.h"

#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "api/problem.h"
#include "api/yaml_scalar.h"
#include "base/auto.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/xalloc.h"

struct reader {
	yaml_parser_t parser;
	const char *text; /* borrowed */
	size_t n;
	struct map anchors; /* name → struct node, owned; of the document under way */
	size_t nodes;       /* of all documents, aliases written out */
	size_t bytes;       /* of their texts and keys */
};

static void free_node(void *node)
{
	node_free(node);
}

static void auto_reader(struct reader *r)
{
	yaml_parser_delete(&r->parser);
	map_clear(&r->anchors, free_node);
}

static void auto_yaml_event(yaml_event_t *event)
{
	yaml_event_delete(event);
}

static unsigned line_of(const yaml_event_t *event)
{
	return (unsigned)event->start_mark.line + 1;
}

static size_t line_at(const char *text, size_t offset)
{
	size_t line = 1;

	for (size_t i = 0; i < offset; i++)
		line += text[i] == '\n';
	return line;
}

static bool line_begins_with_tab(const struct reader *r, size_t line)
{
	const char *at = r->text;
	const char *end = r->text + r->n;

	for (; at && line > 0; line--) {
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	while (at && at < end && *at == ' ')
		at++;
	return at && at < end && *at == '\t';
}

/* What to do about the two mistakes that the parser's own words explain least. */
static const char *hint(const struct reader *r)
{
	const char *problem = r->parser.problem;

	if (strstr(problem, "mapping values are not allowed"))
		return ": check the indentation, and quote text that holds \": \"";
	if (line_begins_with_tab(r, r->parser.problem_mark.line))
		return ": indent with blanks, not with tabs";
	return "";
}

static int syntax_error(const struct reader *r, struct err *err)
{
	const yaml_parser_t *p = &r->parser;

	if (!p->problem)
		return err_set(err, ERR_TRANSIENT, "no memory for YAML of %zu bytes", r->n);
	/* Bytes that are no text have an offset, and no line yet. */
	if (p->error == YAML_READER_ERROR)
		return err_set(err, ERR_INVALID, "line %zu: %s",
			line_at(r->text, p->problem_offset), p->problem);
	if (!p->context)
		return err_set(err, ERR_INVALID, "line %zu, column %zu: %s%s",
			p->problem_mark.line + 1, p->problem_mark.column + 1, p->problem, hint(r));
	return err_set(err, ERR_INVALID, "line %zu, column %zu: %s, %s that starts on line %zu%s",
		p->problem_mark.line + 1, p->problem_mark.column + 1, p->problem, p->context,
		p->context_mark.line + 1, hint(r));
}

static int next_event(struct reader *r, yaml_event_t *event, struct err *err)
{
	return yaml_parser_parse(&r->parser, event) ? 0 : syntax_error(r, err);
}

/* Counts one more node, before memory is spent on it. */
static int charge(struct reader *r, size_t bytes, unsigned line, struct err *err)
{
	r->nodes++;
	r->bytes += bytes;
	if (r->nodes > LIMIT_NODE_COUNT)
		return err_set(err, ERR_INVALID,
			"line %u: more than %d values, aliases written out", line,
			LIMIT_NODE_COUNT);
	if (r->bytes > LIMIT_NODE_BYTES)
		return err_set(err, ERR_INVALID,
			"line %u: more than %lu bytes of text, aliases written out", line,
			LIMIT_NODE_BYTES);
	return 0;
}

static int check_depth(unsigned depth, unsigned line, struct err *err)
{
	if (depth <= LIMIT_NODE_DEPTH)
		return 0;
	return err_set(err, ERR_INVALID, "line %u: nested deeper than %d", line, LIMIT_NODE_DEPTH);
}

static int refuse_tag(const yaml_char_t *tag, unsigned line, struct err *err)
{
	const char *name = (const char *)tag;

	if (!tag)
		return 0;
	return err_set(err, ERR_INVALID, "line %u: tag %s is not supported: leave it out", line,
		quote(name).text);
}

static void set_text(struct node *node, const char *text, size_t n)
{
	node->text = xmalloc(n + 1);
	memcpy(node->text, text, n);
	node->text[n] = '\0';
	node->text_len = n;
}

/* Copies all but the key and the line of from, which are those of the alias. */
static int copy_node(
	struct reader *r, const struct node *from, struct node *to, unsigned depth, struct err *err)
{
	if (check_depth(depth, to->line, err) < 0 || charge(r, from->text_len, to->line, err) < 0)
		return -1;
	to->kind = from->kind;
	if (from->text)
		set_text(to, from->text, from->text_len);
	for (size_t i = 0; i < from->n; i++) {
		const struct node *child = &from->children[i];
		struct node *copy = node_add_child(to);

		copy->key = xstrdup_null(child->key);
		copy->line = child->line;
		r->bytes += child->key ? strlen(child->key) : 0;
		if (copy_node(r, child, copy, depth + 1, err) < 0)
			return -1;
	}
	return 0;
}

/* A name can be given anew; from here to the end of its node it stands for nothing, so that no node
 * can hold itself. */
static void forget_anchor(struct reader *r, const yaml_char_t *name)
{
	if (name)
		node_free(map_take(&r->anchors, (const char *)name));
}

static int keep_anchor(
	struct reader *r, const yaml_char_t *name, const struct node *node, struct err *err)
{
	AUTO(node) struct node *copy = NULL;

	if (!name)
		return 0;
	copy = xcalloc(1, sizeof(*copy));
	copy->line = node->line;
	if (copy_node(r, node, copy, 0, err) < 0)
		return -1;
	node_free(map_put(&r->anchors, (const char *)name, STEAL(copy)));
	return 0;
}

static int read_alias(struct reader *r, const yaml_event_t *event, struct node *out, unsigned depth,
	struct err *err)
{
	const char *name = (const char *)event->data.alias.anchor;
	const struct node *anchored = map_get(&r->anchors, name);

	if (!anchored)
		return err_set(err, ERR_INVALID,
			"line %u: alias %s names no anchor that is complete before it",
			line_of(event), quote(name).text);
	return copy_node(r, anchored, out, depth, err);
}

static int read_scalar(
	struct reader *r, const yaml_event_t *event, struct node *out, struct err *err)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;

	if (refuse_tag(event->data.scalar.tag, line_of(event), err) < 0 ||
		charge(r, len, out->line, err) < 0)
		return -1;
	out->kind = NODE_TEXT;
	if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		out->kind = yaml_scalar_kind(text);
	if (out->kind != NODE_NULL)
		set_text(out, text, len);
	forget_anchor(r, event->data.scalar.anchor);
	return keep_anchor(r, event->data.scalar.anchor, out, err);
}

static int read_node(struct reader *r, const yaml_event_t *event, struct node *out, unsigned depth,
	struct err *err);

static int read_items(struct reader *r, struct node *out, unsigned depth, struct err *err)
{
	for (;;) {
		AUTO(yaml_event) yaml_event_t event = {.type = YAML_NO_EVENT};

		if (next_event(r, &event, err) < 0)
			return -1;
		if (event.type == YAML_SEQUENCE_END_EVENT)
			return 0;

		struct node *item = node_add_child(out);

		item->line = line_of(&event);
		if (read_node(r, &event, item, depth + 1, err) < 0)
			return -1;
	}
}

/* Returns n bytes as a text without NULs, as api/node.h has keys; the caller frees it. */
static char *copy_key(const char *key, size_t n)
{
	char *copy = xmalloc(n * strlen(JSON_NUL) + 1);
	char *to = copy;

	for (size_t i = 0; i < n; i++) {
		if (key[i] == '\0')
			to = mempcpy(to, JSON_NUL, strlen(JSON_NUL));
		else
			*to++ = key[i];
	}
	*to = '\0';
	return copy;
}

/* Reads a key that kubectl would read as this text and nothing else. */
static int read_key(struct reader *r, const yaml_event_t *event, struct node *out, struct err *err)
{
	const char *key = (const char *)event->data.scalar.value;
	unsigned line = line_of(event);
	size_t len = event->data.scalar.length;

	if (event->type != YAML_SCALAR_EVENT)
		return err_set(err, ERR_INVALID, "line %u: a key must be plain text", line);
	if (refuse_tag(event->data.scalar.tag, line, err) < 0)
		return -1;
	if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
		enum node_kind kind = yaml_scalar_kind(key);

		if (strcmp(key, "<<") == 0)
			return err_set(err, ERR_INVALID,
				"line %u: merge keys (<<) are not supported: write the fields out",
				line);
		if (kind == NODE_NULL || kind == NODE_BOOL)
			return err_set(err, ERR_INVALID,
				"line %u: the key %s is read as %s, not as text: quote it", line,
				quote_bytes(key, len).text, node_kind_name(kind));
	}
	forget_anchor(r, event->data.scalar.anchor);
	r->bytes += len;
	out->key = copy_key(key, len);
	out->line = line;
	return 0;
}

static int compare_keys(const void *a, const void *b)
{
	const struct node *x = *(const struct node *const *)a;
	const struct node *y = *(const struct node *const *)b;
	int order = strcmp(x->key, y->key);

	return order ? order : (x > y) - (x < y);
}

static int check_unique(const struct node *map, struct err *err)
{
	AUTO(free) const struct node **sorted = NULL;

	if (map->n < 2)
		return 0;
	sorted = xcalloc(map->n, sizeof(const struct node *));
	for (size_t i = 0; i < map->n; i++)
		sorted[i] = &map->children[i];
	qsort(sorted, map->n, sizeof(const struct node *), compare_keys);
	for (size_t i = 1; i < map->n; i++) {
		const char *key = sorted[i]->key;

		if (strcmp(sorted[i - 1]->key, key) == 0)
			return err_set(err, ERR_INVALID,
				"line %u: the key %s stands there already on line %u",
				sorted[i]->line, quote(key).text, sorted[i - 1]->line);
	}
	return 0;
}

static int read_fields(struct reader *r, struct node *out, unsigned depth, struct err *err)
{
	for (;;) {
		AUTO(yaml_event) yaml_event_t key = {.type = YAML_NO_EVENT};
		AUTO(yaml_event) yaml_event_t value = {.type = YAML_NO_EVENT};

		if (next_event(r, &key, err) < 0)
			return -1;
		if (key.type == YAML_MAPPING_END_EVENT)
			return check_unique(out, err);

		struct node *field = node_add_child(out);

		if (read_key(r, &key, field, err) < 0 || next_event(r, &value, err) < 0 ||
			read_node(r, &value, field, depth + 1, err) < 0)
			return -1;
	}
}

static int read_list(struct reader *r, const yaml_event_t *event, struct node *out, unsigned depth,
	struct err *err)
{
	const yaml_char_t *anchor = event->data.sequence_start.anchor;

	out->kind = NODE_LIST;
	forget_anchor(r, anchor);
	if (refuse_tag(event->data.sequence_start.tag, line_of(event), err) < 0 ||
		charge(r, 0, out->line, err) < 0 || read_items(r, out, depth, err) < 0)
		return -1;
	return keep_anchor(r, anchor, out, err);
}

static int read_map(struct reader *r, const yaml_event_t *event, struct node *out, unsigned depth,
	struct err *err)
{
	const yaml_char_t *anchor = event->data.mapping_start.anchor;

	out->kind = NODE_MAP;
	forget_anchor(r, anchor);
	if (refuse_tag(event->data.mapping_start.tag, line_of(event), err) < 0 ||
		charge(r, 0, out->line, err) < 0 || read_fields(r, out, depth, err) < 0)
		return -1;
	return keep_anchor(r, anchor, out, err);
}

/* Reads the node that event begins; its line is set already. */
static int read_node(struct reader *r, const yaml_event_t *event, struct node *out, unsigned depth,
	struct err *err)
{
	if (check_depth(depth, out->line, err) < 0)
		return -1;
	if (event->type == YAML_ALIAS_EVENT)
		return read_alias(r, event, out, depth, err);
	if (event->type == YAML_SEQUENCE_START_EVENT)
		return read_list(r, event, out, depth, err);
	if (event->type == YAML_MAPPING_START_EVENT)
		return read_map(r, event, out, depth, err);
	return read_scalar(r, event, out, err);
}

static int read_document(struct reader *r, struct node_list *out, struct err *err)
{
	AUTO(yaml_event) yaml_event_t event = {.type = YAML_NO_EVENT};
	AUTO(node) struct node *root = xcalloc(1, sizeof(*root));

	if (next_event(r, &event, err) < 0)
		return -1;
	root->line = line_of(&event);
	if (read_node(r, &event, root, 0, err) < 0)
		return -1;
	map_clear(&r->anchors, free_node);
	if (root->kind == NODE_NULL)
		return 0;
	if (out->n == LIMIT_MANIFEST_DOCUMENTS)
		return err_set(err, ERR_INVALID, "line %u: more than %d documents", root->line,
			LIMIT_MANIFEST_DOCUMENTS);
	out->items = xreallocarray(out->items, out->n + 1, sizeof(struct node *));
	out->items[out->n++] = STEAL(root);
	return 0;
}

static int read_stream(struct reader *r, struct node_list *out, struct err *err)
{
	for (;;) {
		AUTO(yaml_event) yaml_event_t event = {.type = YAML_NO_EVENT};

		if (next_event(r, &event, err) < 0)
			return -1;
		if (event.type == YAML_STREAM_END_EVENT)
			return 0;
		if (event.type == YAML_DOCUMENT_START_EVENT && read_document(r, out, err) < 0)
			return -1;
	}
}

/* The parser compares each %TAG directive with all before it: many of them would take it minutes,
 * and none is of use without tags. */
static int check_tag_directives(const char *text, size_t n, struct err *err)
{
	static const char directive[] = "%TAG";
	const char *end = text + n;
	unsigned found = 0;

	while ((text = memmem(text, (size_t)(end - text), directive, strlen(directive)))) {
		text += strlen(directive);
		if (++found > LIMIT_YAML_TAGS)
			return err_set(err, ERR_INVALID,
				"more than %d times \"%s\": tags are not supported",
				LIMIT_YAML_TAGS, directive);
	}
	return 0;
}

int node_list_from_yaml(struct node_list *out, const char *text, size_t n, struct err *err)
{
	AUTO(reader) struct reader r = {.text = text, .n = n};
	AUTO(node_list) struct node_list list = {.items = NULL};

	if (n > LIMIT_MANIFEST_BYTES)
		return err_set(err, ERR_INVALID, "%zu bytes of YAML: at most %lu are read", n,
			LIMIT_MANIFEST_BYTES);
	if (check_tag_directives(text, n, err) < 0)
		return -1;
	if (!yaml_parser_initialize(&r.parser))
		return err_set(err, ERR_TRANSIENT, "no memory for a YAML parser");
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, n);
	if (read_stream(&r, &list, err) < 0)
		return -1;
	*out = list;
	list = (struct node_list){.items = NULL};
	return 0;
}
