/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "api/manifest.h"
#include "base/auto.h"
#include "base/io.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/quote.h"
#include "base/xalloc.h"
#include "cli/fetch_options.h"
#include "cli/manifests.h"
#include "cli/progress.h"
#include "cli/seal_key.h"
#include "cli/verb.h"
#include "controller/reconcile.h"
#include "controller/targets.h"
#include "kube/keys.h"

#define LOOK_MS 200 /* how often the progress line is thought about */

struct fetch_config {
	struct fetch_flags fetch;
	char *store;
	char *seal_key;
	char *module_root;
	int64_t workers;
	int64_t host_connections;
	int output; /* enum options_output */
};

#define AT(field) offsetof(struct fetch_config, field)

static const struct flag fetch_verb_flags[] = {
	{.name = "store",
		.value = "DIR",
		.type = FLAG_TEXT,
		.offset = AT(store),
		.help = "what is filled; it is made where it is absent"},
	SEAL_KEY_OPTION(AT(seal_key), "STORE-seal.key, made where it is absent"),
	{.name = "module-root",
		.value = "DIR",
		.type = FLAG_TEXT,
		.offset = AT(module_root),
		.help = "local_fs modules are read below it only (default: the folder of the first "
			"manifest)"},
	FETCH_OPTIONS_WORKERS(AT(workers)),
	FETCH_OPTIONS_HOST_CONNECTIONS(AT(host_connections)),
	OPTIONS_OUTPUT(AT(output)),
	{.name = "log-level",
		.value = "LEVEL",
		.type = FLAG_CHOICE,
		.offset = offsetof(struct options, log_level),
		.def = "error",
		.choices = options_log_levels,
		.help = "what is logged: this and worse"},
	OPTIONS_LOG_FORMAT,
	OPTIONS_HELP,
};

const struct flags fetch_usage = {
	.usage = "wasmxds fetch --store DIR [flags] FILE|DIR|- ...",
	.about = "Fills a store with all that manifests ask for, and ends: `wasmxds run --store "
		 "DIR` then\n"
		 "serves it with no network, here or where DIR was carried to.  Nothing is removed "
		 "from it.\n"
		 "Exit code: 0 all of it is there, 1 something is not, 2 a file cannot be read.",
	.table = fetch_verb_flags,
	.n = sizeof(fetch_verb_flags) / sizeof(fetch_verb_flags[0]),
	.shared = &fetch_flags,
};

/* A run of the verb. */
struct filling {
	struct targets targets;
	struct progress progress;
	atomic_uint_fast64_t bytes; /* that came over the network */
	atomic_bool stop;
	bool wrong; /* some manifest */
	bool unreadable;
};

/* Counts, in each worker by itself, how much further its body is than at the last call. */
static void on_bytes(void *arg, uint64_t done, uint64_t total)
{
	static _Thread_local uint64_t last;
	struct filling *f = arg;

	(void)total;
	atomic_fetch_add(&f->bytes, done < last ? done : done - last);
	last = done;
}

static void print_problems(struct filling *f, const char *file, const struct problems *problems)
{
	for (size_t i = 0; i < problems->n; i++) {
		const struct problem *p = &problems->items[i];

		(void)fprintf(
			stderr, "wasmxds: %s:%u: %s: %s\n", file, p->line, p->path, p->message);
	}
	f->wrong = f->wrong || problems->n > 0;
}

/* One that another file has too would be taken from whichever came last. */
static void take_extension(struct filling *f, const char *file, struct extension *ext)
{
	AUTO(free) char *name = extension_resource_name(ext);

	if (map_get(&f->targets.by_name, name)) {
		(void)fprintf(stderr, "wasmxds: %s: WasmExtension %s: another file has it too\n",
			file, name);
		f->wrong = true;
	}
	(void)targets_apply(&f->targets, ext);
}

/* Hands the objects of one file to the targets. */
static void take(void *arg, const char *file, const struct buf *text)
{
	AUTO(manifest) struct manifest m = {0};
	struct filling *f = arg;
	struct err err;

	if (manifest_parse(&m, buf_text(text), text->len, &err) < 0) {
		(void)fprintf(stderr, "wasmxds: %s: %s\n", file, err.msg);
		f->wrong = true;
		return;
	}
	print_problems(f, file, &m.problems);
	for (size_t i = 0; i < m.n; i++) {
		struct object *o = m.objects[i];
		AUTO(free) char *key = object_key(o->kind, o->namespace, o->name);

		if (o->kind == OBJECT_EXTENSION)
			take_extension(f, file, STEAL(o->extension));
		else
			targets_put_object(&f->targets, key, STEAL(m.objects[i]));
	}
}

static bool is_there(const struct target *t)
{
	return t->status.reason == STATUS_PROGRAMMED;
}

static void draw(struct filling *f)
{
	const struct target *t;
	const char *name;
	size_t at = 0;
	size_t done = 0;

	if (!progress_is_due(&f->progress))
		return;
	while ((t = map_next(&f->targets.by_name, &at, &name)))
		done += !t->fetching;
	progress_draw(&f->progress, "%zu of %zu extensions, %s", done, f->targets.by_name.n,
		progress_size(atomic_load(&f->bytes)).text);
}

/* Each is tried once here; fetch/exchange.h has tried again by then what deserves it. */
static bool is_under_way(const struct target *t)
{
	return t->attempts == 0 && (t->fetching || t->status.reason == STATUS_FETCHING ||
					   t->status.reason == STATUS_UNKNOWN);
}

