/* SPDX-License-Identifier: Apache-2.0 */
#include "api/node.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/xalloc.h"

static int move_value(cJSON *from, struct node *to, size_t *nodes, unsigned depth, struct err *err);

/* Puts a NUL back wherever JSON_NUL stands for it.  Returns the length. */
static size_t restore_nuls(char *text)
{
	char *to = strstr(text, JSON_NUL);

	if (!to)
		return strlen(text);
	for (const char *from = to; *from;) {
		if (strncmp(from, JSON_NUL, strlen(JSON_NUL)) == 0) {
			*to++ = '\0';
			from += strlen(JSON_NUL);
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
	return (size_t)(to - text);
}

/* Texts are moved, not copied: a review of an API server has hundreds of them. */
static void move_scalar(cJSON *from, struct node *to)
{
	if (cJSON_IsString(from)) {
		to->kind = NODE_TEXT;
		to->text = STEAL(from->valuestring);
		to->text_len = restore_nuls(to->text);
		return;
	}
	if (cJSON_IsBool(from)) {
		to->kind = NODE_BOOL;
		to->text = xstrdup(cJSON_IsTrue(from) ? "true" : "false");
	} else if (cJSON_IsNumber(from)) {
		to->kind = NODE_NUMBER;
		to->text = cJSON_PrintUnformatted(from);
	}
	to->text_len = to->text ? strlen(to->text) : 0;
}

static int move_children(
	cJSON *from, struct node *to, size_t *nodes, unsigned depth, struct err *err)
{
	size_t n = 0;

	for (const cJSON *item = from->child; item; item = item->next)
		n++;
	to->kind = cJSON_IsObject(from) ? NODE_MAP : NODE_LIST;
	node_reserve(to, n);
	for (cJSON *item = from->child; item; item = item->next) {
		struct node *child = node_add_child(to);

		child->key = STEAL(item->string);
		if (move_value(item, child, nodes, depth + 1, err) < 0)
			return -1;
	}
	return 0;
}

static int move_value(cJSON *from, struct node *to, size_t *nodes, unsigned depth, struct err *err)
{
	if (depth > LIMIT_NODE_DEPTH)
		return err_set(err, ERR_INVALID, "nested deeper than %d", LIMIT_NODE_DEPTH);
	if (++*nodes > LIMIT_NODE_COUNT)
		return err_set(err, ERR_INVALID, "more than %d values", LIMIT_NODE_COUNT);
	if (cJSON_IsObject(from) || cJSON_IsArray(from))
		return move_children(from, to, nodes, depth, err);
	move_scalar(from, to);
	return 0;
}

struct node *node_from_json(const char *text, size_t n, struct err *err)
{
	AUTO(cjson) cJSON *tree = json_parse_nul(text, n, err);
	AUTO(node) struct node *root = NULL;
	size_t nodes = 0;

	if (!tree)
		return NULL;
	root = xcalloc(1, sizeof(*root));
	if (move_value(tree, root, &nodes, 0, err) < 0)
		return NULL;
	return STEAL(root);
}
