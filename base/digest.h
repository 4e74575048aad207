/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/digest.h - sha256, in the one form in which it is named everywhere: 64 lower-case hex
 * digits.
 */
#ifndef WASMXDS_BASE_DIGEST_H
#define WASMXDS_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define DIGEST_HEX_LEN 64

struct digest {
	char hex[DIGEST_HEX_LEN + 1]; /* "" where there is none */
};

struct hasher; /* one digest under way */

/* Reads 64 lower-case hex digits.  ERR_INVALID says what is wrong with text. */
int digest_parse(struct digest *out, const char *text, struct err *err)
	__attribute__((warn_unused_result));
bool digest_equal(const struct digest *a, const struct digest *b);
bool digest_is_set(const struct digest *d);

/* The digest of n bytes at once. */
void digest_of(struct digest *out, const void *bytes, size_t n);

struct hasher *hasher_new(void); /* never NULL */
void hasher_free(struct hasher *h);
void hasher_update(struct hasher *h, const void *bytes, size_t n);
void hasher_final(struct hasher *h, struct digest *out); /* h then starts anew */
static inline void auto_hasher(struct hasher **h)
{
	hasher_free(*h);
}

#endif
