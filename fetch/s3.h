/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/s3.h - a module from S3, or from a store that speaks its protocol.
 * Signed with what fetch/aws.h has, unsigned where it has nothing, so that public buckets need no
 * account.  The bucket's region is what its own answer says it is.
 * Threads: none of its own.
 */
#ifndef WASMXDS_FETCH_S3_H
#define WASMXDS_FETCH_S3_H

#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"
#include "fetch/sink.h"
#include "fetch/task.h"

/* Fetches the request's uri, bucket/key.  ERR_INVALID: no such uri, a wrong variable, too large;
 * ERR_NOT_FOUND: bucket or key; ERR_DENIED: the credentials, or the clock; ERR_TRANSIENT; ERR_FULL.
 * A fetch_driver. */
int s3_fetch(struct fetch_task *task, struct sink *sink, struct err *err)
	__attribute__((warn_unused_result));

/* What a store says of a module without sending it. */
struct s3_statement {
	struct digest sha256; /* not set: it does not say, or of what the module comes packed in */
	uint64_t size;        /* of it, where that is set */
};

/* Asks for that, by HEAD; and for the first bytes of the object, which tell whether it is packed.
 * Errors as s3_fetch(). */
int s3_state(struct s3_statement *out, struct fetch_task *task, struct err *err)
	__attribute__((warn_unused_result));

/* Asks for what it has there, by HEAD.  Errors as s3_fetch(). */
int s3_revision(struct revision *out, struct fetch_task *task, struct err *err)
	__attribute__((warn_unused_result));

#endif
