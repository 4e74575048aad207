/* SPDX-License-Identifier: Apache-2.0 */
#include "wasm/section.h"

#include <string.h>

#include "base/limits.h"
#include "base/map.h"
#include "base/xalloc.h"

#define MAX_PAGES 65536 /* 4 GiB, the most that 32 bits can address */
#define LEAST_ENTRY 3   /* bytes of the shortest export: no name, a kind, an index */

enum reference_type { TYPE_EXTERNREF = 0x6F, TYPE_FUNCREF = 0x70 };
enum limits_flag { LIMITS_MAX = 1, LIMITS_SHARED = 2, LIMITS_64 = 4 };

#define N_OF(table) (sizeof(table) / sizeof((table)[0]))

struct limits {
	uint32_t min;
	uint32_t max;
	bool has_max;
};

static int read_limits(struct wasm_reader *r, struct limits *out, const char *what, struct err *err)
{
	uint8_t flags = 0;

	if (wasm_reader_u8(r, &flags, "limits", err) < 0)
		return -1;
	if (flags > (LIMITS_MAX | LIMITS_SHARED | LIMITS_64))
		return err_set(err, ERR_INVALID,
			"%s at offset %zu has limits flags %u; 0 and 1 are known", what, r->at - 1,
			flags);
	if (flags & LIMITS_64)
		return err_set(err, ERR_INVALID,
			"%s at offset %zu is 64-bit (memory64); Envoy runs 32-bit modules only",
			what, r->at - 1);
	if (flags & LIMITS_SHARED)
		return err_set(err, ERR_INVALID,
			"%s at offset %zu is shared between threads, which Proxy-Wasm has not: "
			"build without threads",
			what, r->at - 1);
	if (wasm_reader_u32(r, &out->min, "lower limit", err) < 0)
		return -1;
	out->has_max = flags & LIMITS_MAX;
	if (out->has_max && wasm_reader_u32(r, &out->max, "upper limit", err) < 0)
		return -1;
	if (out->has_max && out->max < out->min)
		return err_set(err, ERR_INVALID,
			"%s has an upper limit of %u, under its lower limit of %u", what, out->max,
			out->min);
	return 0;
}

static int read_memory(struct wasm_module *m, struct wasm_reader *r, struct err *err)
{
	struct limits pages = {0};

	if (read_limits(r, &pages, "memory", err) < 0)
		return -1;
	if (pages.min > LIMIT_WASM_MEMORY_PAGES)
		return err_set(err, ERR_INVALID,
			"memory of %u pages of 64 KiB; Envoy gives at most %d (1 GiB)", pages.min,
			LIMIT_WASM_MEMORY_PAGES);
	if (pages.max > MAX_PAGES)
		return err_set(err, ERR_INVALID,
			"memory may grow to %u pages of 64 KiB; at most %d can be addressed",
			pages.max, MAX_PAGES);
	if (++m->n_memories > 1)
		return err_set(err, ERR_INVALID, "more than one memory; Proxy-Wasm knows of one");
	m->memory_pages_min = pages.min;
	m->memory_pages_max = pages.max;
	return 0;
}

int wasm_section_memories(struct wasm_module *m, struct wasm_reader *r, struct err *err)
{
	uint32_t count = 0;

	if (wasm_reader_u32(r, &count, "number of memories", err) < 0)
		return -1;
	for (uint32_t i = 0; i < count; i++) {
		if (read_memory(m, r, err) < 0)
			return -1;
	}
	return 0;
}

/* Returns out, with what people may see of s; NULL where it was not read yet. */
static const char *show_string(char out[static WASM_SHOWN_BYTES], const char *s)
{
	wasm_text_show(out, &(struct wasm_text){.bytes = s, .n = s ? strlen(s) : 0});
	return out;
}

