/* SPDX-License-Identifier: Apache-2.0 */
#include "api/node.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/xalloc.h"

static int copy_value(
	const cJSON *from, struct node *to, size_t *nodes, unsigned depth, struct err *err);

static void copy_scalar(const cJSON *from, struct node *to)
{
	if (cJSON_IsString(from)) {
		to->kind = NODE_TEXT;
		to->text = xstrdup(from->valuestring);
	} else if (cJSON_IsBool(from)) {
		to->kind = NODE_BOOL;
		to->text = xstrdup(cJSON_IsTrue(from) ? "true" : "false");
	} else if (cJSON_IsNumber(from)) {
		to->kind = NODE_NUMBER;
		to->text = cJSON_PrintUnformatted(from);
	}
	to->text_len = to->text ? strlen(to->text) : 0;
}

static int copy_children(
	const cJSON *from, struct node *to, size_t *nodes, unsigned depth, struct err *err)
{
	to->kind = cJSON_IsObject(from) ? NODE_MAP : NODE_LIST;
	for (const cJSON *item = from->child; item; item = item->next) {
		struct node *child = node_add_child(to);

		child->key = xstrdup_null(item->string);
		if (copy_value(item, child, nodes, depth + 1, err) < 0)
			return -1;
	}
	return 0;
}

static int copy_value(
	const cJSON *from, struct node *to, size_t *nodes, unsigned depth, struct err *err)
{
	if (depth > LIMIT_NODE_DEPTH)
		return err_set(err, ERR_INVALID, "nested deeper than %d", LIMIT_NODE_DEPTH);
	if (++*nodes > LIMIT_NODE_COUNT)
		return err_set(err, ERR_INVALID, "more than %d values", LIMIT_NODE_COUNT);
	if (cJSON_IsObject(from) || cJSON_IsArray(from))
		return copy_children(from, to, nodes, depth, err);
	copy_scalar(from, to);
	return 0;
}

struct node *node_from_json(const char *text, size_t n, struct err *err)
{
	AUTO(cjson) cJSON *tree = json_parse(text, n, err);
	AUTO(node) struct node *root = NULL;
	size_t nodes = 0;

	if (!tree)
		return NULL;
	root = xcalloc(1, sizeof(*root));
	if (copy_value(tree, root, &nodes, 0, err) < 0)
		return NULL;
	return STEAL(root);
}
