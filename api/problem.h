/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/problem.h - everything that is wrong with a document, each with the path of its field.
 * At most LIMIT_PROBLEMS are kept; the others are counted.
 */
#ifndef WASMXDS_API_PROBLEM_H
#define WASMXDS_API_PROBLEM_H

#include <stddef.h>

#include "base/err.h"
#include "base/quote.h"

struct problem {
	char *path;    /* owned: "spec.image.uri"; "" for the whole document */
	char *message; /* owned: `must be one of v8, wamr, …, not "v9"` */
	unsigned line; /* 0 where unknown */
};

struct problems {
	struct problem *items; /* owned */
	size_t n;              /* kept */
	size_t more;           /* not kept */
};

void problems_clear(struct problems *p);
static inline void auto_problems(struct problems *p)
{
	problems_clear(p);
}
void problems_add(struct problems *p, const char *path, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Orders them by line; those of one line stay in the order in which they were added. */
void problems_sort(struct problems *p);

/* Puts all of them, "; " between, into err as ERR_INVALID; returns -1, or 0 where there is none. */
int problems_to_err(const struct problems *p, struct err *err);

#endif
