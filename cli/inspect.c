/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/quote.h"
#include "cli/fetch_options.h"
#include "cli/progress.h"
#include "cli/subject.h"
#include "cli/verb.h"
#include "wasm/strip.h"

struct inspect_config {
	struct fetch_flags fetch;
	int output; /* enum options_output */
};

static const struct flag inspect_flags[] = {
	OPTIONS_OUTPUT(offsetof(struct inspect_config, output)),
	OPTIONS_HELP,
};

const struct flags inspect_usage = {
	.usage = "wasmxds inspect [flags] FILE|REF",
	.about = "Says what a module is, whether Envoy could run it, and how much of it would be "
		 "served.\n" SUBJECT_SYNTAX "\n"
		 "Exit code: 0 Envoy can run it, 1 it cannot, 2 it cannot be read.",
	.table = inspect_flags,
	.n = sizeof(inspect_flags) / sizeof(inspect_flags[0]),
	.shared = &fetch_flags,
};

/* What is shown of a module that Envoy can run. */
struct findings {
	const struct wasm_module *module; /* borrowed */
	bool is_signed;
	uint64_t served_bytes;
};

static struct findings find(const struct wasm_module *module)
{
	AUTO(wasm_ranges) struct wasm_ranges stay = {.n = 0};

	wasm_strip(&stay, module);
	return (struct findings){
		.module = module,
		.is_signed = wasm_strip_is_signed(module),
		.served_bytes = stay.size,
	};
}

static bool is_dropped(const struct findings *f, const struct wasm_section *section)
{
	return section->debug && !f->is_signed;
}

static void add_number(cJSON *to, const char *key, uint64_t number)
{
	(void)cJSON_AddNumberToObject(to, key, (double)number);
}

static void add_sections(cJSON *to, const struct findings *f)
{
	cJSON *list = cJSON_AddArrayToObject(to, "sections");

	for (size_t i = 0; i < f->module->n_sections; i++) {
		const struct wasm_section *section = &f->module->sections[i];
		cJSON *entry = cJSON_CreateObject();

		(void)cJSON_AddStringToObject(entry, "kind", wasm_section_name(section->id));
		if (section->name[0])
			(void)cJSON_AddStringToObject(entry, "name", section->name);
		add_number(entry, "offset", section->offset);
		add_number(entry, "bytes", section->size);
		(void)cJSON_AddBoolToObject(entry, "dropped", is_dropped(f, section));
		(void)cJSON_AddItemToArray(list, entry);
	}
}

static void add_names(cJSON *to, const char *key, const struct wasm_name *names, size_t n)
{
	cJSON *list = cJSON_AddArrayToObject(to, key);

	for (size_t i = 0; i < n; i++) {
		cJSON *entry = cJSON_CreateObject();

		if (names[i].module[0])
			(void)cJSON_AddStringToObject(entry, "module", names[i].module);
		(void)cJSON_AddStringToObject(entry, "name", names[i].name);
		(void)cJSON_AddStringToObject(entry, "kind", wasm_kind_name(names[i].kind));
		(void)cJSON_AddItemToArray(list, entry);
	}
}

static void add_findings(cJSON *to, const struct findings *f)
{
	const struct wasm_module *m = f->module;
	cJSON *memory = cJSON_CreateObject();

	(void)cJSON_AddStringToObject(to, "abi", wasm_abi_name(m->abi));
	add_number(to, "debugBytes", m->debug_bytes);
	add_number(to, "servedBytes", f->served_bytes);
	(void)cJSON_AddBoolToObject(to, "signed", f->is_signed);
	add_number(memory, "minPages", m->memory_pages_min);
	if (m->memory_pages_max > 0)
		add_number(memory, "maxPages", m->memory_pages_max);
	(void)cJSON_AddItemToObject(to, "memory", memory);
	add_sections(to, f);
	add_names(to, "imports", m->imports, m->n_imports);
	add_names(to, "exports", m->exports, m->n_exports);
}

static void print_json(const struct subject *s)
{
	AUTO(cjson) cJSON *report = cJSON_CreateObject();
	AUTO(free) char *text = NULL;

	(void)cJSON_AddStringToObject(report, "source", s->label);
	(void)cJSON_AddBoolToObject(report, "valid", s->verdict.code == ERR_NONE);
	if (s->verdict.code != ERR_NONE)
		(void)cJSON_AddStringToObject(report, "reason", s->verdict.msg);
	(void)cJSON_AddStringToObject(report, "sha256", s->fetched.digest.hex);
	if (s->fetched.manifest_digest[0])
		(void)cJSON_AddStringToObject(report, "manifestDigest", s->fetched.manifest_digest);
	add_number(report, "bytes", s->fetched.size);
	if (s->verdict.code == ERR_NONE) {
		const struct findings findings = find(&s->module);

		add_findings(report, &findings);
	}
	text = cJSON_Print(report);
	(void)puts(text);
}

