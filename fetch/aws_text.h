/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/aws_text.h - what all that AWS gives us goes through: is it fit to be sent, or shown? Pure.
 */
#ifndef WASMXDS_FETCH_AWS_TEXT_H
#define WASMXDS_FETCH_AWS_TEXT_H

#include <stdbool.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"

/* Whether text can be a header's value as it is: printable ASCII with no space at its ends, 1 to
 * LIMIT_AWS_TOKEN_BYTES. */
bool aws_is_header_value(const char *text);

/* Whether text can be shown, and can be part of a path: letters, digits and . _ + = , @ - only, 1
 * to LIMIT_AWS_NAME_BYTES.  Those are the characters of a role's name. */
bool aws_is_name(const char *text);

/* Reads "2026-01-02T03:04:05Z", with a fraction too.  ERR_INVALID: it is nothing of the kind. */
int aws_time_parse(time_t *out, const char *text, struct err *err)
	__attribute__((warn_unused_result));

/* Wipes text and frees it; NULL is fine. */
void aws_secret_free(char *text);
static inline void auto_aws_secret(char **text)
{
	aws_secret_free(*text);
}

/* Wipes what b holds and frees it. */
void aws_secret_buf_clear(struct buf *b);
static inline void auto_aws_secret_buf(struct buf *b)
{
	aws_secret_buf_clear(b);
}

#endif
