/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/aws.h - what a process knows of AWS: how it is set up, and what it has been given: the
 * credentials, ECR's passwords, the regions of buckets.  All fetches share it.
 * Threads: aws_open() from main, before there are others, and aws_close() after; the rest from any.
 */
#ifndef WASMXDS_FETCH_AWS_H
#define WASMXDS_FETCH_AWS_H

#include <stdbool.h>

#include "base/err.h"
#include "fetch/aws_credentials.h"
#include "fetch/aws_endpoint.h"
#include "fetch/aws_environment.h"
#include "fetch/lease.h"
#include "fetch/task.h"

/* From flags; NULL where there was none. */
struct aws_settings {
	const char *s3_endpoint; /* of a store that is not AWS's */
	const char *s3_region;
	bool s3_path_style; /* HOST/BUCKET/KEY, not BUCKET.HOST/KEY; always so with an endpoint */
};

struct aws; /* opaque; task->options->aws */

/* Reads the environment with get, which is aws_getenv_process in the program, and keeps a copy of
 * everything.  Returns NULL with ERR_INVALID where a flag or a variable is no endpoint or no
 * region. */
struct aws *aws_open(const struct aws_settings *settings, aws_getenv *get, struct err *err);
void aws_close(struct aws *aws); /* NULL is fine */
static inline void auto_aws(struct aws **aws)
{
	aws_close(*aws);
}

/* Gives a copy of the credentials in force, looked for anew where they are about to expire; empty
 * where there are none.  Errors are those of aws_chain(). */
int aws_credentials_get(struct aws_credentials *out, struct fetch_task *task, struct err *err)
	__attribute__((warn_unused_result));

/* Returns where the password for ECR's API at an endpoint is kept, NULL where there are too many;
 * borrowed from aws. */
struct lease *aws_ecr_lease(struct aws *aws, const char *origin, const struct lease_kind *kind);

/* What S3 is to be asked with.  The endpoint is NULL where it follows from the region; the region
 * is that of the bucket, where it was learned, or that of the settings; never NULL. */
struct aws_s3 {
	const struct aws_endpoint *endpoint; /* borrowed from the options' aws */
	bool path_style;
	char *region; /* owned */
};
void aws_s3_get(struct aws_s3 *out, struct aws *aws, const char *bucket);
void aws_s3_clear(struct aws_s3 *s3);
static inline void auto_aws_s3(struct aws_s3 *s3)
{
	aws_s3_clear(s3);
}

/* Remembers where a bucket said that it is. */
void aws_s3_learn(struct aws *aws, const char *bucket, const char *region);

/* The user's endpoint for ECR, or NULL; borrowed. */
const struct aws_endpoint *aws_ecr_endpoint(const struct aws *aws);

#endif
