/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook/review.h - the AdmissionReview (admission.k8s.io/v1): the bytes of a request into its
 * parts, and a verdict into the bytes of an answer.  Decides nothing: see webhook/judge.h.
 * Pure.
 */
#ifndef WASMXDS_WEBHOOK_REVIEW_H
#define WASMXDS_WEBHOOK_REVIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "api/node.h"
#include "api/problem.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"

enum review_operation { REVIEW_CREATE, REVIEW_UPDATE, REVIEW_OTHER };

/* All pointers but tree are borrowed from it. */
struct review {
	struct node *tree;             /* owned */
	const char *uid;               /* never "" */
	const char *name;              /* "" where it has none yet (generateName) */
	const char *namespace;         /* "" where there is none */
	const struct node *user;       /* userInfo; NULL: not said */
	const struct node *object;     /* a mapping, or NULL */
	const struct node *old_object; /* likewise */
	enum review_operation operation;
	bool is_extension; /* a WasmExtension of our version, itself and no subresource of it */
	bool is_dry_run;
};

/* Reads n bytes.  ERR_INVALID: they are no AdmissionReview v1 with a request and its uid, or not
 * the strict JSON of base/json.h. */
int review_parse(struct review *out, const char *text, size_t n, struct err *err)
	__attribute__((warn_unused_result));
void review_clear(struct review *r);
static inline void auto_review(struct review *r)
{
	review_clear(r);
}

enum verdict_status {
	VERDICT_ALLOWED = 200,
	VERDICT_FORBIDDEN = 403, /* this user may not do it */
	VERDICT_INVALID = 422,   /* the object is wrong */
};

enum verdict_patch {
	PATCH_NONE,
	PATCH_PIN,   /* spec.image.sha256 becomes pin */
	PATCH_UNPIN, /* it goes */
};

/* All zero but for status: allowed as it is. */
struct verdict {
	enum verdict_status status;
	struct problems problems; /* why it is refused; each is shown */
	struct problems warnings; /* shown to the user whether it is allowed or not */
	enum verdict_patch patch;
	struct digest pin;
};

void verdict_clear(struct verdict *v);
static inline void auto_verdict(struct verdict *v)
{
	verdict_clear(v);
}

/* Adds a warning, cut to the 120 characters that Kubernetes wants. */
void verdict_warn(struct verdict *v, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Appends the answer to r.  ERR_INVALID: over out's ceiling. */
int review_answer(struct buf *out, const struct review *r, const struct verdict *v, struct err *err)
	__attribute__((warn_unused_result));

#endif
