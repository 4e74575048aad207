/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/message_check.h - what must hold of every refusal, and inputs of two parts.
 */
#ifndef WASMXDS_TESTS_FUZZ_MESSAGE_CHECK_H
#define WASMXDS_TESTS_FUZZ_MESSAGE_CHECK_H

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/xalloc.h"

/* A message is one line of UTF-8, fit for a terminal and a log. */
static inline void check_refusal(const struct err *err)
{
	size_t bad = 0;

	assert(err->code != ERR_NONE && err->msg[0] != '\0');
	assert(json_utf8_valid(err->msg, strlen(err->msg), &bad));
	for (const char *c = err->msg; *c; c++)
		assert((unsigned char)*c >= ' ' && *c != 0x7F);
}

/* Returns the input as text, up to its first NUL; the caller frees it. */
static inline char *input_text(const uint8_t *data, size_t size)
{
	return size > 0 ? xstrndup((const char *)data, size) : xstrdup("");
}

/* Cuts the first line off text, which ends there then, and returns what is behind it. */
static inline char *cut_line(char *text)
{
	char *line = strchr(text, '\n');

	if (!line)
		return strchr(text, '\0');
	*line = '\0';
	return line + 1;
}

#endif
