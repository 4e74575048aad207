/* SPDX-License-Identifier: Apache-2.0 */
#include "api/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/xalloc.h"

void problems_clear(struct problems *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->items[i].path);
		free(p->items[i].message);
	}
	free(p->items);
	*p = (struct problems){.items = NULL};
}

void problems_add(struct problems *p, const char *path, unsigned line, const char *fmt, ...)
{
	struct problem item = {.line = line};
	va_list args;

	if (p->n == LIMIT_PROBLEMS) {
		p->more++;
		return;
	}
	va_start(args, fmt);
	int len = vasprintf(&item.message, fmt, args);
	va_end(args);
	if (len < 0)
		abort();
	item.path = xstrdup(path);
	p->items = xreallocarray(p->items, p->n + 1, sizeof(*p->items));
	p->items[p->n++] = item;
}

void problems_sort(struct problems *p)
{
	for (size_t i = 1; i < p->n; i++) {
		struct problem item = p->items[i];
		size_t to = i;

		for (; to > 0 && p->items[to - 1].line > item.line; to--)
			p->items[to] = p->items[to - 1];
		p->items[to] = item;
	}
}

int problems_to_err(const struct problems *p, struct err *err)
{
	/* Whole problems only, with room behind them for how many are left. */
	AUTO(buf)
	struct buf told = BUF_INIT(sizeof(err->msg) - sizeof("; and 18446744073709551615 more"));
	struct err full;
	size_t n = 0;

	if (p->n == 0)
		return 0;
	for (; n < p->n; n++) {
		const struct problem *item = &p->items[n];

		if (buf_printf(&told, &full, "%s%s%s%s", n > 0 ? "; " : "", item->path,
			    item->path[0] ? ": " : "", item->message) < 0)
			break;
	}
	if (n == 0)
		return err_set(err, ERR_INVALID, "%s%s%s", p->items[0].path,
			p->items[0].path[0] ? ": " : "", p->items[0].message);
	if (p->n - n + p->more > 0)
		return err_set(
			err, ERR_INVALID, "%s; and %zu more", buf_text(&told), p->n - n + p->more);
	return err_set(err, ERR_INVALID, "%s", buf_text(&told));
}
