/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube/items.h - cuts the items out of a list's JSON as it comes in, however it is cut, so that no
 * more than one of them is in memory.  Looks only for where they begin and end: whether the JSON is
 * right is for who parses what comes out.  Pure.
 */
#ifndef WASMXDS_KUBE_ITEMS_H
#define WASMXDS_KUBE_ITEMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* Where the next byte belongs. */
enum items_place { ITEMS_HEAD, ITEMS_BETWEEN, ITEMS_ITEM };

struct items {
	struct buf head; /* the document, with "items" empty; whole at the end of the list */
	struct buf item; /* as far as it has come */
	enum items_place place;
	size_t depth;
	bool in_string;
	bool escaped;
};

/* Takes the text of one item, which is gone when it returns.  Returns 0, or -1 to stop. */
typedef int items_each(void *arg, const char *text, size_t n, struct err *err);

void items_init(struct items *it);
void items_clear(struct items *it);
static inline void auto_items(struct items *it)
{
	items_clear(it);
}

/* Takes n more bytes.  ERR_INVALID: an item is no object, or larger than LIMIT_KUBE_OBJECT_BYTES,
 * or the rest is larger than LIMIT_KUBE_LIST_BYTES; or what each() said. */
int items_take(struct items *it, const char *bytes, size_t n, items_each *each, void *arg,
	struct err *err) __attribute__((warn_unused_result));

#endif
