/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/fields.h - reads the fields of one mapping, and adds a problem for each that is wrong.
 * A field that is null is one that is absent, as Kubernetes has it.  Pure.
 */
#ifndef WASMXDS_API_FIELDS_H
#define WASMXDS_API_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "api/node.h"
#include "api/problem.h"

struct fields {
	const struct node *map;    /* borrowed; a mapping, or a list, whose children have no key */
	char *path;                /* owned; "spec.image"; "" for the document */
	struct problems *problems; /* borrowed */
};

enum field_need { FIELD_OPTIONAL, FIELD_REQUIRED };

/* Whether a wrong value may stand in a message. */
enum field_show { FIELD_SHOWN, FIELD_SECRET };

/* Starts at a document.  Returns false with a problem where it is no mapping. */
bool fields_open(struct fields *out, const struct node *document, struct problems *problems);

/* Starts at the mapping under key.  Returns false where it is absent or, with a problem, wrong. */
bool fields_enter(
	struct fields *out, const struct fields *parent, const char *key, enum field_need need);
/* The same for the list under key. */
bool fields_enter_list(
	struct fields *out, const struct fields *parent, const char *key, enum field_need need);
void fields_clear(struct fields *f);
static inline void auto_fields(struct fields *f)
{
	fields_clear(f);
}

/* Returns what stands under key, or NULL where it is absent; borrowed. */
const struct node *fields_get(const struct fields *f, const char *key);

/* Returns the text under key, which holds no NUL; NULL where it is absent or, with a problem,
 * wrong.  Borrowed. */
const char *fields_text(const struct fields *f, const char *key, enum field_need need);

/* The same for a child of f->map, also where it is null. */
const char *fields_text_of(const struct fields *f, const struct node *child, enum field_show show);

/* Says whether a text can be what it is meant to be; messages read well behind a field's name. */
typedef int field_check(const char *text, struct err *err);

/* Returns the text under key if check() lets it pass; NULL where it is absent or, with a problem,
 * wrong.  Borrowed. */
const char *fields_checked(
	const struct fields *f, const char *key, enum field_need need, field_check *check);

/* Returns the index of the text under key among the choices (NULL ends them); otherwise where it is
 * absent or, with a problem, wrong. */
unsigned fields_choice(const struct fields *f, const char *key, enum field_need need,
	const char *const choices[], unsigned otherwise);

/* Reads the boolean under key into out, which stays as it is where that is absent or, with a
 * problem, wrong.  Returns whether it was read. */
bool fields_bool(const struct fields *f, const char *key, bool *out);

/* Adds a problem for every field that is none of the known ones (NULL ends them). */
void fields_check_known(const struct fields *f, const char *const known[]);

/* Adds a problem where the text under key is not the one that must be there. */
void fields_check_constant(const struct fields *f, const char *key, const char *want);

/* Adds a problem with the path and line of the field under key, be it there or not. */
void fields_problem(const struct fields *f, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same for a child of f->map. */
void fields_problem_at(const struct fields *f, const struct node *child, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
