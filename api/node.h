/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/node.h - a document as a tree, whether it came as YAML or JSON.
 * YAML is read as kubectl reads it (1.1: yes/no/on/off/y/n are booleans too); aliases are written
 * out, within LIMIT_NODE_COUNT and LIMIT_NODE_BYTES; a key that stands twice in a mapping is an
 * error.  Not a general YAML library: no tags, no merge keys, keys are text.
 */
#ifndef WASMXDS_API_NODE_H
#define WASMXDS_API_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum node_kind { NODE_NULL, NODE_BOOL, NODE_NUMBER, NODE_TEXT, NODE_LIST, NODE_MAP };

struct node {
	enum node_kind kind;
	unsigned line;   /* in the file, from 1, of its key where it has one; 0 unknown (JSON) */
	char *key;       /* owned; in a mapping, else NULL; a NUL in it is JSON_NUL */
	char *text;      /* owned; of TEXT, and as written of NUMBER and BOOL ("true", "yes") */
	size_t text_len; /* a NODE_TEXT may hold NUL bytes: the decoder refuses them */
	struct node *children; /* owned; of LIST and MAP, in the order of the file */
	size_t n;
	size_t room; /* of children */
};

struct node_list {
	struct node **items; /* owned */
	size_t n;
};

/* Reads all the documents of n bytes of YAML (JSON is YAML too, but see node_from_json); documents
 * that hold nothing are left out.  ERR_INVALID names the line. */
int node_list_from_yaml(struct node_list *out, const char *text, size_t n, struct err *err)
	__attribute__((warn_unused_result));

/* Reads one JSON value, strictly (base/json.h), but for NULs, which texts and keys may hold.
 * Returns NULL with ERR_INVALID. */
struct node *node_from_json(const char *text, size_t n, struct err *err);

void node_free(struct node *node);
void node_list_clear(struct node_list *list);
static inline void auto_node(struct node **node)
{
	node_free(*node);
}
static inline void auto_node_list(struct node_list *list)
{
	node_list_clear(list);
}

/* Returns the child under key of a mapping, or NULL; borrowed.  node may be NULL. */
const struct node *node_get(const struct node *node, const char *key);

/* Returns the text of a NODE_TEXT, borrowed; NULL where it is none, or holds a NUL, at which it
 * would seem to end.  node may be NULL. */
const char *node_text(const struct node *node);

/* Returns whether both say the same in the same order; either may be NULL, which equals NULL. */
bool node_equal(const struct node *a, const struct node *b);

/* Returns what kind it is, for messages: "a number", "a mapping"; never NULL. */
const char *node_kind_name(enum node_kind kind);

/* For the readers: adds an empty child and returns it; borrowed until the next one is added.  What
 * was given out before may move. */
struct node *node_add_child(struct node *parent);
void node_clear(struct node *node);

/* For the readers: makes room for n children of a node that has none. */
void node_reserve(struct node *node, size_t n);

#endif
