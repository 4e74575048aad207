/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#define FIRST_CAP 256U

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf)BUF_INIT(max);
}

void buf_clear(struct buf *b)
{
	free(b->data);
	buf_init(b, b->max);
}

/* The capacity for need bytes: doubled, so that appending is linear, but never past the ceiling. */
static size_t cap_for(const struct buf *b, size_t need)
{
	size_t cap = b->cap > FIRST_CAP / 2 ? b->cap : FIRST_CAP / 2;

	cap = cap > b->max / 2 ? b->max + 1 : cap * 2;
	return cap > need ? cap : need;
}

static int grow(struct buf *b, size_t n, struct err *err)
{
	if (b->max == SIZE_MAX || b->len > b->max || n > b->max - b->len)
		return err_set(err, ERR_INVALID, "more than %zu bytes", b->max);

	size_t need = b->len + n + 1;

	if (need <= b->cap)
		return 0;

	size_t cap = cap_for(b, need);
	char *data = realloc(b->data, cap);

	if (!data)
		return err_set(err, ERR_TRANSIENT, "no memory for %zu bytes", cap);
	b->data = data;
	b->cap = cap;
	return 0;
}

void *buf_reserve(struct buf *b, size_t n, struct err *err)
{
	if (grow(b, n, err) < 0)
		return NULL;
	/* However much of it the caller fills, a NUL follows. */
	memset(b->data + b->len, 0, n + 1);
	return b->data + b->len;
}

int buf_append(struct buf *b, const void *bytes, size_t n, struct err *err)
{
	if (n == 0)
		return 0;
	if (grow(b, n, err) < 0)
		return -1;
	memcpy(b->data + b->len, bytes, n);
	b->len += n;
	b->data[b->len] = '\0';
	return 0;
}

static int vprint(struct buf *b, size_t n, struct err *err, const char *fmt, va_list args)
	__attribute__((format(printf, 4, 0)));

static int vprint(struct buf *b, size_t n, struct err *err, const char *fmt, va_list args)
{
	if (grow(b, n, err) < 0)
		return -1;
	(void)vsnprintf(b->data + b->len, n + 1, fmt, args);
	b->len += n;
	return 0;
}

int buf_printf(struct buf *b, struct err *err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	int n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n < 0)
		return err_errno(err, ERR_INVALID, "format \"%s\"", fmt);

	va_start(args, fmt);
	int rc = vprint(b, (size_t)n, err, fmt, args);
	va_end(args);
	return rc;
}

char *buf_take(struct buf *b)
{
	char *text = b->data ? b->data : xstrdup("");

	buf_init(b, b->max);
	return text;
}

const char *buf_text(const struct buf *b)
{
	return b->data ? b->data : "";
}
