/* SPDX-License-Identifier: Apache-2.0 */
#include "api/decode.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names the one that comes second: the list was sorted by then. */
static void check_once(const struct fields *list, const struct extension_names *names)
{
	for (size_t i = 1; i < names->n; i++) {
		if (strcmp(names->items[i - 1], names->items[i]) == 0)
			problems_add(list->problems, list->path, list->map->line,
				"must not hold %s twice", quote(names->items[i]).text);
	}
}

void decode_names(const struct fields *list, field_check *check, struct extension_names *out)
{
	struct err err;

	out->items = xcalloc(list->map->n, sizeof(*out->items));
	for (size_t i = 0; i < list->map->n; i++) {
		const struct node *child = &list->map->children[i];
		const char *text = fields_text_of(list, child, FIELD_SHOWN);

		if (!text)
			continue;
		if (check(text, &err) < 0)
			fields_problem_at(list, child, "%s", err.msg);
		else
			out->items[out->n++] = xstrdup(text);
	}
	qsort(out->items, out->n, sizeof(*out->items), compare_texts);
	check_once(list, out);
}
