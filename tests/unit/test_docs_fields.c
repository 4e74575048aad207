/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docs/fields.md, held against the decoder: each row of its table is tried on the examples that it
 * gives, and the decoder is asked for the names that it knows.
 */
#include <fcntl.h>
#include <stdlib.h>

#include "api/extension.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "kube/fingerprint.h"
#include "tests/unit/test.h"

#define DOCUMENT "docs/fields.md"
#define TABLE "| Field | Type | Required | Default | Allowed | Meaning |"
#define EXAMPLES "```yaml\n"
#define EXAMPLES_END "```\n"
#define ROWS_MAX 128
#define ROWS_LEAST 40
#define KNOWN "the known ones are "
#define NAMES_MAX 1024

enum column { FIELD, TYPE, REQUIRED, DEFAULT, ALLOWED, MEANING, COLUMNS };

struct row {
	char *cells[COLUMNS]; /* borrowed from the document; FIELD without its backquotes */
};

struct document {
	struct buf text; /* cut up by its rows */
	struct row rows[ROWS_MAX];
	size_t n;
	struct node_list examples;
};

static char *trim(char *cell)
{
	size_t n = 0;

	cell += strspn(cell, " ");
	n = strlen(cell);
	while (n > 0 && cell[n - 1] == ' ')
		cell[--n] = '\0';
	return cell;
}

/* Takes the backquotes out, wherever they are. */
static char *bare(char *cell)
{
	char *to = cell;

	for (const char *from = cell; *from; from++) {
		if (*from != '`')
			*to++ = *from;
	}
	*to = '\0';
	return cell;
}

static void read_row(struct document *d, char *line)
{
	struct row *row = &d->rows[d->n++];

	(void)strsep(&line, "|"); /* before the first cell */
	for (size_t i = 0; i < COLUMNS; i++) {
		char *cell = strsep(&line, "|");

		CU_ASSERT_PTR_NOT_NULL_FATAL(line);
		row->cells[i] = trim(cell);
	}
	CU_ASSERT_STRING_EQUAL_FATAL(line, "");
	CU_ASSERT_EQUAL_FATAL(row->cells[FIELD][0], '`');
	(void)bare(row->cells[FIELD]);
}

static void read_examples(struct document *d)
{
	const char *start = strstr(buf_text(&d->text), EXAMPLES);
	const char *end = start ? strstr(start, "\n" EXAMPLES_END) : NULL;
	struct err err;

	CU_ASSERT_PTR_NOT_NULL_FATAL(end);
	start += strlen(EXAMPLES);
	CU_ASSERT_EQUAL_FATAL(
		node_list_from_yaml(&d->examples, start, (size_t)(end - start), &err), 0);
}

static void document_open(struct document *d)
{
	char *at = NULL;
	struct err err;

	*d = (struct document){.text = BUF_INIT(LIMIT_MIB)};
	CU_ASSERT_EQUAL_FATAL(io_read_file(AT_FDCWD, DOCUMENT, &d->text, &err), 0);
	CU_ASSERT_EQUAL_FATAL(buf_append(&d->text, "", 1, &err), 0);
	read_examples(d);
	at = strstr(d->text.data, TABLE);
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	(void)strsep(&at, "\n");
	(void)strsep(&at, "\n"); /* the rule below the head */
	while (at && *at == '|') {
		CU_ASSERT_FATAL(d->n < ROWS_MAX);
		read_row(d, strsep(&at, "\n"));
	}
}

static void auto_document(struct document *d)
{
	buf_clear(&d->text);
	node_list_clear(&d->examples);
}

/* Returns the length of the path of the field that holds this one; 0 for the document. */
static size_t parent_length(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot ? (size_t)(dot - path) : 0;
}

/* Returns what an example has at path, or NULL; "" is the example itself. */
static struct node *find(struct node *node, const char *path)
{
	while (node && *path) {
		size_t n = strcspn(path, ".");
		size_t i = 0;

		while (i < node->n && !(strlen(node->children[i].key) == n &&
					      strncmp(node->children[i].key, path, n) == 0))
			i++;
		node = i < node->n ? &node->children[i] : NULL;
		path += n + (path[n] == '.');
	}
	return node;
}

