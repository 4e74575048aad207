/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cli/keep_options.h"
#include "cli/options.h"
#include "cli/seal_key.h"
#include "cli/serve.h"
#include "cli/signals.h"
#include "cli/verb.h"

struct run_config {
	struct keep_flags keep;
	struct serve_flags serve;
};

#define AT(field) offsetof(struct run_config, field)

static const struct flag run_flags[] = {
	SERVE_OPTIONS(AT(serve)),
	{.name = "store",
		.value = "DIR",
		.type = FLAG_TEXT,
		.offset = AT(keep.store),
		.help = "where verified modules are kept (default: .wasmxds in the manifests' "
			"DIR)"},
	SEAL_KEY_OPTION(AT(keep.seal_key), "STORE-seal.key, made where it is absent"),
	{.name = "module-root",
		.value = "DIR",
		.type = FLAG_TEXT,
		.offset = AT(keep.module_root),
		.help = "local_fs modules are read below it only (default: the manifests' DIR)"},
	OPTIONS_LOG_LEVEL,
	OPTIONS_LOG_FORMAT,
	OPTIONS_HELP,
};

const struct flags run_usage = {
	.usage = "wasmxds run [flags] DIR",
	.about = "Serves the WasmExtensions in DIR (*.yaml, *.yml, *.json) to Envoy, with no "
		 "Kubernetes:\n"
		 "follows every change of DIR, fetches and verifies modules, keeps them in the "
		 "store and\n"
		 "serves them by ECDS.  Secrets and ConfigMaps that valueFrom names are read from "
		 "DIR too.",
	.table = run_flags,
	.n = sizeof(run_flags) / sizeof(run_flags[0]),
	.shared = &keep_flags,
};

static int fail(const char *what, const struct err *err)
{
	log_error(what, LOG_ERR(err));
	return EXIT_FINDINGS;
}

/* Starts the parts, waits for a signal, and stops them in reverse. */
static int serve(const struct controller_options *options, const struct serve_flags *flags)
{
	struct controller *controller;
	struct serving serving;
	struct err err;

	controller = controller_start(options, &err);
	if (!controller)
		return fail("cannot start", &err);
	const char *seal_key = access(options->seal_key, F_OK) == 0 ? options->seal_key : NULL;

	if (serving_open(&serving, flags, options->store_dir, &err) < 0 ||
		serving_start(&serving, flags, options->store_dir, seal_key, &err) < 0) {
		serving_stop(&serving);
		(void)controller_stop(controller);
		return fail("cannot serve", &err);
	}
	signals_wait();
	serving_stop(&serving);
	(void)controller_stop(controller);
	log_info("stopped");
	return EXIT_GOOD;
}

static int run(const struct run_config *config, const char *dir)
{
	const struct keep_flags *keep = &config->keep;
	struct serve_flags serve_flags = config->serve; /* borrowed */
	AUTO(free) char *store = keep->store ? xstrdup(keep->store) : xasprintf("%s/.wasmxds", dir);
	AUTO(free) char *seal_key = seal_key_place(keep->seal_key, store);
	struct controller_options controller_options = {
		.manifest_dir = dir,
		.store_dir = store,
		.seal_key = seal_key,
		.make_seal_key = !keep->seal_key,
	};
	struct err err;
	AUTO(fetch_context) struct fetch_context fetch = {.has_curl = false};

	signals_block();
	if (fetch_context_open(&fetch, &keep->fetch, &err) < 0)
		return fail("cannot start", &err);
	keep_options_fill(
		&controller_options, keep, &fetch, keep->module_root ? keep->module_root : dir);
	if (!serve_flags.state_dir)
		serve_flags.state_dir = store;
	return serve(&controller_options, &serve_flags);
}

int verb_run(int argc, char **argv)
{
	struct run_config config;
	int operands = 0;
	int code = EXIT_GOOD;

	if (options_parse(&run_usage, &config.keep.fetch.options, argc, argv, &operands, &code))
		code = operands == 1 ? run(&config, argv[0])
				     : options_usage_error(
					       &run_usage, "run takes one folder of manifests");
	flags_clear(&run_usage, &config);
	return code;
}
