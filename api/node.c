/* SPDX-License-Identifier: Apache-2.0 */
#include "api/node.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

void node_clear(struct node *node)
{
	for (size_t i = 0; i < node->n; i++)
		node_clear(&node->children[i]);
	free(node->children);
	free(node->key);
	free(node->text);
	*node = (struct node){.kind = NODE_NULL};
}

void node_free(struct node *node)
{
	if (!node)
		return;
	node_clear(node);
	free(node);
}

void node_list_clear(struct node_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		node_free(list->items[i]);
	free(list->items);
	*list = (struct node_list){.items = NULL};
}

const struct node *node_get(const struct node *node, const char *key)
{
	if (!node || node->kind != NODE_MAP)
		return NULL;
	for (size_t i = 0; i < node->n; i++) {
		if (strcmp(node->children[i].key, key) == 0)
			return &node->children[i];
	}
	return NULL;
}

const char *node_text(const struct node *node)
{
	bool is_whole = node && node->kind == NODE_TEXT && strlen(node->text) == node->text_len;

	return is_whole ? node->text : NULL;
}

static bool same_scalar(const struct node *a, const struct node *b)
{
	return a->text_len == b->text_len && !a->text == !b->text &&
	       (!a->text || memcmp(a->text, b->text, a->text_len) == 0);
}

bool node_equal(const struct node *a, const struct node *b)
{
	if (!a || !b)
		return a == b;
	if (a->kind != b->kind || a->n != b->n || !same_scalar(a, b))
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct node *x = &a->children[i];
		const struct node *y = &b->children[i];

		if (!x->key != !y->key || (x->key && strcmp(x->key, y->key) != 0) ||
			!node_equal(x, y))
			return false;
	}
	return true;
}

const char *node_kind_name(enum node_kind kind)
{
	switch (kind) {
	case NODE_NULL:
		return "null";
	case NODE_BOOL:
		return "a boolean";
	case NODE_NUMBER:
		return "a number";
	case NODE_TEXT:
		return "a string";
	case NODE_LIST:
		return "a list";
	case NODE_MAP:
		return "a mapping";
	}
	return "unknown";
}

void node_reserve(struct node *node, size_t n)
{
	size_t room = 1;

	if (n == 0)
		return;
	while (room < n)
		room *= 2;
	node->children = xreallocarray(NULL, room, sizeof(*node->children));
	node->room = room;
}

struct node *node_add_child(struct node *parent)
{
	if (parent->n == parent->room) {
		parent->room = parent->room ? 2 * parent->room : 1;
		parent->children =
			xreallocarray(parent->children, parent->room, sizeof(*parent->children));
	}
	parent->children[parent->n] = (struct node){.kind = NODE_NULL};
	return &parent->children[parent->n++];
}
