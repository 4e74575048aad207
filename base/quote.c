/* SPDX-License-Identifier: Apache-2.0 */
#include "base/quote.h"

#include <string.h>

#include "base/utf8.h"

#define SHOWN_BYTES 80
#define ELLIPSIS "…"

static char *put_escaped(char *to, const char *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)bytes[i];

		*to++ = '\\';
		*to++ = 'x';
		*to++ = digits[c >> 4];
		*to++ = digits[c & 0xF];
	}
	return to;
}

struct quoted quote_bytes(const char *text, size_t n)
{
	struct quoted out;
	char *to = out.text;
	size_t at = 0;

	*to++ = '"';
	while (at < n && at < SHOWN_BYTES) {
		const char *c = text + at;
		size_t len = utf8_len(c, n - at);

		at += len > 0 ? len : 1;
		if (len == 0 || utf8_misleads(c, len)) {
			to = put_escaped(to, c, len > 0 ? len : 1);
			continue;
		}
		if (*c == '"' || *c == '\\')
			*to++ = '\\';
		to = mempcpy(to, c, len);
	}
	if (at < n)
		to = mempcpy(to, ELLIPSIS, strlen(ELLIPSIS));
	*to++ = '"';
	*to = '\0';
	return out;
}

struct quoted quote(const char *text)
{
	return quote_bytes(text, strlen(text));
}
