/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/items.h"

#include <string.h>

#include "base/limits.h"

#define KEPT_BYTES (64 * LIMIT_KIB) /* an item's room that is not given back */

/* Bytes on their way in. */
struct portion {
	const char *bytes; /* borrowed */
	size_t at;         /* the byte that is looked at */
	size_t from;       /* the first one that is not in a buffer yet */
};

void items_init(struct items *it)
{
	*it = (struct items){
		.head = BUF_INIT(LIMIT_KUBE_LIST_BYTES),
		.item = BUF_INIT(LIMIT_KUBE_OBJECT_BYTES),
	};
}

void items_clear(struct items *it)
{
	buf_clear(&it->head);
	buf_clear(&it->item);
}

/* Keeps what lies before the byte at end. */
static int keep(struct items *it, struct portion *p, size_t end, struct err *err)
{
	struct buf *to = it->place == ITEMS_ITEM ? &it->item : &it->head;
	size_t from = p->from;

	p->from = end;
	if (it->place == ITEMS_BETWEEN || buf_append(to, p->bytes + from, end - from, err) == 0)
		return 0;
	return err_wrap(err, it->place == ITEMS_ITEM ? "an item of the list" : "the list");
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t trim(const char *text, size_t n)
{
	while (n > 0 && is_space(text[n - 1]))
		n--;
	return n;
}

/* Returns whether what opens now is the value of "items". */
static bool opens_items(const struct items *it)
{
	static const char key[] = "\"items\"";
	const size_t len = sizeof(key) - 1;
	const char *text = buf_text(&it->head);
	size_t n = trim(text, it->head.len);

	if (n == 0 || text[n - 1] != ':')
		return false;
	n = trim(text, n - 1);
	if (n < len || memcmp(text + n - len, key, len) != 0)
		return false;
	n = trim(text, n - len);
	return n > 0 && (text[n - 1] == '{' || text[n - 1] == ',');
}

static int open_container(struct items *it, struct portion *p, struct err *err)
{
	it->depth++;
	if (it->place != ITEMS_HEAD || it->depth != 2 || p->bytes[p->at] != '[')
		return 0;
	if (keep(it, p, p->at, err) < 0)
		return -1;
	if (!opens_items(it))
		return 0;
	if (keep(it, p, p->at + 1, err) < 0)
		return -1;
	it->place = ITEMS_BETWEEN;
	return 0;
}

static int close_container(
	struct items *it, struct portion *p, items_each *each, void *arg, struct err *err)
{
	if (it->depth > 0)
		it->depth--;
	if (it->place != ITEMS_ITEM || it->depth != 2)
		return 0;
	if (keep(it, p, p->at + 1, err) < 0 ||
		each(arg, buf_text(&it->item), it->item.len, err) < 0)
		return -1;
	if (it->item.cap > KEPT_BYTES)
		buf_clear(&it->item);
	it->item.len = 0;
	it->place = ITEMS_BETWEEN;
	return 0;
}

/* Between two items. */
static int look_between(struct items *it, struct portion *p, struct err *err)
{
	char c = p->bytes[p->at];

	if (c == ',' || is_space(c))
		return 0;
	if (c != '{' && c != ']')
		return err_set(err, ERR_INVALID, "an item of the list must be an object");
	p->from = p->at;
	it->place = c == '{' ? ITEMS_ITEM : ITEMS_HEAD;
	it->depth = c == '{' ? 3 : 1;
	return 0;
}

static void look_in_string(struct items *it, char c)
{
	if (it->escaped)
		it->escaped = false;
	else if (c == '\\')
		it->escaped = true;
	else if (c == '"')
		it->in_string = false;
}

static int look(struct items *it, struct portion *p, items_each *each, void *arg, struct err *err)
{
	char c = p->bytes[p->at];

	if (it->in_string) {
		look_in_string(it, c);
		return 0;
	}
	if (it->place == ITEMS_BETWEEN)
		return look_between(it, p, err);
	if (c == '"')
		it->in_string = true;
	else if (c == '{' || c == '[')
		return open_container(it, p, err);
	else if (c == '}' || c == ']')
		return close_container(it, p, each, arg, err);
	return 0;
}

int items_take(
	struct items *it, const char *bytes, size_t n, items_each *each, void *arg, struct err *err)
{
	struct portion p = {.bytes = bytes};

	for (; p.at < n; p.at++) {
		if (look(it, &p, each, arg, err) < 0)
			return -1;
	}
	return keep(it, &p, n, err);
}
