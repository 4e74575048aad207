/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/aws_credentials.h - what AWS signs with: a key, its secret, and how long they hold.
 * A value, with no idea of where it comes from (fetch/aws_chain.h) or who keeps it (fetch/aws.h).
 * Secrets are wiped before their memory is given back.  Pure.
 */
#ifndef WASMXDS_FETCH_AWS_CREDENTIALS_H
#define WASMXDS_FETCH_AWS_CREDENTIALS_H

#include <stdbool.h>
#include <time.h>

#include "base/err.h"
#include "fetch/aws_text.h"

struct aws_credentials {
	char *key_id;        /* owned; NULL: there are none, requests go unsigned */
	char *secret;        /* owned */
	char *session_token; /* owned; NULL: long-term keys, which have none */
	time_t expires;      /* 0: never */
};

static inline bool aws_credentials_are_set(const struct aws_credentials *c)
{
	return c->key_id != NULL;
}

/* Fills out, which is empty, with copies; session_token may be NULL.  ERR_INVALID names the value
 * (never shows it) that is empty, too long, or what no header can carry. */
int aws_credentials_set(struct aws_credentials *out, const char *key_id, const char *secret,
	const char *session_token, struct err *err) __attribute__((warn_unused_result));

void aws_credentials_copy(struct aws_credentials *out, const struct aws_credentials *from);
void aws_credentials_clear(struct aws_credentials *c);
static inline void auto_aws_credentials(struct aws_credentials *c)
{
	aws_credentials_clear(c);
}

#endif
