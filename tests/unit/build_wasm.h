/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/build_wasm.h - modules byte by byte, right or wrong, for tests.
 */
#ifndef WASMXDS_TESTS_UNIT_BUILD_WASM_H
#define WASMXDS_TESTS_UNIT_BUILD_WASM_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define BUILD_MAX (64UL << 20)

void build_bytes(struct buf *out, const void *bytes, size_t n);
void build_u32(struct buf *out, uint32_t value);    /* LEB128 */
void build_name(struct buf *out, const char *name); /* length and bytes */
void build_header(struct buf *out);                 /* magic and version 1 */
void build_section(struct buf *out, uint8_t id, const struct buf *body);
void build_custom(struct buf *out, const char *name, size_t n); /* with n more bytes, all 'x' */

/* The name, kind and index of one export. */
void build_export(struct buf *out, const char *name, uint8_t kind, uint32_t index);

/* What a module needs to be loaded, in order: build_types to build_code, and no section twice.
 * Function 0 is () -> (), function 1 is (i32) -> i32. */
void build_types(struct buf *out);
void build_functions(struct buf *out);
void build_memory(struct buf *out, uint32_t pages);
void build_exports(struct buf *out, const char *abi, const char *allocator);
void build_code(struct buf *out);

/* The smallest module that Envoy loads. */
void build_filter(struct buf *out);

#endif