/* Reads how many entries a section lists, and holds it against the bytes that are there. */
static int read_count(struct wasm_reader *r, uint32_t *count, const char *what, struct err *err)
{
	if (wasm_reader_left(r) > LIMIT_WASM_LIST_BYTES)
		return err_set(err, ERR_INVALID, "%zu bytes; at most %lu are allowed",
			wasm_reader_left(r), LIMIT_WASM_LIST_BYTES);
	if (wasm_reader_u32(r, count, what, err) < 0)
		return -1;
	if (*count > LIMIT_WASM_ENTRIES)
		return err_set(err, ERR_INVALID, "%s is %u; at most %d are allowed", what, *count,
			LIMIT_WASM_ENTRIES);
	if (*count > wasm_reader_left(r) / LEAST_ENTRY)
		return err_set(err, ERR_INVALID, "%s is %u, too many for %zu bytes", what, *count,
			wasm_reader_left(r));
	return 0;
}

/* Reads a name that is kept as a string. */
static int read_string(struct wasm_reader *r, char **out, const char *what, struct err *err)
{
	struct wasm_text name = {0};
	size_t at = r->at;

	if (wasm_reader_name(r, &name, what, err) < 0)
		return -1;
	if (name.n > 0 && memchr(name.bytes, 0, name.n))
		return err_set(
			err, ERR_INVALID, "%s at offset %zu has a zero byte in it", what, at);
	*out = xstrndup(name.bytes, name.n);
	return 0;
}

static bool is_provided(const char *module)
{
	static const char *const provided[] = {"env", "wasi_snapshot_preview1", "wasi_unstable"};

	for (size_t i = 0; i < N_OF(provided); i++) {
		if (strcmp(module, provided[i]) == 0)
			return true;
	}
	return false;
}

static int read_table_type(struct wasm_reader *r, struct err *err)
{
	struct limits entries = {0};
	uint8_t type = 0;

	if (wasm_reader_u8(r, &type, "table type", err) < 0)
		return -1;
	if (type != TYPE_FUNCREF && type != TYPE_EXTERNREF)
		return err_set(err, ERR_INVALID, "table at offset %zu is of unknown type 0x%02x",
			r->at - 1, type);
	return read_limits(r, &entries, "table", err);
}

static int read_import_type(
	struct wasm_module *m, struct wasm_reader *r, uint8_t kind, struct err *err)
{
	uint32_t type_index = 0;

	switch (kind) {
	case WASM_FUNCTION:
		return wasm_reader_u32(r, &type_index, "type index", err);
	case WASM_TABLE:
		return read_table_type(r, err);
	case WASM_MEMORY:
		return read_memory(m, r, err);
	case WASM_GLOBAL:
		return err_set(err, ERR_INVALID, "it is a global, and Envoy provides none");
	default:
		return err_set(err, ERR_INVALID, "its kind is %u; 0 to 3 are known", kind);
	}
}

static int read_import(
	struct wasm_module *m, struct wasm_reader *r, struct wasm_name *import, struct err *err)
{
	char shown[WASM_SHOWN_BYTES];

	if (read_string(r, &import->module, "module name", err) < 0 ||
		read_string(r, &import->name, "name", err) < 0 ||
		wasm_reader_u8(r, &import->kind, "kind", err) < 0)
		return -1;
	if (!is_provided(import->module))
		return err_set(err, ERR_INVALID,
			"it is of module \"%s\"; Envoy provides env, wasi_snapshot_preview1 and "
			"wasi_unstable",
			show_string(shown, import->module));
	return read_import_type(m, r, import->kind, err);
}

int wasm_section_imports(struct wasm_module *m, struct wasm_reader *r, struct err *err)
{
	char shown[WASM_SHOWN_BYTES];
	uint32_t count = 0;

	if (read_count(r, &count, "number of imports", err) < 0)
		return -1;
	m->imports = xcalloc(count, sizeof(*m->imports));
	while (m->n_imports < count) {
		struct wasm_name *import = &m->imports[m->n_imports++];

		if (read_import(m, r, import, err) < 0)
			return err_wrap(err, "import %zu (\"%s\")", m->n_imports - 1,
				show_string(shown, import->name));
	}
	return 0;
}

