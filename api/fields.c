/* SPDX-License-Identifier: Apache-2.0 */
#include "api/fields.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/suggest.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/xalloc.h"

#define SHOWN_KEY 80     /* bytes of a key in a path */
#define SHOWN_SCALAR 80  /* bytes of a number in a message */
#define SHOWN_NAMES 1024 /* bytes of a list of known names */

/* Returns "path.key", or path["key"] for a key that is no plain word; the caller frees it. */
static char *path_join(const char *path, const char *key)
{
	size_t len = strlen(key);
	size_t plain = strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789_-");

	if (plain < len || len == 0 || len > SHOWN_KEY)
		return xasprintf("%s[%s]", path, quote_bytes(key, len).text);
	return xasprintf("%s%s%s", path, path[0] ? "." : "", key);
}

/* Takes path over. */
static void add_problem(const struct fields *f, char *path, unsigned line, const char *fmt,
	va_list args) __attribute__((format(printf, 4, 0)));

static void add_problem(
	const struct fields *f, char *path, unsigned line, const char *fmt, va_list args)
{
	AUTO(free) char *owned = path;
	AUTO(free) char *message = NULL;

	if (vasprintf(&message, fmt, args) < 0)
		abort();
	problems_add(f->problems, owned, line, "%s", message);
}

void fields_problem(const struct fields *f, const char *key, const char *fmt, ...)
{
	const struct node *child = node_get(f->map, key);
	va_list args;

	va_start(args, fmt);
	add_problem(f, path_join(f->path, key), child ? child->line : f->map->line, fmt, args);
	va_end(args);
}

/* Returns the path of a child of f->map; the caller frees it. */
static char *child_path(const struct fields *f, const struct node *child)
{
	if (f->map->kind == NODE_LIST)
		return xasprintf("%s[%td]", f->path, child - f->map->children);
	return path_join(f->path, child->key);
}

void fields_problem_at(const struct fields *f, const struct node *child, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add_problem(f, child_path(f, child), child->line, fmt, args);
	va_end(args);
}

bool fields_open(struct fields *out, const struct node *document, struct problems *problems)
{
	if (document->kind != NODE_MAP) {
		problems_add(problems, "", document->line, "must be a mapping, not %s",
			node_kind_name(document->kind));
		return false;
	}
	*out = (struct fields){.map = document, .path = xstrdup(""), .problems = problems};
	return true;
}

/* Starts at what stands under key, which must be of that kind. */
static bool enter(struct fields *out, const struct fields *parent, const char *key,
	enum field_need need, enum node_kind kind)
{
	const struct node *child = fields_get(parent, key);

	if (!child) {
		if (need == FIELD_REQUIRED)
			fields_problem(parent, key, "is required");
		return false;
	}
	if (child->kind != kind) {
		fields_problem(parent, key, "must be %s, not %s", node_kind_name(kind),
			node_kind_name(child->kind));
		return false;
	}
	*out = (struct fields){
		.map = child, .path = path_join(parent->path, key), .problems = parent->problems};
	return true;
}

bool fields_enter(
	struct fields *out, const struct fields *parent, const char *key, enum field_need need)
{
	return enter(out, parent, key, need, NODE_MAP);
}

bool fields_enter_list(
	struct fields *out, const struct fields *parent, const char *key, enum field_need need)
{
	return enter(out, parent, key, need, NODE_LIST);
}

void fields_clear(struct fields *f)
{
	free(f->path);
	f->path = NULL;
}

const struct node *fields_get(const struct fields *f, const char *key)
{
	const struct node *child = node_get(f->map, key);

	return child && child->kind != NODE_NULL ? child : NULL;
}

static void refuse_text(const struct fields *f, const struct node *child, enum field_show show)
{
	const char *kind = node_kind_name(child->kind);

	switch (child->kind) {
	case NODE_TEXT:
		fields_problem_at(f, child, "must not hold a NUL");
		break;
	case NODE_NULL:
		fields_problem_at(
			f, child, "must be a string, not null (write \"\" for an empty one)");
		break;
	case NODE_LIST:
	case NODE_MAP:
		fields_problem_at(f, child, "must be a string, not %s", kind);
		break;
	case NODE_BOOL:
	case NODE_NUMBER:
		if (show == FIELD_SECRET)
			fields_problem_at(f, child, "must be a string, not %s (quote it)", kind);
		else
			fields_problem_at(f, child,
				"must be a string, not the %s %.*s%s (quote it)",
				child->kind == NODE_BOOL ? "boolean" : "number", SHOWN_SCALAR,
				child->text, child->text_len > SHOWN_SCALAR ? "…" : "");
		break;
	}
}

