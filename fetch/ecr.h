/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/ecr.h - the password of a private registry of AWS, by GetAuthorizationToken.
 * It is asked for in the region that the registry's name says, with the credentials of fetch/aws.h,
 * and kept until it expires.  Threads: none of its own.
 */
#ifndef WASMXDS_FETCH_ECR_H
#define WASMXDS_FETCH_ECR_H

#include <stdbool.h>

#include "base/err.h"
#include "fetch/aws_json.h"
#include "fetch/task.h"

/* A registry's name, taken apart. */
struct ecr_host {
	char account[13];
	char region[33];
	bool fips;
};

/* Whether host (with no port) is ACCOUNT.dkr.ecr[-fips].REGION and the suffix of that region, to
 * the last byte: nothing else is ever sent a password.  Pure. */
bool ecr_host_parse(struct ecr_host *out, const char *host);

/* Gets user and password for a registry that ecr_host_parse() took.  The caller clears out.
 * ERR_DENIED: there are no AWS credentials, or they may not; ERR_INVALID: a variable is wrong, or
 * the answer; ERR_TRANSIENT. */
int ecr_credential(struct aws_ecr_token *out, struct fetch_task *task, const struct ecr_host *host,
	struct err *err) __attribute__((warn_unused_result));

#endif
