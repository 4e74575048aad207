/* SPDX-License-Identifier: Apache-2.0 */
#include "api/fields.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void add_problem(const struct fields *f, const char *key, unsigned line, const char *fmt,
	va_list args) __attribute__((format(printf, 4, 0)));

static void add_problem(
	const struct fields *f, const char *key, unsigned line, const char *fmt, va_list args)
{
	AUTO(free) char *path = path_join(f->path, key);
	AUTO(free) char *message = NULL;

	if (vasprintf(&message, fmt, args) < 0)
		abort();
	problems_add(f->problems, path, line, "%s", message);
}

void fields_problem(const struct fields *f, const char *key, const char *fmt, ...)
{
	const struct node *child = node_get(f->map, key);
	va_list args;

	va_start(args, fmt);
	add_problem(f, key, child ? child->line : f->map->line, fmt, args);
	va_end(args);
}

void fields_problem_at(const struct fields *f, const struct node *child, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add_problem(f, child->key, child->line, fmt, args);
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

bool fields_enter(
	struct fields *out, const struct fields *parent, const char *key, enum field_need need)
{
	const struct node *child = fields_get(parent, key);

	if (!child) {
		if (need == FIELD_REQUIRED)
			fields_problem(parent, key, "is required");
		return false;
	}
	if (child->kind != NODE_MAP) {
		fields_problem(
			parent, key, "must be a mapping, not %s", node_kind_name(child->kind));
		return false;
	}
	*out = (struct fields){
		.map = child, .path = path_join(parent->path, key), .problems = parent->problems};
	return true;
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
	if (child->kind == NODE_TEXT && strlen(child->text) == child->text_len)
		return child->text;
	refuse_text(f, child, show);
	return NULL;
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

static bool is_known(const char *key, const char *const known[])
{
	for (size_t i = 0; known[i]; i++) {
		if (strcmp(key, known[i]) == 0)
			return true;
	}
	return false;
}

static void refuse_unknown(
	const struct fields *f, const struct node *child, const char *const known[])
{
	const char *nearest = suggest_nearest(child->key, known);
	AUTO(buf) struct buf names = BUF_INIT(SHOWN_NAMES);
	struct err err;

	if (nearest) {
		fields_problem_at(f, child, "unknown field; did you mean %s?", nearest);
		return;
	}
	for (size_t i = 0; known[i]; i++) {
		if (buf_printf(&names, &err, "%s%s", i > 0 ? ", " : "", known[i]) < 0)
			break;
	}
	fields_problem_at(f, child, "unknown field; the known ones are %s", buf_text(&names));
}

void fields_check_known(const struct fields *f, const char *const known[])
{
	for (size_t i = 0; i < f->map->n; i++) {
		const struct node *child = &f->map->children[i];

		if (is_known(child->key, known))
			continue;
		/* What nobody will read is not worth a suggestion. */
		if (f->problems->n == LIMIT_PROBLEMS)
			f->problems->more++;
		else
			refuse_unknown(f, child, known);
	}
}
