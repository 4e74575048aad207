/* SPDX-License-Identifier: Apache-2.0 */
#include "wasm/module.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "wasm/magic.h"
#include "wasm/reader.h"
#include "wasm/section.h"

#define ABI_PREFIX "proxy_abi_version_"

enum section_id {
	SECTION_CUSTOM = 0,
	SECTION_IMPORT = 2,
	SECTION_MEMORY = 5,
	SECTION_EXPORT = 7,
};

/* By id.  Sections stand in the order of their ranks, each at most once, custom ones anywhere. */
static const struct section_kind {
	const char *name;
	unsigned rank;
} section_kinds[] = {
	{"custom", 0},
	{"type", 1},
	{"import", 2},
	{"function", 3},
	{"table", 4},
	{"memory", 5},
	{"global", 7},
	{"export", 8},
	{"start", 9},
	{"element", 10},
	{"code", 12},
	{"data", 13},
	{"data count", 11},
	{"tag", 6},
};

static const struct abi_export {
	const char *name;
	enum wasm_abi abi;
	const char *version;
} abis[] = {
	{ABI_PREFIX "0_1_0", WASM_ABI_0_1_0, "0.1.0"},
	{ABI_PREFIX "0_2_0", WASM_ABI_0_2_0, "0.2.0"},
	{ABI_PREFIX "0_2_1", WASM_ABI_0_2_1, "0.2.1"},
};

#define N_OF(table) (sizeof(table) / sizeof((table)[0]))

/* last is the id of the section before, custom ones aside; 0 where there was none. */
static int check_order(uint8_t *last, uint8_t id, struct err *err)
{
	if (id == SECTION_CUSTOM)
		return 0;
	if (id == *last)
		return err_set(err, ERR_INVALID, "there are two of them");
	if (section_kinds[id].rank < section_kinds[*last].rank)
		return err_set(err, ERR_INVALID, "out of order: it stands behind section %u (%s)",
			*last, section_kinds[*last].name);
	*last = id;
	return 0;
}

static int read_body(struct wasm_module *m, struct wasm_section *section, struct wasm_reader *body,
	struct err *err)
{
	switch (section->id) {
	case SECTION_CUSTOM:
		return wasm_section_custom(section, body, err);
	case SECTION_IMPORT:
		return wasm_section_imports(m, body, err);
	case SECTION_MEMORY:
		return wasm_section_memories(m, body, err);
	case SECTION_EXPORT:
		return wasm_section_exports(m, body, err);
	default:
		body->at = body->end;
		return 0;
	}
}

/* r stands behind the id, which the section has already. */
static int read_section(struct wasm_module *m, struct wasm_section *section, struct wasm_reader *r,
	uint8_t *last, struct err *err)
{
	struct wasm_reader body = {0};
	uint32_t n = 0;

	if (wasm_reader_u32(r, &n, "length", err) < 0 || wasm_reader_part(r, &body, n, err) < 0 ||
		check_order(last, section->id, err) < 0)
		return -1;
	section->size = r->at - section->offset;
	if (read_body(m, section, &body, err) < 0)
		return -1;
	if (wasm_reader_left(&body) > 0)
		return err_set(err, ERR_INVALID, "%zu bytes are left over behind its last entry",
			wasm_reader_left(&body));
	return 0;
}

/* Returns a new section at the end, zeroed; borrowed until the next call. */
static struct wasm_section *add_section(struct wasm_module *m)
{
	bool full = (m->n_sections & (m->n_sections - 1)) == 0; /* at each power of two */

	if (full)
		m->sections = xreallocarray(
			m->sections, m->n_sections ? 2 * m->n_sections : 1, sizeof(*m->sections));
	m->sections[m->n_sections] = (struct wasm_section){0};
	return &m->sections[m->n_sections++];
}

static int read_sections(struct wasm_module *m, struct wasm_reader *r, struct err *err)
{
	uint8_t last = 0;

	while (wasm_reader_left(r) > 0) {
		if (m->n_sections == LIMIT_WASM_SECTIONS)
			return err_set(err, ERR_INVALID, "over %d sections", LIMIT_WASM_SECTIONS);

		struct wasm_section *section = add_section(m);

		section->offset = r->at;
		section->id = r->bytes[r->at++];
		if (section->id >= N_OF(section_kinds))
			return err_set(err, ERR_INVALID,
				"section %u at offset %zu is of no kind that is known", section->id,
				section->offset);
		if (read_section(m, section, r, &last, err) < 0)
			return err_wrap(err, "section %u (%s) at offset %zu", section->id,
				section_kinds[section->id].name, section->offset);
		if (section->debug)
			m->debug_bytes += section->size;
	}
	return 0;
}

