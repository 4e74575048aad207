/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/quote.h - text that others chose, for a message: short, on one line, and unable to forge
 * another.
 */
#ifndef WASMXDS_BASE_QUOTE_H
#define WASMXDS_BASE_QUOTE_H

#include <stddef.h>

/* A value, so that `quote(s).text` is an argument. */
struct quoted {
	char text[512];
};

/* Returns the text in double quotes, cut with "…" after some 80 bytes; control characters, those
 * that reorder a terminal's line, and what is not UTF-8 are escaped. */
struct quoted quote(const char *text);
struct quoted quote_bytes(const char *text, size_t n);

#endif
