/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube/claims.h - what one file of a folder says of objects, as kube/difference.h keeps it.  Pure.
 * Threads: the one that owns them.
 */
#ifndef WASMXDS_KUBE_CLAIMS_H
#define WASMXDS_KUBE_CLAIMS_H

#include <stdbool.h>
#include <stddef.h>

#include "api/manifest.h"
#include "base/digest.h"

/* One file's word on one object. */
struct claim {
	char *key;             /* owned */
	struct digest print;   /* of what the file says that the object is */
	struct object *object; /* owned; NULL once handed on */
	bool remembered;       /* the file is wrong and does not show it any more */
};

struct claims {
	struct claim *items; /* owned */
	size_t n;
};

void claims_clear(struct claims *claims);
static inline void auto_claims(struct claims *claims)
{
	claims_clear(claims);
}

/* Makes the claims, which are empty, of the objects, which are taken out of shown. */
void claims_take(struct claims *out, struct manifest *shown);

/* Moves to now what before claims and now does not.  The ceiling is for a file that is wrong for
 * ever while its objects change: the oldest are forgotten. */
void claims_remember(struct claims *now, struct claims *before);

/* The file cannot be read: all that it claimed is remembered. */
void claims_keep(struct claims *claims);

/* Takes out of shown, which is the same content once more, the objects that were handed on. */
void claims_refill(struct claims *claims, struct manifest *shown);

#endif
