/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/base64.h - the base64 of a Secret's data: RFC 4648 section 4 with its padding, where line
 * breaks count for nothing, as for Kubernetes.  Pure.
 */
#ifndef WASMXDS_API_BASE64_H
#define WASMXDS_API_BASE64_H

#include <stddef.h>

#include "base/err.h"

/* Encodes n bytes, at most LIMIT_JSON_BYTES, without line breaks.  Returns the text, which the
 * caller frees; never NULL. */
char *base64_encode(const void *bytes, size_t n);

/* Decodes text.  Returns the bytes, with a NUL behind them, which the caller frees; NULL with
 * ERR_INVALID, which shows nothing of the text. */
char *base64_decode(const char *text, size_t *len, struct err *err);

#endif
