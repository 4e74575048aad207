/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/utf8.h - UTF-8 (RFC 3629), one character at a time.  Pure.
 */
#ifndef WASMXDS_BASE_UTF8_H
#define WASMXDS_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Returns how many of the n bytes the first character takes; 0 when it is not valid, or n is 0. */
size_t utf8_len(const char *text, size_t n);

/* Returns how many of the n bytes are left without a last character that was cut in two. */
size_t utf8_whole(const char *text, size_t n);

/* Returns a copy of text in which "?" stands for each byte that is not valid, cut to whole
 * characters of at most max bytes; the caller frees it. */
char *utf8_copy(const char *text, size_t max);

/* Returns whether a valid character of len bytes is a control character, ends a line, or reorders
 * what stands around it: text that others chose could look like something else with it. */
bool utf8_misleads(const char *character, size_t len);

#endif