/* In quotes only where it needs them. */
static struct quoted shown(const char *name)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_-.$/:";
	struct quoted q = quote(name);
	size_t n = strlen(name);

	if (n > 0 && n + 2 == strlen(q.text) && strspn(name, plain) == n)
		memcpy(q.text, name, n + 1);
	return q;
}

static void print_sections(const struct findings *f)
{
	(void)printf("\nsections\n      offset        bytes\n");
	for (size_t i = 0; i < f->module->n_sections; i++) {
		const struct wasm_section *section = &f->module->sections[i];

		(void)printf("  %10zu   %10zu  %s%s%s%s\n", section->offset, section->size,
			wasm_section_name(section->id), section->name[0] ? " " : "",
			section->name[0] ? shown(section->name).text : "",
			is_dropped(f, section) ? ", not served" : "");
	}
}

static void print_names(const char *title, const struct wasm_name *names, size_t n)
{
	(void)printf("\n%s\n", title);
	for (size_t i = 0; i < n; i++) {
		(void)printf("  %-8s  ", wasm_kind_name(names[i].kind));
		if (names[i].module[0])
			(void)printf("%s.", shown(names[i].module).text);
		(void)printf("%s\n", shown(names[i].name).text);
	}
}

static void print_findings(const struct findings *f)
{
	const struct wasm_module *m = f->module;

	(void)printf("served    %" PRIu64, f->served_bytes);
	if (m->debug_bytes > 0 && f->is_signed)
		(void)printf(", with %zu of debug sections, since it is signed", m->debug_bytes);
	else if (m->debug_bytes > 0)
		(void)printf(", without %zu of debug sections", m->debug_bytes);
	(void)putchar('\n');
	(void)printf("abi       %s\nmemory    %" PRIu64 " pages of 64 KiB", wasm_abi_name(m->abi),
		m->memory_pages_min);
	if (m->memory_pages_max > 0)
		(void)printf(", at most %" PRIu64, m->memory_pages_max);
	(void)putchar('\n');
	print_sections(f);
	print_names("imports", m->imports, m->n_imports);
	print_names("exports", m->exports, m->n_exports);
}

static void print_text(const struct subject *s)
{
	bool is_good = s->verdict.code == ERR_NONE;

	(void)printf("source    %s\nverdict   %s%s\nsha256    %s\n", shown(s->label).text,
		is_good ? "Envoy can run it" : "refused: ", is_good ? "" : s->verdict.msg,
		s->fetched.digest.hex);
	if (s->fetched.manifest_digest[0])
		(void)printf("manifest  %s\n", s->fetched.manifest_digest);
	(void)printf("bytes     %" PRIu64 "\n", s->fetched.size);
	if (is_good) {
		const struct findings findings = find(&s->module);

		print_findings(&findings);
	}
}

static int inspect(const struct inspect_config *config, const char *name)
{
	AUTO(fetch_context) struct fetch_context context = {.has_curl = false};
	AUTO(subject) struct subject subject = {.fd = -1};
	AUTO(progress) struct progress progress = {.is_terminal = false};
	struct err err;

	progress_init(&progress);
	if (fetch_context_open(&context, &config->fetch, &err) < 0)
		return options_failed(&err);
	context.options.on_progress = progress_on_bytes;
	context.options.on_progress_arg = &progress;
	if (subject_open(&subject, &context.options, name, &err) < 0) {
		progress_clear(&progress);
		return options_failed(&err);
	}
	progress_clear(&progress);
	if (config->output == OPTIONS_JSON)
		print_json(&subject);
	else
		print_text(&subject);
	return subject.verdict.code == ERR_NONE ? EXIT_GOOD : EXIT_FINDINGS;
}

int verb_inspect(int argc, char **argv)
{
	struct inspect_config config;
	int operands = 0;
	int code = EXIT_GOOD;

	if (options_parse(&inspect_usage, &config.fetch.options, argc, argv, &operands, &code))
		code = operands == 1
			       ? inspect(&config, argv[0])
			       : options_usage_error(&inspect_usage, "inspect takes one module");
	flags_clear(&inspect_usage, &config);
	return code;
}
