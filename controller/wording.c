/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/wording.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"

#define ELLIPSIS "…"
#define ELLIPSIS_BYTES (sizeof(ELLIPSIS) - 1)

/* How many bytes of clean text the character at text becomes, at most 3: itself, or what stands in
 * for it. */
static size_t clean_character(const char **with, const char *text, size_t n, size_t *taken)
{
	size_t len = utf8_len(text, n);

	*taken = len > 0 ? len : 1;
	*with = text;
	if (len == 0) {
		*with = "?";
		return 1;
	}
	if (len == 1 && iscntrl((unsigned char)text[0]))
		*with = " ";
	else if (len == 2 && (unsigned char)text[0] == 0xC2 && (unsigned char)text[1] < 0xA0)
		*with = "  ";
	return len;
}

void wording_clean(char *out, size_t cap, const char *text)
{
	size_t n = text ? strlen(text) : 0;
	size_t len = 0, room = 0; /* room: what of out can stand before an ellipsis */

	for (size_t at = 0, taken = 0; at < n; at += taken) {
		const char *with = NULL;
		size_t bytes = clean_character(&with, text + at, n - at, &taken);

		if (len + bytes >= cap) {
			memcpy(out + room, ELLIPSIS, ELLIPSIS_BYTES + 1);
			return;
		}
		memcpy(out + len, with, bytes);
		len += bytes;
		if (len + ELLIPSIS_BYTES < cap)
			room = len;
	}
	out[len] = '\0';
}

static const char *const units[] = {
	"ms", "milliseconds", "s", "seconds", "bytes", "times", "tries", "attempts"};

static bool is_unit(const char *word, size_t n)
{
	while (n > 0 && ispunct((unsigned char)word[n - 1]))
		n--;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strlen(units[i]) == n && strncmp(units[i], word, n) == 0)
			return true;
	}
	return false;
}

/* Returns how long the number at word is, with a unit that is written onto it. */
static size_t number_len(const char *word, bool *has_unit)
{
	size_t n = strspn(word, "0123456789");
	size_t unit;

	if (n > 0 && word[n] == '.')
		n += 1 + strspn(word + n + 1, "0123456789");
	unit = strcspn(word + n, " ");
	*has_unit = unit > 0 && is_unit(word + n, unit);
	return n;
}

void wording_steady(char *text)
{
	char *to = text;

	for (const char *word = text; *word;) {
		bool has_unit = false;
		size_t n = number_len(word, &has_unit);
		size_t len = strcspn(word, " ");
		const char *next = word + len + (word[len] == ' ');

		if (n > 0 && (has_unit || (n == len && is_unit(next, strcspn(next, " "))))) {
			*to++ = '#';
			word += n;
			len -= n;
		}
		memmove(to, word, len);
		to += len;
		word += len;
		if (*word)
			*to++ = *word++;
	}
	*to = '\0';
}