static bool is_any_under_way(const struct filling *f)
{
	const struct target *t;
	const char *name;
	size_t at = 0;

	while ((t = map_next(&f->targets.by_name, &at, &name))) {
		if (is_under_way(t))
			return true;
	}
	return false;
}

static void fill(struct filling *f)
{
	struct pollfd done = {.fd = inbox_fd(f->targets.done), .events = POLLIN};

	targets_advance(&f->targets);
	while (is_any_under_way(f)) {
		int64_t pause = due_at(&f->targets.due) - io_monotonic_ms();

		draw(f);
		(void)poll(&done, 1, pause < 0 ? 0 : (int)io_earlier(pause, LOOK_MS));
		targets_collect(&f->targets);
		targets_advance(&f->targets);
	}
	progress_clear(&f->progress);
}

static void print_text(const char *name, const struct target *t)
{
	if (is_there(t))
		(void)printf("%s: sha256 %s, %" PRIu64 " bytes, %" PRIu64 " served\n", name,
			t->recorded.module.hex, t->recorded_bytes, t->served_bytes);
	else
		(void)printf("%s: %s: %s\n", name, status_reason_name(t->status.reason),
			status_message(&t->status));
}

static void add_entry(cJSON *list, const char *name, const struct target *t)
{
	cJSON *entry = cJSON_CreateObject();

	(void)cJSON_AddStringToObject(entry, "name", name);
	(void)cJSON_AddStringToObject(entry, "reason", status_reason_name(t->status.reason));
	if (!is_there(t))
		(void)cJSON_AddStringToObject(entry, "message", status_message(&t->status));
	if (is_there(t)) {
		(void)cJSON_AddStringToObject(entry, "version", t->served_version);
		(void)cJSON_AddStringToObject(entry, "sha256", t->recorded.module.hex);
		(void)cJSON_AddNumberToObject(entry, "bytes", (double)t->recorded_bytes);
		(void)cJSON_AddNumberToObject(entry, "servedBytes", (double)t->served_bytes);
	}
	(void)cJSON_AddItemToArray(list, entry);
}

/* Prints what came of each, and returns whether all are there. */
static bool print_report(const struct filling *f, enum options_output output)
{
	AUTO(cjson) cJSON *report = cJSON_CreateObject();
	AUTO(free) const char **names = keys_sorted(&f->targets.by_name);
	cJSON *list = cJSON_AddArrayToObject(report, "extensions");
	bool complete = true;

	for (size_t i = 0; i < f->targets.by_name.n; i++) {
		const struct target *t = map_get(&f->targets.by_name, names[i]);

		complete = complete && is_there(t);
		if (output == OPTIONS_JSON)
			add_entry(list, names[i], t);
		else
			print_text(names[i], t);
	}
	(void)cJSON_AddBoolToObject(report, "complete", complete && !f->wrong && !f->unreadable);
	if (output == OPTIONS_JSON) {
		AUTO(free) char *text = cJSON_Print(report);

		(void)puts(text);
	}
	return complete;
}

static int fill_and_report(
	struct filling *f, const struct fetch_config *config, char **paths, int n)
{
	f->unreadable = !manifests_visit(paths, n, take, f);
	if (f->targets.by_name.n == 0 && !f->wrong && !f->unreadable) {
		(void)fprintf(stderr, "wasmxds: no WasmExtension found\n");
		f->wrong = true;
	}
	progress_init(&f->progress);
	fill(f);
	bool complete = print_report(f, (enum options_output)config->output);
	if (f->unreadable)
		return EXIT_USAGE;
	return complete && !f->wrong ? EXIT_GOOD : EXIT_FINDINGS;
}

/* Returns the folder that a manifest lies in; the caller frees it. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (manifests_is_folder(path))
		return xstrdup(path);
	if (!slash)
		return xstrdup(".");
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

static int fetch(const struct fetch_config *config, char **paths, int n)
{
	AUTO(fetch_context) struct fetch_context context = {.has_curl = false};
	AUTO(free)
	char *root = config->module_root ? xstrdup(config->module_root) : folder_of(paths[0]);
	AUTO(free) char *seal_key = seal_key_place(config->seal_key, config->store);
	const struct upkeep_options upkeep = {.store_max_bytes = 0};
	struct filling f = {.wrong = false};
	struct err err;
	int code = EXIT_FINDINGS;

	if (fetch_context_open(&context, &config->fetch, &err) < 0)
		return options_failed(&err);
	context.options.local_root = root;
	context.options.host_connections = (int)config->host_connections;
	context.options.on_progress = on_bytes;
	context.options.on_progress_arg = &f;
	context.options.stop = &f.stop;
	if (targets_init(&f.targets, config->store, &upkeep, &context.options, (int)config->workers,
		    &err) < 0 ||
		targets_use_keys(&f.targets, seal_key, !config->seal_key, &err) < 0)
		(void)fprintf(stderr, "wasmxds: %s\n", err.msg);
	else
		code = fill_and_report(&f, config, paths, n);
	atomic_store(&f.stop, true);
	targets_clear(&f.targets);
	return code;
}

int verb_fetch(int argc, char **argv)
{
	struct fetch_config config;
	int operands = 0;
	int code = EXIT_GOOD;

	if (options_parse(&fetch_usage, &config.fetch.options, argc, argv, &operands, &code))
		code = operands > 0 && config.store
			       ? fetch(&config, argv, operands)
			       : options_usage_error(&fetch_usage,
					 "fetch takes --store=DIR, and files, folders or -");
	flags_clear(&fetch_usage, &config);
	return code;
}
