/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wasm/reader.h - a cursor over a module's bytes that never passes its end.
 * Offsets count from the first byte of the module, in a part of it too, so that every message names
 * the place that wasm-objdump names.  what says in messages what was about to be read.  Pure.
 */
#ifndef WASMXDS_WASM_READER_H
#define WASMXDS_WASM_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct wasm_reader {
	const uint8_t *bytes; /* borrowed; the whole module */
	size_t at;            /* next byte */
	size_t end;           /* of what may be read */
};

/* A name where it stands in the module: valid UTF-8, not ended by a NUL. */
struct wasm_text {
	const char *bytes; /* borrowed */
	size_t n;
};

#define WASM_SHOWN_BYTES 64

size_t wasm_reader_left(const struct wasm_reader *r);

/* The readers below return ERR_INVALID, with the offset, when the bytes end too early, and move the
 * cursor only when they succeed. */

int wasm_reader_u8(struct wasm_reader *r, uint8_t *out, const char *what, struct err *err)
	__attribute__((warn_unused_result));

/* LEB128.  ERR_INVALID too: more than five bytes, or more than 32 bits. */
int wasm_reader_u32(struct wasm_reader *r, uint32_t *out, const char *what, struct err *err)
	__attribute__((warn_unused_result));

/* A length and that many bytes.  ERR_INVALID too: over LIMIT_WASM_NAME_BYTES; not UTF-8. */
int wasm_reader_name(struct wasm_reader *r, struct wasm_text *out, const char *what,
	struct err *err) __attribute__((warn_unused_result));

/* Makes part a reader of the next n bytes, and steps over them. */
int wasm_reader_part(struct wasm_reader *r, struct wasm_reader *part, size_t n, struct err *err)
	__attribute__((warn_unused_result));

bool wasm_text_is(const struct wasm_text *t, const char *s);
bool wasm_text_begins(const struct wasm_text *t, const char *prefix);

/* Copies a name for people: cut between two characters, with control bytes as '?'. */
void wasm_text_show(char out[static WASM_SHOWN_BYTES], const struct wasm_text *name);

#endif
