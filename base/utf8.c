/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <stdbool.h>
#include <string.h>

#include "base/xalloc.h"

static bool is_continuation(unsigned char c)
{
	return (c & 0xC0) == 0x80;
}

/* How long a character is by its first byte; 0 for a byte that begins none. */
static size_t announced_len(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xC2 && first <= 0xDF)
		return 2;
	if (first >= 0xE0 && first <= 0xEF)
		return 3;
	if (first >= 0xF0 && first <= 0xF4)
		return 4;
	return 0;
}

/* Refuses what the first two bytes betray: a form longer than needed, a surrogate half, a value
 * above U+10FFFF. */
static bool is_second_allowed(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xE0:
		return second >= 0xA0;
	case 0xED:
		return second <= 0x9F;
	case 0xF0:
		return second >= 0x90;
	case 0xF4:
		return second <= 0x8F;
	default:
		return true;
	}
}

size_t utf8_len(const char *text, size_t n)
{
	if (n == 0)
		return 0;

	unsigned char first = (unsigned char)text[0];
	size_t len = announced_len(first);

	if (len > n)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if (!is_continuation((unsigned char)text[i]))
			return 0;
	}
	if (len > 1 && !is_second_allowed(first, (unsigned char)text[1]))
		return 0;
	return len;
}

size_t utf8_whole(const char *text, size_t n)
{
	for (size_t back = 1; back <= 4 && back <= n; back++) {
		unsigned char c = (unsigned char)text[n - back];

		if (!is_continuation(c))
			return announced_len(c) > back ? n - back : n;
	}
	return n;
}

char *utf8_copy(const char *text, size_t max)
{
	size_t n = strnlen(text, max);
	char *copy = xstrndup(text, text[n] == '\0' ? n : utf8_whole(text, n));
	size_t left = strlen(copy);

	for (char *at = copy; left > 0;) {
		size_t len = utf8_len(at, left);

		if (len == 0)
			*at = '?';
		len = len > 0 ? len : 1;
		at += len;
		left -= len;
	}
	return copy;
}

bool utf8_misleads(const char *character, size_t len)
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
