/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wasm/section.h - the bodies of the sections that are read: what they say goes into the module,
 * and what Envoy could not load is refused.  r reads one body, and nothing before or behind it.
 * All return ERR_INVALID, and leave in m what was read, for wasm_module_clear().  Pure.
 */
#ifndef WASMXDS_WASM_SECTION_H
#define WASMXDS_WASM_SECTION_H

#include "base/err.h"
#include "wasm/module.h"
#include "wasm/reader.h"

int wasm_section_imports(struct wasm_module *m, struct wasm_reader *r, struct err *err)
	__attribute__((warn_unused_result));
int wasm_section_memories(struct wasm_module *m, struct wasm_reader *r, struct err *err)
	__attribute__((warn_unused_result));
int wasm_section_exports(struct wasm_module *m, struct wasm_reader *r, struct err *err)
	__attribute__((warn_unused_result));

/* Sets the section's name and debug. */
int wasm_section_custom(struct wasm_section *section, struct wasm_reader *r, struct err *err)
	__attribute__((warn_unused_result));

#endif
