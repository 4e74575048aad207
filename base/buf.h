/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/buf.h - bytes that grow up to a ceiling, and say so when they would pass it.
 * data is always followed by a NUL that len does not count, so that text can be used as a string.
 */
#ifndef WASMXDS_BASE_BUF_H
#define WASMXDS_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct buf {
	char *data; /* owned; NULL until the first byte */
	size_t len;
	size_t cap;
	size_t max; /* ceiling of len */
};

#define BUF_INIT(ceiling)        \
	{                        \
		.max = (ceiling) \
	}

void buf_init(struct buf *b, size_t max);
void buf_clear(struct buf *b); /* frees; the ceiling stays */
static inline void auto_buf(struct buf *b)
{
	buf_clear(b);
}

/* All that can fail: ERR_INVALID for the ceiling, ERR_TRANSIENT where memory is out. */

/* Appends n bytes.  ERR_INVALID: the ceiling would be passed; b is then unchanged. */
int buf_append(struct buf *b, const void *bytes, size_t n, struct err *err)
	__attribute__((warn_unused_result));

/* Appends text.  ERR_INVALID: the ceiling would be passed; b is then unchanged. */
int buf_printf(struct buf *b, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), warn_unused_result));

/* Returns room for n more bytes behind len, all zero, or NULL when the ceiling would be passed; the
 * caller adds to len what it wrote. */
void *buf_reserve(struct buf *b, size_t n, struct err *err);

/* Returns the text, never NULL; the caller frees it and b is empty. */
char *buf_take(struct buf *b);

/* Returns the text, never NULL; borrowed until b changes. */
const char *buf_text(const struct buf *b);

#endif
