/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/aws_json.h - the JSON answers of AWS that we read.  Pure.
 * ERR_INVALID says what is missing; no message shows a value that may be secret.
 */
#ifndef WASMXDS_FETCH_AWS_JSON_H
#define WASMXDS_FETCH_AWS_JSON_H

#include <stddef.h>
#include <time.h>

#include "base/err.h"
#include "fetch/aws_credentials.h"

/* Reads what instance metadata and container endpoints give: AccessKeyId, SecretAccessKey, Token,
 * Expiration.  ERR_TRANSIENT: metadata says that it has none now (Code other than Success). */
int aws_json_credentials(struct aws_credentials *out, const char *text, size_t n, struct err *err)
	__attribute__((warn_unused_result));

/* What ECR's GetAuthorizationToken gives. */
struct aws_ecr_token {
	char *username; /* owned */
	char *password; /* owned */
	time_t expires;
};

int aws_json_ecr_token(struct aws_ecr_token *out, const char *text, size_t n, struct err *err)
	__attribute__((warn_unused_result));

void aws_ecr_token_clear(struct aws_ecr_token *token);
static inline void auto_aws_ecr_token(struct aws_ecr_token *token)
{
	aws_ecr_token_clear(token);
}

/* Returns the error's name, "AccessDeniedException", out of a refusal of a JSON service; NULL where
 * there is none.  The caller frees it. */
char *aws_json_error(const char *text, size_t n);

#endif
