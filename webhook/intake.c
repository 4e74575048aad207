/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/intake.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"

#define HTTP_NOT_FOUND 404
#define HTTP_METHOD_NOT_ALLOWED 405
#define HTTP_TOO_LARGE 413
#define HTTP_UNSUPPORTED_TYPE 415
#define HTTP_UNAVAILABLE 503

#define TYPE "application/json"

static void refuse(struct intake *in, unsigned status, const char *why)
{
	in->status = status;
	in->why = why;
}

/* Parameters behind the type do not matter. */
static bool is_json(const char *type)
{
	size_t n = strcspn(type, "; \t");

	return n == strlen(TYPE) && strncasecmp(type, TYPE, n) == 0;
}

static bool is_too_long(const char *length)
{
	errno = 0;
	return strtoull(length, NULL, 10) > LIMIT_REVIEW_BYTES || errno == ERANGE;
}

static void too_large(struct intake *in)
{
	refuse(in, HTTP_TOO_LARGE, "the body is too large");
}

void intake_begin(struct intake *out, const struct intake_head *head)
{
	bool mutates = strcmp(head->path, "/mutate") == 0;

	*out = (struct intake){.path = mutates ? TALLY_MUTATE : TALLY_VALIDATE};
	if (!mutates && strcmp(head->path, "/validate") != 0)
		refuse(out, HTTP_NOT_FOUND, "there are /mutate and /validate");
	else if (strcmp(head->method, "POST") != 0)
		refuse(out, HTTP_METHOD_NOT_ALLOWED, "the method must be POST");
	else if (!is_json(head->type))
		refuse(out, HTTP_UNSUPPORTED_TYPE, "Content-Type must be " TYPE);
	else if (is_too_long(head->length))
		too_large(out);
}

enum intake_use intake_take(struct intake *in, size_t n, size_t all)
{
	in->received += n;
	if (in->received > 2 * LIMIT_REVIEW_BYTES)
		return INTAKE_HANG_UP;
	if (in->status == 0 && in->received > LIMIT_REVIEW_BYTES)
		too_large(in);
	if (in->status == 0 && all > LIMIT_REVIEW_BYTES_ALL)
		refuse(in, HTTP_UNAVAILABLE, "too many reviews come in at a time");
	return in->status == 0 ? INTAKE_KEEP : INTAKE_PASS_OVER;
}