static int read_export(struct wasm_reader *r, struct wasm_name *export, struct err *err)
{
	uint32_t index = 0;

	export->module = xstrdup("");
	if (read_string(r, &export->name, "name", err) < 0 ||
		wasm_reader_u8(r, &export->kind, "kind", err) < 0)
		return -1;
	if (export->kind > WASM_GLOBAL)
		return err_set(err, ERR_INVALID, "its kind is %u; 0 to 3 are known", export->kind);
	return wasm_reader_u32(r, &index, "index", err);
}

static int refuse_duplicates(const struct wasm_module *m, struct err *err)
{
	struct map seen = {0};
	const char *twice = NULL;
	char shown[WASM_SHOWN_BYTES];

	for (size_t i = 0; i < m->n_exports && !twice; i++) {
		if (map_put(&seen, m->exports[i].name, &m->exports[i]))
			twice = m->exports[i].name;
	}
	map_clear(&seen, NULL);
	if (!twice)
		return 0;
	return err_set(err, ERR_INVALID, "\"%s\" is exported twice", show_string(shown, twice));
}

int wasm_section_exports(struct wasm_module *m, struct wasm_reader *r, struct err *err)
{
	char shown[WASM_SHOWN_BYTES];
	uint32_t count = 0;

	if (read_count(r, &count, "number of exports", err) < 0)
		return -1;
	m->exports = xcalloc(count, sizeof(*m->exports));
	while (m->n_exports < count) {
		struct wasm_name *export = &m->exports[m->n_exports++];

		if (read_export(r, export, err) < 0)
			return err_wrap(err, "export %zu (\"%s\")", m->n_exports - 1,
				show_string(shown, export->name));
	}
	return refuse_duplicates(m, err);
}

/* The list of function names in a "name" section: Envoy refuses a module where it is broken. */
static int check_function_names(struct wasm_reader *r, struct err *err)
{
	struct wasm_reader name = {0};
	uint32_t count = 0;
	uint32_t n = 0;

	if (wasm_reader_u32(r, &count, "number of names", err) < 0)
		return -1;
	for (uint32_t i = 0; i < count; i++) {
		if (wasm_reader_u32(r, &n, "function index", err) < 0 ||
			wasm_reader_u32(r, &n, "function name", err) < 0 ||
			wasm_reader_part(r, &name, n, err) < 0)
			return err_wrap(err, "function name %u", i);
	}
	if (wasm_reader_left(r) > 0)
		return err_set(err, ERR_INVALID, "function names leave %zu bytes over",
			wasm_reader_left(r));
	return 0;
}

static int check_name_section(struct wasm_reader *r, struct err *err)
{
	const uint8_t function_names = 1;

	while (wasm_reader_left(r) > 0) {
		struct wasm_reader part = {0};
		size_t at = r->at;
		uint8_t id = 0;
		uint32_t n = 0;

		if (wasm_reader_u8(r, &id, "subsection", err) < 0 ||
			wasm_reader_u32(r, &n, "length", err) < 0 ||
			wasm_reader_part(r, &part, n, err) < 0)
			return err_wrap(err, "subsection %u at offset %zu", id, at);
		if (id == function_names && check_function_names(&part, err) < 0)
			return -1;
	}
	return 0;
}

static bool is_debug(const struct wasm_text *name)
{
	return wasm_text_begins(name, ".debug_") || wasm_text_begins(name, "reloc..debug_") ||
	       wasm_text_is(name, "sourceMappingURL") || wasm_text_is(name, "external_debug_info");
}

int wasm_section_custom(struct wasm_section *section, struct wasm_reader *r, struct err *err)
{
	struct wasm_text name = {0};

	if (wasm_reader_name(r, &name, "name", err) < 0)
		return -1;
	wasm_text_show(section->name, &name);
	section->debug = is_debug(&name);
	if (wasm_text_is(&name, "name") && check_name_section(r, err) < 0)
		return err_wrap(err, "\"name\"");
	r->at = r->end;
	return 0;
}