/* Decodes an example with another value of no children in the place of node, for the time being. */
static struct extension *decode_with(struct node *example, struct node *node, enum node_kind kind,
	char *text, struct problems *problems)
{
	struct node kept = *node;
	struct extension *ext = NULL;

	*node = (struct node){
		.kind = kind, .key = kept.key, .text = text, .text_len = text ? strlen(text) : 0};
	ext = extension_from_node(example, problems);
	*node = kept;
	return ext;
}

/* Returns the message of a problem at the path of n bytes that holds part, or NULL. */
static const char *find_problem(
	const struct problems *problems, const char *path, size_t n, const char *part)
{
	for (size_t i = 0; i < problems->n; i++) {
		const struct problem *p = &problems->items[i];

		if (strlen(p->path) == n && strncmp(p->path, path, n) == 0 &&
			strstr(p->message, part))
			return p->message;
	}
	return NULL;
}

/* Says which row fails. */
static void check(bool good, const struct row *row, const char *what)
{
	if (!good)
		printf("\n  %s: %s: %s\n", DOCUMENT, row->cells[FIELD], what);
	CU_ASSERT_TRUE(good);
}

static void check_required(const struct row *row, struct node *example, struct node *node)
{
	AUTO(problems) struct problems problems = {.items = NULL};
	AUTO(extension)
	struct extension *ext = decode_with(example, node, NODE_NULL, NULL, &problems);
	const char *path = row->cells[FIELD];
	const char *required = row->cells[REQUIRED];

	if (strcmp(required, "yes") == 0)
		check(find_problem(&problems, path, strlen(path), "is required"), row,
			"is not required");
	else if (strcmp(required, "one of") == 0)
		check(find_problem(&problems, path, parent_length(path), "must have "), row,
			"is not one of several");
	else
		check(strcmp(required, "no") == 0 &&
				!find_problem(&problems, path, strlen(path), "is required"),
			row, "is required");
}

static void check_type(const struct row *row, struct node *example, struct node *node)
{
	static const struct {
		const char *type;
		const char *message;
	} types[] = {{"string", "must be a string, not "}, {"choice", "must be a string, not "},
		{"duration", "must be a string, not "}, {"boolean", "must be a boolean, not "},
		{"mapping", "must be a mapping, not "}, {"open mapping", "must be a mapping, not "},
		{"mapping of strings", "must be a mapping, not "},
		{"list of strings", "must be a list, not "}, {"anything", NULL}};
	const char *path = row->cells[FIELD];
	char number[] = "7";

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		AUTO(problems) struct problems problems = {.items = NULL};
		AUTO(extension) struct extension *ext = NULL;

		if (strcmp(row->cells[TYPE], types[i].type) != 0)
			continue;
		ext = decode_with(example, node, NODE_NUMBER, number, &problems);
		check(types[i].message ? find_problem(&problems, path, strlen(path),
						 types[i].message) != NULL
				       : ext != NULL,
			row, "is of another type");
		return;
	}
	check(false, row, "is of a type that this test does not know");
}

static void check_choices(const struct row *row, struct node *example, struct node *node)
{
	AUTO(problems) struct problems problems = {.items = NULL};
	AUTO(free) char *allowed = xstrdup(row->cells[ALLOWED]);
	AUTO(free) char *message = NULL;
	AUTO(extension) struct extension *ext = NULL;
	const char *path = row->cells[FIELD];
	char unknown[] = "?";

	if (strcmp(row->cells[TYPE], "choice") != 0)
		return;
	message = xasprintf("must be one of %s, not", bare(allowed));
	ext = decode_with(example, node, NODE_TEXT, unknown, &problems);
	check(find_problem(&problems, path, strlen(path), message), row, "has other choices");
}

static struct digest print_of(struct extension *ext)
{
	struct object object = {.kind = OBJECT_EXTENSION, .extension = ext};
	struct digest print = {.hex = ""};

	fingerprint_of(&print, &object);
	return print;
}

