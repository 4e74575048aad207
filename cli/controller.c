/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/controller.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cli/keep_options.h"
#include "cli/options.h"
#include "cli/seal_key.h"
#include "cli/signals.h"
#include "cli/verb.h"
#include "controller/pages.h"
#include "kube/credentials.h"

struct controller_config {
	struct keep_flags keep;
	char *kubeconfig;
	struct flag_list namespaces;
	char *lease_name;
	char *lease_namespace;
	char *lease_identity;
	char *admin_listen;
	struct flag_list xds_admins;
	int64_t survey_ms;
};

#define AT(field) offsetof(struct controller_config, field)

static const struct flag controller_flags[] = {
	{.name = "kubeconfig",
		.value = "FILE",
		.type = FLAG_TEXT,
		.offset = AT(kubeconfig),
		.help = "how the API server is reached (default: the pod's service account, else "
			"kubectl's own)"},
	{.name = "namespace",
		.value = "NAME",
		.type = FLAG_LIST,
		.offset = AT(namespaces),
		.help = "whose WasmExtensions (default: all)"},
	{.name = "store",
		.value = "DIR",
		.type = FLAG_TEXT,
		.offset = AT(keep.store),
		.help = "the store to fill; it is made where it is absent"},
	SEAL_KEY_OPTION(AT(keep.seal_key), "none: extensions with a Secret are refused"),
	{.name = "lease-name",
		.value = "NAME",
		.type = FLAG_TEXT,
		.offset = AT(lease_name),
		.def = "wasmxds-controller",
		.help = "the Lease by which one of several controllers leads"},
	{.name = "lease-namespace",
		.value = "NAME",
		.type = FLAG_TEXT,
		.offset = AT(lease_namespace),
		.help = "where it is (default: the credentials')"},
	{.name = "lease-identity",
		.value = "TEXT",
		.type = FLAG_TEXT,
		.offset = AT(lease_identity),
		.help = "what this process calls itself in it (default: the host's name and a "
			"random number)"},
	{.name = "admin-listen",
		.value = "ADDR:PORT",
		.type = FLAG_TEXT,
		.offset = AT(admin_listen),
		.def = "127.0.0.1:8612",
		.help = "health and metrics; empty: none"},
	{.name = "xds-admin",
		.value = "HOST:PORT",
		.type = FLAG_LIST,
		.offset = AT(xds_admins),
		.help = "admin ports of xds, whose proxies are counted in the status; each address "
			"of a host is asked"},
	{.name = "survey-interval",
		.value = "TIME",
		.type = FLAG_DURATION,
		.offset = AT(survey_ms),
		.def = "10s",
		.min = 100,
		.max = 3600000,
		.help = "they are asked about so often"},
	{.name = "module-root",
		.value = "DIR",
		.type = FLAG_TEXT,
		.offset = AT(keep.module_root),
		.help = "local_fs modules are read below it only (default: there are none)"},
	OPTIONS_LOG_LEVEL,
	OPTIONS_LOG_FORMAT,
	OPTIONS_HELP,
};

const struct flags controller_usage = {
	.usage = "wasmxds controller --store=DIR [flags]",
	.about = "Keeps a store as the WasmExtensions of an API server ask, and says in their "
		 "status what\n"
		 "became of them; `wasmxds xds` serves it.  Of several with the same Lease one "
		 "works, the\n"
		 "others stand by.  Ends with 1 where it loses the Lease: to be started again.",
	.table = controller_flags,
	.n = sizeof(controller_flags) / sizeof(controller_flags[0]),
	.shared = &keep_flags,
};

static int fail(const char *what, const struct err *err)
{
	log_error(what, LOG_ERR(err));
	return EXIT_FINDINGS;
}

/* Who is told by a signal to end looks at nothing else. */
static void on_end(void)
{
	(void)kill(getpid(), SIGTERM);
}

static int start_pages(
	struct pages **out, const char *listen, const struct controller *c, struct err *err)
{
	AUTO(free) char *address = NULL;

	*out = NULL;
	if (!listen || !listen[0])
		return 0;
	*out = pages_start(listen, controller_metrics(c), err);
	if (!*out)
		return err_wrap(err, "--admin-listen");
	address = pages_address(*out);
	log_info("started", LOG_STR("admin", address));
	return 0;
}

static int work(const struct controller_options *options, const char *admin_listen)
{
	struct controller *controller = NULL;
	struct pages *pages = NULL;
	bool good = false;
	struct err err;

	controller = controller_start(options, &err);
	if (!controller)
		return fail("cannot start", &err);
	if (start_pages(&pages, admin_listen, controller, &err) < 0) {
		(void)controller_stop(controller);
		return fail("cannot start", &err);
	}
	signals_wait();
	pages_stop(pages);
	good = controller_stop(controller);
	log_info("stopped");
	return good ? EXIT_GOOD : EXIT_FINDINGS;
}

static int run(const struct controller_config *config)
{
	AUTO(fetch_context) struct fetch_context fetch = {.has_curl = false};
	AUTO(credentials) struct credentials access = {.server = NULL};
	AUTO(free) char *namespace = NULL;
	struct office_options office = {.access = &access,
		.lease = {.name = config->lease_name, .identity = config->lease_identity},
		.namespaces = (const char *const *)config->namespaces.items,
		.n_namespaces = config->namespaces.n,
		.survey = {.admins = config->xds_admins.items,
			.n = config->xds_admins.n,
			.interval_ms = config->survey_ms}};
	struct controller_options options = {.office = &office,
		.store_dir = config->keep.store,
		.seal_key = config->keep.seal_key,
		.on_end = on_end};
	struct err err;

	signals_block();
	if (fetch_context_open(&fetch, &config->keep.fetch, &err) < 0 ||
		credentials_find(&access, config->kubeconfig, &err) < 0)
		return fail("cannot start", &err);
	namespace = xstrdup(config->lease_namespace ? config->lease_namespace
			    : access.namespace      ? access.namespace
						    : "default");
	office.lease.namespace = namespace;
	keep_options_fill(&options, &config->keep, &fetch, config->keep.module_root);
	return work(&options, config->admin_listen);
}

int verb_controller(int argc, char **argv)
{
	struct controller_config config;
	int operands = 0;
	int code = EXIT_GOOD;

	if (options_parse(
		    &controller_usage, &config.keep.fetch.options, argc, argv, &operands, &code))
		code = operands == 0 && config.keep.store
			       ? run(&config)
			       : options_usage_error(&controller_usage,
					 "controller takes --store and no operands");
	flags_clear(&controller_usage, &config);
	return code;
}
