/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/resume.h - whether a download that was cut may go on where it ended.  Pure.
 * A strong ETag, or a URL that names the same bytes for ever, is what makes it safe.
 */
#ifndef WASMXDS_FETCH_RESUME_H
#define WASMXDS_FETCH_RESUME_H

#include <stdbool.h>
#include <stdint.h>

/* What is known of a body of which a part is there. */
struct resume {
	bool possible;
	char *etag;     /* owned; strong, with its quotes; NULL: none */
	uint64_t total; /* bytes; 0: not known */
};

void resume_clear(struct resume *r);
static inline void auto_resume(struct resume *r)
{
	resume_clear(r);
}

/* Notes what a 200 said: its ETag (NULL: none) and Content-Length (-1: none). */
void resume_note(struct resume *r, const char *etag, int64_t content_length, bool immutable);

/* Returns whether a 206 with these headers (NULL: not there) goes on behind the first from bytes of
 * what r knows. */
bool resume_fits(
	const struct resume *r, uint64_t from, const char *content_range, const char *etag);

struct content_range {
	uint64_t first;
	uint64_t last;
	uint64_t total;
};

/* Reads "bytes 5-9/10"; returns whether it is one, with all three numbers. */
bool content_range_parse(struct content_range *out, const char *value);

#endif