/* A default in backquotes must be the same as nothing. */
static void check_default(const struct row *row, struct node *example, struct node *node)
{
	AUTO(problems) struct problems problems = {.items = NULL};
	AUTO(free) char *text = xstrdup(row->cells[DEFAULT]);
	AUTO(extension) struct extension *absent = NULL;
	AUTO(extension) struct extension *given = NULL;
	bool is_boolean = strcmp(row->cells[TYPE], "boolean") == 0;

	if (text[0] != '`')
		return;
	/* What goes with another choice alone makes a problem of its absence. */
	absent = decode_with(example, node, NODE_NULL, NULL, &problems);
	if (!absent)
		return;
	given = decode_with(
		example, node, is_boolean ? NODE_BOOL : NODE_TEXT, bare(text), &problems);
	CU_ASSERT_PTR_NOT_NULL_FATAL(given);

	struct digest a = print_of(absent);
	struct digest b = print_of(given);

	check(digest_equal(&a, &b), row, "has another default");
}

/* Returns "a, b, c": the fields that the table has directly in path; the caller frees it. */
static char *documented_names(const struct document *d, const char *path)
{
	AUTO(buf) struct buf names = BUF_INIT(NAMES_MAX);
	size_t n = strlen(path);
	struct err err;

	for (size_t i = 0; i < d->n; i++) {
		const char *field = d->rows[i].cells[FIELD];

		if (parent_length(field) != n || strncmp(field, path, n) != 0)
			continue;
		CU_ASSERT_EQUAL_FATAL(buf_printf(&names, &err, "%s%s", names.len > 0 ? ", " : "",
					      field + n + (n > 0)),
			0);
	}
	return xstrdup(buf_text(&names));
}

/* The decoder lists all that it knows in what it says of a field that it does not know. */
static void check_names(const struct document *d, struct node *example, const char *path)
{
	AUTO(problems) struct problems problems = {.items = NULL};
	AUTO(extension) struct extension *ext = NULL;
	AUTO(free) char *names = documented_names(d, path);
	AUTO(free) char *unknown = xasprintf("%s[\"?\"]", path);
	struct node *mapping = find(example, path);
	const char *message = NULL;

	if (!mapping)
		return;
	struct node *child = node_add_child(mapping);

	child->key = xstrdup("?");
	ext = extension_from_node(example, &problems);
	message = find_problem(&problems, unknown, strlen(unknown), KNOWN);
	CU_ASSERT_PTR_NOT_NULL_FATAL(message);
	CU_ASSERT_STRING_EQUAL(strstr(message, KNOWN) + strlen(KNOWN), names);
	node_clear(&mapping->children[--mapping->n]);
}

static void test_docs_fields__examples_are_valid(void)
{
	AUTO(document) struct document d;

	document_open(&d);
	CU_ASSERT(d.examples.n >= 2);
	for (size_t i = 0; i < d.examples.n; i++) {
		AUTO(problems) struct problems problems = {.items = NULL};
		AUTO(extension)
		struct extension *ext = extension_from_node(d.examples.items[i], &problems);
		struct err err = {.msg = ""};

		(void)problems_to_err(&problems, &err);
		CU_ASSERT_STRING_EQUAL(err.msg, "");
		CU_ASSERT_PTR_NOT_NULL(ext);
	}
}

static void test_docs_fields__every_row_is_true(void)
{
	AUTO(document) struct document d;

	document_open(&d);
	CU_ASSERT(d.n >= ROWS_LEAST);
	for (size_t i = 0; i < d.n; i++) {
		const struct row *row = &d.rows[i];
		unsigned tried = 0;

		for (size_t j = 0; j < d.examples.n; j++) {
			struct node *example = d.examples.items[j];
			struct node *node = find(example, row->cells[FIELD]);

			if (!node)
				continue;
			check_required(row, example, node);
			check_type(row, example, node);
			check_choices(row, example, node);
			check_default(row, example, node);
			tried++;
		}
		check(tried > 0, row, "is in no example");
	}
}

static void test_docs_fields__no_field_is_left_out(void)
{
	AUTO(document) struct document d;

	document_open(&d);
	for (size_t i = 0; i < d.examples.n; i++) {
		check_names(&d, d.examples.items[i], "");
		for (size_t j = 0; j < d.n; j++) {
			if (strcmp(d.rows[j].cells[TYPE], "mapping") == 0)
				check_names(&d, d.examples.items[i], d.rows[j].cells[FIELD]);
		}
	}
}

TEST_MAIN("docs_fields", TEST(test_docs_fields__examples_are_valid),
	TEST(test_docs_fields__every_row_is_true), TEST(test_docs_fields__no_field_is_left_out))
