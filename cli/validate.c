/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "api/manifest.h"
#include "base/auto.h"
#include "base/io.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "cli/options.h"
#include "cli/verb.h"
#include "kube/directory.h"

enum output { OUTPUT_TEXT, OUTPUT_JSON };

struct validate_config {
	struct options options;
	int output; /* enum output */
};

static const char *const outputs[] = {"text", "json", NULL};

static const struct flag validate_flags[] = {
	{.name = "output",
		.letter = 'o',
		.value = "FORMAT",
		.type = FLAG_CHOICE,
		.offset = offsetof(struct validate_config, output),
		.def = "text",
		.choices = outputs,
		.help = "of the verdict"},
	OPTIONS_HELP,
};

static const struct flags validate_usage = {
	.usage = "wasmxds validate [flags] FILE|DIR|- ...",
	.about = "Checks manifests as the admission webhook does, offline, and prints everything "
		 "that is\n"
		 "wrong with them.  A DIR stands for the manifests directly in it, - for standard "
		 "input.\n"
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

static void add_problem(cJSON *entry, const char *path, unsigned line, const char *message)
{
	cJSON *p = cJSON_CreateObject();

	if (line > 0)
		cJSON_AddNumberToObject(p, "line", line);
	cJSON_AddStringToObject(p, "path", path);
	cJSON_AddStringToObject(p, "message", message);
	cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(entry, "problems"), p);
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
	cJSON_AddItemToArray(v->files, entry);
	return entry;
}

static void judge_text(struct verdict *v, const char *file, const struct buf *text)
{
	AUTO(manifest) struct manifest m = {0};
	cJSON *entry = add_file(v, file);
	struct err err;

	if (manifest_parse(&m, buf_text(text), text->len, &err) < 0) {
		add_problem(entry, "", 0, err.msg);
		v->wrong = true;
		return;
	}
	for (size_t i = 0; i < m.n; i++) {
		v->extensions += m.objects[i]->kind == OBJECT_EXTENSION;
		add_object(entry, m.objects[i]);
	}
	for (size_t i = 0; i < m.problems.n; i++)
		add_problem(entry, m.problems.items[i].path, m.problems.items[i].line,
			m.problems.items[i].message);
	v->wrong = v->wrong || m.invalid > 0;
}

static void unreadable(struct verdict *v, const struct err *err)
{
	(void)fprintf(stderr, "wasmxds: %s\n", err->msg);
	v->unreadable = true;
}

static void judge_file(struct verdict *v, const char *file)
{
	AUTO(buf) struct buf text = BUF_INIT(LIMIT_MANIFEST_BYTES);
	struct err err;
	bool is_stdin = strcmp(file, "-") == 0;

	if ((is_stdin ? io_read(STDIN_FILENO, &text, &err)
		      : io_read_file(AT_FDCWD, file, &text, &err)) < 0)
		unreadable(v, &err);
	else
		judge_text(v, file, &text);
}

static int only_manifests(const struct dirent *entry)
{
	return directory_is_manifest(entry->d_name);
}

static void judge_folder(struct verdict *v, const char *dir)
{
	struct dirent **names = NULL;
	struct err err;
	int n = scandir(dir, &names, only_manifests, alphasort);

	if (n < 0) {
		(void)err_errno(&err, ERR_TRANSIENT, "%s", dir);
		unreadable(v, &err);
		return;
	}
	for (int i = 0; i < n; i++) {
		AUTO(free) char *path = xasprintf("%s/%s", dir, names[i]->d_name);

		judge_file(v, path);
		free(names[i]);
	}
	free(names);
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
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
		const cJSON *line = cJSON_GetObjectItemCaseSensitive(item, "line");
		const char *path = json_text(item, "path");

		(void)printf("%s:", file);
		if (line)
			(void)printf("%d:", line->valueint);
		(void)printf(" %s%s%s\n", path, path[0] ? ": " : "", json_text(item, "message"));
	}
}

static void print_report(const cJSON *report, enum output output)
{
	const cJSON *entry;

	if (output == OUTPUT_JSON) {
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

	for (int i = 0; i < n; i++) {
		if (is_folder(paths[i]))
			judge_folder(&v, paths[i]);
		else
			judge_file(&v, paths[i]);
	}
	if (v.extensions == 0 && !v.wrong && !v.unreadable) {
		(void)fprintf(stderr, "wasmxds: no WasmExtension found\n");
		v.wrong = true;
	}
	cJSON_AddBoolToObject(report, "valid", !v.wrong && !v.unreadable);
	print_report(report, (enum output)config->output);
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
