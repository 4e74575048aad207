/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/resume.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/xalloc.h"

void resume_clear(struct resume *r)
{
	free(r->etag);
	*r = (struct resume){0};
}

/* A weak one stands for equal meaning, not for equal bytes. */
static bool is_strong(const char *etag)
{
	return etag[0] == '"' && strlen(etag) > 2;
}

void resume_note(struct resume *r, const char *etag, int64_t content_length, bool immutable)
{
	resume_clear(r);
	if (etag && is_strong(etag))
		r->etag = xstrdup(etag);
	r->total = content_length > 0 ? (uint64_t)content_length : 0;
	r->possible = immutable || r->etag;
}

/* Returns what stands behind the number and the character that ends it, or NULL. */
static const char *read_number(uint64_t *out, const char *at, char end)
{
	char *stop = NULL;

	if (at[0] < '0' || at[0] > '9')
		return NULL;
	errno = 0;
	*out = strtoull(at, &stop, 10);
	return errno != 0 || *stop != end ? NULL : stop + (end != '\0');
}

bool content_range_parse(struct content_range *out, const char *value)
{
	static const char unit[] = "bytes ";
	struct content_range r = {0};
	const char *at = value + strlen(unit);

	if (strncasecmp(value, unit, strlen(unit)) != 0)
		return false;
	at = read_number(&r.first, at, '-');
	at = at ? read_number(&r.last, at, '/') : NULL;
	at = at ? read_number(&r.total, at, '\0') : NULL;
	if (!at || r.first > r.last || r.last >= r.total)
		return false;
	*out = r;
	return true;
}

bool resume_fits(const struct resume *r, uint64_t from, const char *content_range, const char *etag)
{
	struct content_range range;

	if (!content_range || !content_range_parse(&range, content_range) || range.first != from)
		return false;
	if (r->total != 0 && range.total != r->total)
		return false;
	return !r->etag || !etag || strcmp(r->etag, etag) == 0;
}
