/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/token.h - what a registry's token service answers.
 * Pure.
 */
#ifndef WASMXDS_FETCH_TOKEN_H
#define WASMXDS_FETCH_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct token {
	char *text;         /* owned; fit for a header */
	int64_t lifetime_s; /* from the answer on; 60 where it says less or nothing */
};

/* Reads the JSON of an answer: token, or access_token as OAuth 2.0 calls it.  ERR_INVALID: neither,
 * or not fit for a header.  Messages show nothing of the token. */
int token_parse(struct token *out, const char *json, size_t n, struct err *err)
	__attribute__((warn_unused_result));

void token_clear(struct token *t);
static inline void auto_token(struct token *t)
{
	token_clear(t);
}

#endif
