/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cli/options.h"
#include "cli/verb.h"
#include "controller/controller.h"
#include "fetch/fetch.h"
#include "xds/server.h"

struct run_config {
	struct options options;
	char *listen;
	char *store;
	char *module_root;
	char *ca_file;
	int64_t max_module_bytes;
	int64_t connect_timeout_ms;
	int64_t idle_timeout_ms;
	int64_t total_timeout_ms;
	int64_t workers;
};

#define AT(field) offsetof(struct run_config, field)

static const struct flag run_flags[] = {
	{.name = "listen",
		.value = "ADDR:PORT",
		.type = FLAG_TEXT,
		.offset = AT(listen),
		.def = "127.0.0.1:8610",
		.help = "where Envoy subscribes; port 0 takes any free one"},
	{.name = "store",
		.value = "DIR",
		.type = FLAG_TEXT,
		.offset = AT(store),
		.help = "where verified modules are kept (default: .wasmxds in the manifests' "
			"DIR)"},
	{.name = "module-root",
		.value = "DIR",
		.type = FLAG_TEXT,
		.offset = AT(module_root),
		.help = "local_fs modules are read below it only (default: the manifests' DIR)"},
	{.name = "max-module-size",
		.value = "SIZE",
		.type = FLAG_SIZE,
		.offset = AT(max_module_bytes),
		.def = "256Mi",
		.min = 1024,
		.max = LIMIT_MODULE_BYTES,
		.help = "a larger module is refused"},
	{.name = "fetch-workers",
		.value = "N",
		.type = FLAG_INT,
		.offset = AT(workers),
		.def = "4",
		.min = 1,
		.max = LIMIT_FETCH_WORKERS,
		.help = "fetches at a time"},
	{.name = "fetch-connect-timeout",
		.value = "TIME",
		.type = FLAG_DURATION,
		.offset = AT(connect_timeout_ms),
		.def = "10s",
		.min = 1,
		.max = 600000,
		.help = "for a connection to a module's source"},
	{.name = "fetch-idle-timeout",
		.value = "TIME",
		.type = FLAG_DURATION,
		.offset = AT(idle_timeout_ms),
		.def = "30s",
		.min = 1,
		.max = 600000,
		.help = "with no byte from it"},
	{.name = "fetch-timeout",
		.value = "TIME",
		.type = FLAG_DURATION,
		.offset = AT(total_timeout_ms),
		.def = "10m",
		.min = 1,
		.max = 86400000,
		.help = "for one try in all"},
	{.name = "ca-file",
		.value = "FILE",
		.type = FLAG_TEXT,
		.offset = AT(ca_file),
		.help = "PEM of the authorities that https sources are checked against "
			"(default: the system's)"},
	OPTIONS_LOG_LEVEL,
	OPTIONS_LOG_FORMAT,
	OPTIONS_HELP,
};

static const struct flags run_usage = {
	.usage = "wasmxds run [flags] DIR",
	.about = "Serves the WasmExtensions in DIR (*.yaml, *.yml, *.json) to Envoy, with no "
		 "Kubernetes:\n"
		 "follows every change of DIR, fetches and verifies modules, keeps them in the "
		 "store and\n"
		 "serves them by ECDS.  Secrets and ConfigMaps that valueFrom names are read from "
		 "DIR too.",
	.table = run_flags,
	.n = sizeof(run_flags) / sizeof(run_flags[0]),
};

static void block_signals(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGINT);
	(void)sigaddset(set, SIGTERM);
	(void)pthread_sigmask(SIG_BLOCK, set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

static int fail(const char *what, const struct err *err)
{
	log_error(what, LOG_ERR(err));
	return EXIT_FINDINGS;
}

/* Starts the parts, waits for a signal, and stops them in reverse. */
static int serve(const struct controller_options *controller_options,
	const struct xds_options *xds_options, const sigset_t *signals)
{
	struct controller *controller;
	struct xds_server *server;
	AUTO(free) char *address = NULL;
	struct err err;
	int signal_number = 0;

	controller = controller_start(controller_options, &err);
	if (!controller)
		return fail("cannot start", &err);
	server = xds_server_start(xds_options, &err);
	if (!server) {
		controller_stop(controller);
		return fail("cannot serve", &err);
	}
	address = xds_server_address(server);
	log_info("serving", LOG_STR("listen", address),
		LOG_STR("manifests", controller_options->manifest_dir),
		LOG_STR("store", xds_options->store_dir));
	(void)sigwait(signals, &signal_number);
	log_info("stopping", LOG_INT("signal", signal_number));
	xds_server_stop(server);
	controller_stop(controller);
	log_info("stopped");
	return EXIT_GOOD;
}

static int run(const struct run_config *config, const char *dir)
{
	AUTO(free)
	char *store = config->store ? xstrdup(config->store) : xasprintf("%s/.wasmxds", dir);
	struct controller_options controller_options = {
		.manifest_dir = dir,
		.store_dir = store,
		.workers = (int)config->workers,
		.fetch = {.local_root = config->module_root ? config->module_root : dir,
			.max_bytes = (uint64_t)config->max_module_bytes,
			.connect_timeout_ms = config->connect_timeout_ms,
			.idle_timeout_ms = config->idle_timeout_ms,
			.total_timeout_ms = config->total_timeout_ms,
			.ca_file = config->ca_file},
	};
	struct xds_options xds_options = {
		.listen = config->listen, .store_dir = store, .poll_ms = 1000};
	struct err err;
	sigset_t signals;
	int code;

	block_signals(&signals);
	if (fetch_setup(&err) < 0)
		return fail("cannot start", &err);
	code = serve(&controller_options, &xds_options, &signals);
	fetch_teardown();
	return code;
}

int verb_run(int argc, char **argv)
{
	struct run_config config;
	int operands = 0;
	int code = EXIT_GOOD;

	if (options_parse(&run_usage, &config.options, argc, argv, &operands, &code))
		code = operands == 1 ? run(&config, argv[0])
				     : options_usage_error(
					       &run_usage, "run takes one folder of manifests");
	flags_clear(&run_usage, &config);
	return code;
}
