/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook/access.h - whether the user of a review may read what an extension refers to, as the API
 * server is asked (SubjectAccessReview) and answers.
 * Pure.
 */
#ifndef WASMXDS_WEBHOOK_ACCESS_H
#define WASMXDS_WEBHOOK_ACCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "webhook/judge.h"
#include "webhook/review.h"

#define ACCESS_PATH "/apis/authorization.k8s.io/v1/subjectaccessreviews"

/* Returns the name of the user of r, "" where it has none; borrowed. */
const char *access_user(const struct review *r);

/* Appends the question whether the user of r may get the object of ref.  ERR_INVALID: over out's
 * ceiling. */
int access_question(struct buf *out, const struct review *r, const struct referral *ref,
	struct err *err) __attribute__((warn_unused_result));

/* Reads the answer.  ERR_INVALID: it is none. */
int access_answer(bool *allowed, const char *text, size_t n, struct err *err)
	__attribute__((warn_unused_result));

#endif
