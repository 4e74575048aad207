/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "api/manifest.h"
#include "base/auto.h"
#include "base/json.h"
#include "base/xalloc.h"
#include "cli/manifests.h"
#include "cli/options.h"
#include "cli/verb.h"

struct validate_config {
	struct options options;
	int output; /* enum options_output */
};

static const struct flag validate_flags[] = {
	OPTIONS_OUTPUT(offsetof(struct validate_config, output)),
	OPTIONS_HELP,
};

const struct flags validate_usage = {
	.usage = "wasmxds validate [flags] FILE|DIR|- ...",
	.about = "Checks manifests as the admission webhook does, offline, and prints everything "
		 "that is\n"
		 "wrong with them.  A DIR stands for the manifests directly in it, - for standard "
		 "input.\n"
		 "What is legal and unwise is a warning, which changes no exit code.\n"
		 "Exit code: 0 all valid, 1 something is not, 2 a file cannot be read.",
	.table = validate_flags,
	.n = sizeof(validate_flags) / sizeof(validate_flags[0]),
};

/* What came of all the files: the report that is printed, and the exit code. */
struct verdict {
	cJSON *files; /* borrowed from the report */
	size_t extensions;
	bool wrong;
	bool unreadable;
};

/* to is "problems" or "warnings". */
static void add_problem(
	cJSON *entry, const char *to, const char *path, unsigned line, const char *message)
{
	cJSON *p = cJSON_CreateObject();

	if (line > 0)
		cJSON_AddNumberToObject(p, "line", line);
	cJSON_AddStringToObject(p, "path", path);
	cJSON_AddStringToObject(p, "message", message);
	cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(entry, to), p);
}

static void add_object(cJSON *entry, const struct object *object)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "kind", object_kind_name(object->kind));
	cJSON_AddStringToObject(o, "namespace", object->namespace);
	cJSON_AddStringToObject(o, "name", object->name);
	cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(entry, "objects"), o);
}

static cJSON *add_file(struct verdict *v, const char *file)
{
	cJSON *entry = cJSON_CreateObject();

	cJSON_AddStringToObject(entry, "file", file);
	cJSON_AddArrayToObject(entry, "objects");
	cJSON_AddArrayToObject(entry, "problems");
	cJSON_AddArrayToObject(entry, "warnings");
	cJSON_AddItemToArray(v->files, entry);
	return entry;
}

/* Their paths begin with the object, as those of problems do. */
static void add_warnings(cJSON *entry, const struct object *object)
{
	AUTO(problems) struct problems warnings = {.items = NULL};

	if (object->kind != OBJECT_EXTENSION)
		return;
	extension_warnings(object->extension, &warnings);
	for (size_t i = 0; i < warnings.n; i++) {
		AUTO(free)
		char *path = xasprintf("%s %s/%s: %s", object_kind_name(object->kind),
			object->namespace, object->name, warnings.items[i].path);

		add_problem(entry, "warnings", path, object->line, warnings.items[i].message);
	}
}

static void judge(void *arg, const char *file, const struct buf *text)
{
	struct verdict *v = arg;
	AUTO(manifest) struct manifest m = {0};
	cJSON *entry = add_file(v, file);
	struct err err;

	if (manifest_parse(&m, buf_text(text), text->len, &err) < 0) {
		add_problem(entry, "problems", "", 0, err.msg);
		v->wrong = true;
		return;
	}
	for (size_t i = 0; i < m.n; i++) {
		v->extensions += m.objects[i]->kind == OBJECT_EXTENSION;
		add_object(entry, m.objects[i]);
		add_warnings(entry, m.objects[i]);
	}
	for (size_t i = 0; i < m.problems.n; i++)
		add_problem(entry, "problems", m.problems.items[i].path, m.problems.items[i].line,
			m.problems.items[i].message);
	v->wrong = v->wrong || m.invalid > 0;
}

/* Prints "file:line: path: message". */
static void print_problem(FILE *to, const char *file, const cJSON *item)
{
	const cJSON *line = cJSON_GetObjectItemCaseSensitive(item, "line");
	const char *path = json_text(item, "path");

	(void)fprintf(to, "%s:", file);
	if (line)
		(void)fprintf(to, "%d:", line->valueint);
	(void)fprintf(to, " %s%s%s\n", path, path[0] ? ": " : "", json_text(item, "message"));
}

static void print_file(const cJSON *entry)
{
	const char *file = json_text(entry, "file");
	const cJSON *item;

	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(entry, "objects"))
	{
		(void)printf("%s: %s %s/%s: valid\n", file, json_text(item, "kind"),
			json_text(item, "namespace"), json_text(item, "name"));
	}
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(entry, "problems"))
	{
		print_problem(stdout, file, item);
	}
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(entry, "warnings"))
	{
		(void)fputs("warning: ", stderr);
		print_problem(stderr, file, item);
	}
}

static void print_report(const cJSON *report, enum options_output output)
{
	const cJSON *entry;

	if (output == OPTIONS_JSON) {
		AUTO(free) char *text = cJSON_Print(report);

		(void)puts(text);
		return;
	}
	cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(report, "files"))
	{
		print_file(entry);
	}
}

static int validate(const struct validate_config *config, char **paths, int n)
{
	AUTO(cjson) cJSON *report = cJSON_CreateObject();
	struct verdict v = {.files = cJSON_AddArrayToObject(report, "files")};

	v.unreadable = !manifests_visit(paths, n, judge, &v);
	if (v.extensions == 0 && !v.wrong && !v.unreadable) {
		(void)fprintf(stderr, "wasmxds: no WasmExtension found\n");
		v.wrong = true;
	}
	cJSON_AddBoolToObject(report, "valid", !v.wrong && !v.unreadable);
	print_report(report, (enum options_output)config->output);
	if (v.unreadable)
		return EXIT_USAGE;
	return v.wrong ? EXIT_FINDINGS : EXIT_GOOD;
}

int verb_validate(int argc, char **argv)
{
	struct validate_config config;
	int operands = 0;
	int code = EXIT_GOOD;

	if (options_parse(&validate_usage, &config.options, argc, argv, &operands, &code))
		code = operands > 0 ? validate(&config, argv, operands)
				    : options_usage_error(&validate_usage,
					      "validate takes files, folders or -");
	flags_clear(&validate_usage, &config);
	return code;
}
