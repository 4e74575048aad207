/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wasm/module.h - says of any bytes whether they are a Proxy-Wasm module that Envoy could load.
 * Reads the headers of all sections, and the import, export, memory and custom sections; code and
 * data are bounds-checked as sections and not looked into, so a large module costs few pages.
 * Pure: no file, no clock.  Format: WebAssembly core 1.0, section 5; Proxy-Wasm ABI 0.2.1.
 */
#ifndef WASMXDS_WASM_MODULE_H
#define WASMXDS_WASM_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"

enum wasm_abi { WASM_ABI_NONE, WASM_ABI_0_1_0, WASM_ABI_0_2_0, WASM_ABI_0_2_1 };

/* One section where it stands in the bytes.  debug is set for custom sections that only a debugger
 * reads: names that begin with .debug_ or reloc..debug_, sourceMappingURL, external_debug_info.  It
 * is not set for name (Envoy's stack traces), producers, target_features, precompiled_* (which
 * Envoy runs where it may) nor any other. */
struct wasm_section {
	uint8_t id;    /* 0 is custom */
	size_t offset; /* of the id byte */
	size_t size;   /* with id and length */
	char name[64]; /* of a custom section, cut and with control bytes as '?'; "" otherwise */
	bool debug;    /* Envoy runs the module the same without it */
};

enum wasm_kind { WASM_FUNCTION, WASM_TABLE, WASM_MEMORY, WASM_GLOBAL };

struct wasm_name {
	char *module; /* owned; "" for exports */
	char *name;   /* owned */
	uint8_t kind; /* enum wasm_kind */
};

struct wasm_module {
	enum wasm_abi abi;
	unsigned n_memories;           /* that it defines or imports: 0 or 1 */
	uint64_t memory_pages_min;     /* of that memory; 64 KiB each */
	uint64_t memory_pages_max;     /* 0: not bounded by the module */
	size_t debug_bytes;            /* of all sections with debug set */
	struct wasm_section *sections; /* owned */
	size_t n_sections;
	struct wasm_name *imports; /* owned */
	size_t n_imports;
	struct wasm_name *exports; /* owned */
	size_t n_exports;
};

/* Reads n bytes.  0: a Proxy-Wasm module, described in out, which the caller clears.
 * ERR_INVALID, with out empty: each of these has its own message: nothing at all; HTML or XML;
 * JSON; gzip, zstd, zip, tar; ELF; a Git LFS pointer; text format; a component-model binary;
 * another version; no magic; a truncated or overlong section (with its id and offset); sections
 * unknown, twice or out of order; a bad LEB128; a name that is not UTF-8; a broken "name" section;
 * an export twice; a ceiling passed; no proxy_abi_version_* export; no allocator export; no memory
 * exported or imported; two memories; a memory that is shared, 64-bit or over 1 GiB; an import of a
 * global, or from a module that is neither env nor wasi (wasi_snapshot_preview1, wasi_unstable). No
 * message quotes the bytes, but for names of a module's own. */
int wasm_module_parse(struct wasm_module *out, const uint8_t *bytes, size_t n, struct err *err)
	__attribute__((warn_unused_result));
void wasm_module_clear(struct wasm_module *m);
static inline void auto_wasm_module(struct wasm_module *m)
{
	wasm_module_clear(m);
}

const char *wasm_abi_name(enum wasm_abi abi);    /* "0.2.1"; never NULL */
const char *wasm_section_name(uint8_t id);       /* "code"; never NULL */
const char *wasm_kind_name(enum wasm_kind kind); /* "function"; never NULL */

#endif
