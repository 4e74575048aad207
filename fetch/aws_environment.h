/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/aws_environment.h - the variables of the environment that AWS's tools agree on.
 * Threads: read once, from main, before there are others; then read-only.
 */
#ifndef WASMXDS_FETCH_AWS_ENVIRONMENT_H
#define WASMXDS_FETCH_AWS_ENVIRONMENT_H

#include <stdbool.h>

/* A variable that is not set, or empty, is NULL.  All owned. */
struct aws_environment {
	char *access_key_id;
	char *secret_access_key;
	char *session_token;

	char *home;
	char *credentials_file;
	char *config_file;
	char *profile;

	char *web_identity_token_file;
	char *role_arn;
	char *role_session_name;

	char *container_relative_uri;
	char *container_full_uri;
	char *container_token;
	char *container_token_file;

	char *metadata_disabled;
	char *metadata_endpoint;
	char *metadata_endpoint_mode;

	char *region;
	char *default_region;
	char *endpoint; /* of every service that has none of its own */
	char *endpoint_s3;
	char *endpoint_sts;
	char *endpoint_ecr;
};

/* Returns the value of a variable, or NULL; getenv() in the program. */
typedef const char *aws_getenv(const char *name);

void aws_environment_read(struct aws_environment *out, aws_getenv *get);
void aws_environment_clear(struct aws_environment *environment);
static inline void auto_aws_environment(struct aws_environment *environment)
{
	aws_environment_clear(environment);
}

/* Returns the value of the process's own variable, or NULL; for aws_environment_read(). */
const char *aws_getenv_process(const char *name);

#endif