static bool exports_function(const struct wasm_module *m, const char *name)
{
	for (size_t i = 0; i < m->n_exports; i++) {
		if (m->exports[i].kind == WASM_FUNCTION && strcmp(m->exports[i].name, name) == 0)
			return true;
	}
	return false;
}

/* Envoy takes the memory that a module exports, by whatever name, or the one that it imports. */
static bool shows_memory(const struct wasm_module *m)
{
	for (size_t i = 0; i < m->n_exports; i++) {
		if (m->exports[i].kind == WASM_MEMORY)
			return m->n_memories > 0;
	}
	for (size_t i = 0; i < m->n_imports; i++) {
		if (m->imports[i].kind == WASM_MEMORY)
			return true;
	}
	return false;
}

static enum wasm_abi abi_of(const struct wasm_name *export)
{
	for (size_t i = 0; i < N_OF(abis); i++) {
		if (export->kind == WASM_FUNCTION && strcmp(export->name, abis[i].name) == 0)
			return abis[i].abi;
	}
	return WASM_ABI_NONE;
}

/* The first one counts where there are several, as in Envoy. */
static int find_abi(struct wasm_module *m, struct err *err)
{
	const char *unknown = NULL;
	char shown[WASM_SHOWN_BYTES];

	for (size_t i = 0; i < m->n_exports && m->abi == WASM_ABI_NONE; i++) {
		m->abi = abi_of(&m->exports[i]);
		if (strncmp(m->exports[i].name, ABI_PREFIX, strlen(ABI_PREFIX)) == 0)
			unknown = m->exports[i].name;
	}
	if (m->abi != WASM_ABI_NONE)
		return 0;
	if (!unknown)
		return err_set(err, ERR_INVALID,
			"exports no function " ABI_PREFIX "*: not a Proxy-Wasm module");
	wasm_text_show(shown, &(struct wasm_text){unknown, strlen(unknown)});
	return err_set(err, ERR_INVALID,
		"exports \"%s\"; Envoy knows the functions " ABI_PREFIX "0_1_0, 0_2_0 and 0_2_1",
		shown);
}

static int check_exports(struct wasm_module *m, struct err *err)
{
	if (find_abi(m, err) < 0)
		return -1;
	if (!exports_function(m, "malloc") && !exports_function(m, "proxy_on_memory_allocate"))
		return err_set(err, ERR_INVALID,
			"exports no function malloc or proxy_on_memory_allocate: Envoy cannot hand "
			"it anything");
	if (!shows_memory(m))
		return err_set(err, ERR_INVALID, "exports no memory: Envoy would crash");
	return 0;
}

int wasm_module_parse(struct wasm_module *out, const uint8_t *bytes, size_t n, struct err *err)
{
	AUTO(wasm_module) struct wasm_module m = {0};
	struct wasm_reader r = {.bytes = bytes, .at = WASM_HEADER_BYTES, .end = n};

	*out = (struct wasm_module){0};
	if (wasm_magic_check(bytes, n, err) < 0 || read_sections(&m, &r, err) < 0 ||
		check_exports(&m, err) < 0)
		return -1;
	*out = m;
	m = (struct wasm_module){0};
	return 0;
}

static void clear_names(struct wasm_name *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(names[i].module);
		free(names[i].name);
	}
	free(names);
}

void wasm_module_clear(struct wasm_module *m)
{
	clear_names(m->imports, m->n_imports);
	clear_names(m->exports, m->n_exports);
	free(m->sections);
	*m = (struct wasm_module){0};
}

const char *wasm_abi_name(enum wasm_abi abi)
{
	for (size_t i = 0; i < N_OF(abis); i++) {
		if (abis[i].abi == abi)
			return abis[i].version;
	}
	return "none";
}

const char *wasm_section_name(uint8_t id)
{
	return id < N_OF(section_kinds) ? section_kinds[id].name : "unknown";
}

const char *wasm_kind_name(enum wasm_kind kind)
{
	static const char *const names[] = {
		[WASM_FUNCTION] = "function",
		[WASM_TABLE] = "table",
		[WASM_MEMORY] = "memory",
		[WASM_GLOBAL] = "global",
	};

	return names[kind];
}
