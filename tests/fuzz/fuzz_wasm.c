/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What wasm_module_parse() accepts must lie within the bytes, section behind section to the end;
 * what it refuses must leave nothing behind, and a reason that is itself fit for JSON.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/json.h"
#include "wasm/magic.h"
#include "wasm/module.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
	size_t bad = 0;

	assert(json_utf8_valid(text, strlen(text), &bad));
}

static void check_names(const struct wasm_name *names, size_t n)
{
	assert(n <= LIMIT_WASM_ENTRIES);
	for (size_t i = 0; i < n; i++) {
		assert(names[i].kind <= WASM_GLOBAL);
		check_text(names[i].module);
		check_text(names[i].name);
	}
}

static void check_section(const struct wasm_section *s, size_t offset)
{
	assert(s->offset == offset && s->size >= 2);
	assert(s->id == 0 || (s->name[0] == '\0' && !s->debug));
	check_text(s->name);
}

static void check_module(const struct wasm_module *m, size_t size)
{
	size_t at = WASM_HEADER_BYTES;
	size_t debug_bytes = 0;

	for (size_t i = 0; i < m->n_sections; i++) {
		check_section(&m->sections[i], at);
		at += m->sections[i].size;
		debug_bytes += m->sections[i].debug ? m->sections[i].size : 0;
	}
	assert(at == size && debug_bytes == m->debug_bytes);
	assert(m->abi != WASM_ABI_NONE && m->n_memories == 1);
	assert(m->memory_pages_min <= LIMIT_WASM_MEMORY_PAGES);
	check_names(m->imports, m->n_imports);
	check_names(m->exports, m->n_exports);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(wasm_module) struct wasm_module m = {0};
	struct err err = {.code = ERR_NONE};

	if (wasm_module_parse(&m, data, size, &err) == 0) {
		check_module(&m, size);
		return 0;
	}
	assert(err.code == ERR_INVALID && err.msg[0] != '\0');
	check_text(err.msg);
	assert(!m.sections && !m.imports && !m.exports);
	return 0;
}
