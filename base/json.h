/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/json.h - foreign JSON into a cJSON tree, strictly: valid UTF-8, one value and nothing behind
 * it (RFC 8259), no key twice in an object, no \u0000 unless it is asked for, no number beyond a
 * double, and within the LIMIT_JSON_* ceilings.  Pure.
 */
#ifndef WASMXDS_BASE_JSON_H
#define WASMXDS_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "base/err.h"

/* Parses n bytes.  Returns the tree, which the caller deletes, or NULL with ERR_INVALID, whose
 * message gives the byte offset where that is known (ERR_TRANSIENT: memory is out). */
cJSON *json_parse(const char *text, size_t n, struct err *err);

/* As json_parse(), with a ceiling of its own for the values, so that a document of a stranger takes
 * no more memory than one of its kind does. */
cJSON *json_parse_within(const char *text, size_t n, size_t max_values, struct err *err);

/* How a NUL stands in a tree of json_parse_nul(), as in Java's class files: in no UTF-8, so that it
 * is taken for nothing else. */
#define JSON_NUL "\xC0\x80"

/* As json_parse(), for documents of strangers that may hold \u0000 where nobody cares. */
cJSON *json_parse_nul(const char *text, size_t n, struct err *err);

/* Returns the text under key of an object, or NULL; borrowed. */
const char *json_text(const cJSON *object, const char *key);

static inline void auto_cjson(cJSON **tree)
{
	cJSON_Delete(*tree);
}

/* Returns whether n bytes are valid UTF-8 (RFC 3629), and the offset of the first bad byte. */
bool json_utf8_valid(const char *text, size_t n, size_t *bad);

#endif
