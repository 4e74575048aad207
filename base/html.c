/* SPDX-License-Identifier: Apache-2.0 */
#include "base/html.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

#define UNKNOWN "\xEF\xBF\xBD" /* U+FFFD */

static void append(struct html *h, const char *bytes, size_t n)
{
	if (!h->failed && buf_append(h->out, bytes, n, h->err) < 0)
		h->failed = true;
}

void html_put(struct html *h, const char *markup)
{
	append(h, markup, strlen(markup));
}

void html_printf(struct html *h, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	html_put(h, text);
}

/* Returns what stands for a character that may not stand for itself, or NULL. */
static const char *escape(const char *c, size_t len)
{
	if (len == 0 || utf8_misleads(c, len))
		return UNKNOWN;
	switch (*c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

void html_text(struct html *h, const char *text)
{
	size_t n = strlen(text);
	size_t plain = 0; /* where what is not appended yet begins */

	for (size_t at = 0; at < n;) {
		size_t len = utf8_len(text + at, n - at);
		const char *instead = escape(text + at, len);

		if (instead) {
			append(h, text + plain, at - plain);
			html_put(h, instead);
			plain = at + (len > 0 ? len : 1);
		}
		at += len > 0 ? len : 1;
	}
	append(h, text + plain, n - plain);
}

void html_query(struct html *h, const char *text)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";

	for (const char *c = text; *c; c++) {
		if (strchr(plain, *c))
			append(h, c, 1);
		else
			html_printf(h, "%%%02X", (unsigned char)*c);
	}
}
