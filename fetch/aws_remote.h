/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/aws_remote.h - credentials that a service gives: STS for a web identity, the agent beside a
 * container, the metadata of an instance.
 * Each leaves out empty and returns 0 where the environment names no such service, or it is not
 * there.  Threads: none of its own.
 */
#ifndef WASMXDS_FETCH_AWS_REMOTE_H
#define WASMXDS_FETCH_AWS_REMOTE_H

#include "base/err.h"
#include "fetch/aws_credentials.h"
#include "fetch/aws_endpoint.h"
#include "fetch/aws_environment.h"
#include "fetch/task.h"

/* AssumeRoleWithWebIdentity, as IAM roles for service accounts do.  ERR_INVALID: a variable, the
 * token's file, or an answer that cannot be read; ERR_DENIED: STS says no; ERR_TRANSIENT. */
int aws_web_identity(struct aws_credentials *out, struct fetch_task *task,
	const struct aws_environment *environment, struct err *err)
	__attribute__((warn_unused_result));

/* The agents of ECS and of EKS pod identity.  Errors as above. */
int aws_container(struct aws_credentials *out, struct fetch_task *task,
	const struct aws_environment *environment, struct err *err)
	__attribute__((warn_unused_result));

/* Instance metadata, version 2 only.  No answer within a second means that there is none.  Errors
 * as above. */
int aws_metadata(struct aws_credentials *out, struct fetch_task *task,
	const struct aws_environment *environment, struct err *err)
	__attribute__((warn_unused_result));

/* Finds the container agent's endpoint and the path to ask for (the caller frees it); *path is NULL
 * where the environment names none.  ERR_INVALID: over http, a host that is none of the agents'.
 * Pure. */
int aws_container_endpoint(struct aws_endpoint *out, char **path,
	const struct aws_environment *environment, struct err *err)
	__attribute__((warn_unused_result));

#endif
