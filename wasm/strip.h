/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wasm/strip.h - a module without the sections that only a debugger reads: which of its bytes stay.
 * They stay as they are and in their order, so nothing is encoded anew.  Pure.
 */
#ifndef WASMXDS_WASM_STRIP_H
#define WASMXDS_WASM_STRIP_H

#include <stdbool.h>
#include <stddef.h>

#include "wasm/module.h"

struct wasm_range {
	size_t offset;
	size_t size;
};

struct wasm_ranges {
	struct wasm_range *items; /* owned; ascending, with a gap between any two */
	size_t n;
	size_t size; /* of all of them */
};

/* Returns whether a signature covers the module's bytes, so that not one of them may go: Envoy can
 * be built to check it. */
bool wasm_strip_is_signed(const struct wasm_module *m);

/* Finds what stays of a module that was parsed: all but the sections with debug set, or all of it
 * where it is signed. */
void wasm_strip(struct wasm_ranges *out, const struct wasm_module *m);
void wasm_ranges_clear(struct wasm_ranges *ranges);
static inline void auto_wasm_ranges(struct wasm_ranges *ranges)
{
	wasm_ranges_clear(ranges);
}

#endif
