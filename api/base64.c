/* SPDX-License-Identifier: Apache-2.0 */
#include "api/base64.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"

#define DIGIT_BITS 6

/* How many bits of the last of n digits belong to no byte. */
static unsigned unused_bits(size_t n)
{
	return (unsigned)((4 - n % 4) % 4 * 2);
}

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

static bool is_break(char c)
{
	return c == '\r' || c == '\n';
}

/* Whether text is the padding that n digits need, and nothing else. */
static bool is_padding(const char *text, size_t n)
{
	size_t pads = 0;

	for (; *text; text++) {
		if (*text == '=')
			pads++;
		else if (!is_break(*text))
			return false;
	}
	return pads <= 2 && (n + pads) % 4 == 0;
}

char *base64_decode(const char *text, size_t *len, struct err *err)
{
	AUTO(free) char *out = xmalloc(strlen(text) / 4 * 3 + 4);
	const char *at = text;
	uint32_t bits = 0;
	size_t digits = 0;
	size_t n = 0;

	for (; value_of(*at) >= 0 || is_break(*at); at++) {
		if (is_break(*at))
			continue;
		bits = bits << DIGIT_BITS | (uint32_t)value_of(*at);
		if (++digits % 4 != 1)
			out[n++] = (char)(bits >> unused_bits(digits) & 0xFF);
	}
	if (*at != '\0' && *at != '=') {
		(void)err_set(err, ERR_INVALID,
			"must be base64: the character at %td is none of its digits",
			at - text + 1);
		return NULL;
	}
	if (!is_padding(at, digits) || (bits & ((1U << unused_bits(digits)) - 1)) != 0) {
		(void)err_set(err, ERR_INVALID, "must be base64: its end is cut off or wrong");
		return NULL;
	}
	out[n] = '\0';
	*len = n;
	return STEAL(out);
}

char *base64_encode(const void *bytes, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *in = bytes;

	assert(n <= LIMIT_JSON_BYTES);
	char *out = xmalloc((n + 2) / 3 * 4 + 1);
	char *to = out;

	for (size_t at = 0; at < n; at += 3) {
		size_t left = n - at;
		uint32_t bits = (uint32_t)in[at] << 16;

		bits |= left > 1 ? (uint32_t)in[at + 1] << 8 : 0;
		bits |= left > 2 ? in[at + 2] : 0;
		*to++ = digits[bits >> 18];
		*to++ = digits[bits >> 12 & 63];
		*to++ = '=';
		*to++ = '=';
		if (left > 1)
			to[-2] = digits[bits >> 6 & 63];
		if (left > 2)
			to[-1] = digits[bits & 63];
	}
	*to = '\0';
	return out;
}
