/* SPDX-License-Identifier: Apache-2.0 */
#include "base/quote.h"

#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"

#define SHOWN_BYTES 80
#define ELLIPSIS "…"

/* Control characters, line separators, and what reorders the rest of a terminal's line. */
static bool can_forge_output(const char *character, size_t len)
{
	const unsigned char *c = (const unsigned char *)character;

	switch (len) {
	case 1:
		return c[0] < 0x20 || c[0] == 0x7F;
	case 2: /* U+0080 to U+009F */
		return c[0] == 0xC2 && c[1] < 0xA0;
	case 3: /* U+2028 to U+202E, U+2066 to U+2069 */
		return c[0] == 0xE2 && ((c[1] == 0x80 && c[2] >= 0xA8 && c[2] <= 0xAE) ||
					       (c[1] == 0x81 && c[2] >= 0xA6 && c[2] <= 0xA9));
	default:
		return false;
	}
}

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
		if (len == 0 || can_forge_output(c, len)) {
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
