/* SPDX-License-Identifier: Apache-2.0 */
#include "api/suggest.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define WORD_MAX 40 /* no name of ours comes near it */

/* What is left of a name without case, "_" and "-", in which vmId and vm_id are the same. */
struct bare {
	char text[WORD_MAX];
	size_t len;
};

static bool strip(struct bare *out, const char *word)
{
	out->len = 0;
	for (; *word; word++) {
		if (*word == '_' || *word == '-')
			continue;
		if (out->len == sizeof(out->text))
			return false;
		out->text[out->len++] = (char)tolower((unsigned char)*word);
	}
	return out->len > 0;
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* Levenshtein's distance, one row at a time. */
static size_t distance(const struct bare *a, const struct bare *b)
{
	size_t row[WORD_MAX + 1];

	for (size_t j = 0; j <= b->len; j++)
		row[j] = j;
	for (size_t i = 0; i < a->len; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < b->len; j++) {
			size_t above = row[j + 1];

			row[j + 1] =
				min3(above + 1, row[j] + 1, diagonal + (a->text[i] != b->text[j]));
			diagonal = above;
		}
	}
	return row[b->len];
}

static bool begins(const struct bare *whole, const struct bare *start)
{
	return start->len >= 3 && start->len < whole->len &&
	       memcmp(whole->text, start->text, start->len) == 0;
}

const char *suggest_nearest(const char *word, const char *const known[])
{
	const char *nearest = NULL;
	size_t least = WORD_MAX;
	struct bare meant;
	struct bare name;

	if (!strip(&meant, word))
		return NULL;
	for (size_t i = 0; known[i]; i++) {
		size_t d = 1;

		if (!strip(&name, known[i]))
			continue;
		if (!begins(&name, &meant))
			d = distance(&meant, &name);
		if (d < least && d <= (name.len + 2) / 4 && d < meant.len) {
			least = d;
			nearest = known[i];
		}
	}
	return nearest;
}
