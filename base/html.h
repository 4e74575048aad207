/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/html.h - a page, piece by piece: markup that is ours, and text that others chose.
 * What fails is remembered, and nothing is appended behind it, so that only the end is asked.
 * Pure.
 */
#ifndef WASMXDS_BASE_HTML_H
#define WASMXDS_BASE_HTML_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

struct html {
	struct buf *out; /* borrowed */
	struct err *err; /* borrowed; says what failed */
	bool failed;
};

/* Appends markup as it is. */
void html_put(struct html *h, const char *markup);
void html_printf(struct html *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Appends text so that it is text, between tags and in a quoted attribute alike.  What is not UTF-8
 * and characters that mislead become U+FFFD. */
void html_text(struct html *h, const char *text);

/* Appends text as a value of a query, in a quoted attribute. */
void html_query(struct html *h, const char *text);

#endif