const char *fields_text_of(const struct fields *f, const struct node *child, enum field_show show)
{
	const char *text = node_text(child);

	if (!text)
		refuse_text(f, child, show);
	return text;
}

const char *fields_text(const struct fields *f, const char *key, enum field_need need)
{
	const struct node *child = fields_get(f, key);

	if (child)
		return fields_text_of(f, child, FIELD_SHOWN);
	if (need == FIELD_REQUIRED)
		fields_problem(f, key, "is required");
	return NULL;
}

const char *fields_checked(
	const struct fields *f, const char *key, enum field_need need, field_check *check)
{
	const char *text = fields_text(f, key, need);
	struct err err;

	if (!text || check(text, &err) == 0)
		return text;
	fields_problem(f, key, "%s", err.msg);
	return NULL;
}

bool fields_bool(const struct fields *f, const char *key, bool *out)
{
	const struct node *child = fields_get(f, key);

	if (!child)
		return false;
	if (child->kind != NODE_BOOL) {
		fields_problem(f, key, "must be a boolean, not %s", node_kind_name(child->kind));
		return false;
	}
	/* One of true, yes, y, on and false, no, n, off. */
	*out = strchr("tTyY", child->text[0]) || strcasecmp(child->text, "on") == 0;
	return true;
}

void fields_check_constant(const struct fields *f, const char *key, const char *want)
{
	const char *text = NULL;

	if (!fields_get(f, key)) {
		fields_problem(f, key, "is required: %s", want);
		return;
	}
	text = fields_text(f, key, FIELD_REQUIRED);
	if (text && strcmp(text, want) != 0)
		fields_problem(f, key, "must be \"%s\", not %s", want, quote(text).text);
}

/* Returns the index of word among the known ones, or that of the NULL that ends them. */
static unsigned find_known(const char *word, const char *const known[])
{
	unsigned i = 0;

	while (known[i] && strcmp(word, known[i]) != 0)
		i++;
	return i;
}

/* Appends "a, b, c", as many as fit. */
static void append_names(struct buf *out, const char *const names[])
{
	struct err err;

	for (size_t i = 0; names[i]; i++) {
		if (buf_printf(out, &err, "%s%s", i > 0 ? ", " : "", names[i]) < 0)
			return;
	}
}

unsigned fields_choice(const struct fields *f, const char *key, enum field_need need,
	const char *const choices[], unsigned otherwise)
{
	AUTO(buf) struct buf names = BUF_INIT(SHOWN_NAMES);
	const char *text = fields_text(f, key, need);
	unsigned found = text ? find_known(text, choices) : 0;

	if (!text)
		return otherwise;
	if (choices[found])
		return found;
	append_names(&names, choices);
	fields_problem(f, key, "must be one of %s, not %s", buf_text(&names), quote(text).text);
	return otherwise;
}

static void refuse_unknown(
	const struct fields *f, const struct node *child, const char *const known[])
{
	const char *nearest = suggest_nearest(child->key, known);
	AUTO(buf) struct buf names = BUF_INIT(SHOWN_NAMES);

	if (nearest) {
		fields_problem_at(f, child, "unknown field; did you mean %s?", nearest);
		return;
	}
	append_names(&names, known);
	fields_problem_at(f, child, "unknown field; the known ones are %s", buf_text(&names));
}

void fields_check_known(const struct fields *f, const char *const known[])
{
	for (size_t i = 0; i < f->map->n; i++) {
		const struct node *child = &f->map->children[i];

		if (known[find_known(child->key, known)])
			continue;
		/* What nobody will read is not worth a suggestion. */
		if (f->problems->n == LIMIT_PROBLEMS)
			f->problems->more++;
		else
			refuse_unknown(f, child, known);
	}
}
