/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/aws_chain.h - where credentials are looked for, in the order that AWS's own tools have: the
 * environment, a web identity, the shared files, a container's agent, instance metadata.
 * The first place that has any decides; one that is set up and fails ends the search.
 * Threads: none of its own.
 */
#ifndef WASMXDS_FETCH_AWS_CHAIN_H
#define WASMXDS_FETCH_AWS_CHAIN_H

#include "base/err.h"
#include "fetch/aws_credentials.h"
#include "fetch/aws_environment.h"
#include "fetch/task.h"

/* Leaves out empty, and returns 0, where no place has any.  ERR_INVALID: what a place says is
 * wrong, or asks for what we cannot do; ERR_DENIED; ERR_TRANSIENT.  The message names the place and
 * holds no secret. */
int aws_chain(struct aws_credentials *out, struct fetch_task *task,
	const struct aws_environment *environment, struct err *err)
	__attribute__((warn_unused_result));

/* The places that need no network. */
int aws_chain_environment(struct aws_credentials *out, struct fetch_task *task,
	const struct aws_environment *environment, struct err *err)
	__attribute__((warn_unused_result));
int aws_chain_files(struct aws_credentials *out, struct fetch_task *task,
	const struct aws_environment *environment, struct err *err)
	__attribute__((warn_unused_result));

#endif
