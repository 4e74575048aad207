/* SPDX-License-Identifier: Apache-2.0 */
#include "base/auto.h"
#include "base/log.h"
#include "cli/options.h"
#include "cli/seal_key.h"
#include "cli/serve.h"
#include "cli/signals.h"
#include "cli/verb.h"
#include "store/store.h"

struct xds_config {
	struct options options;
	struct serve_flags serve;
	char *store;
	char *seal_key;
	bool wait_for_store;
};

#define AT(field) offsetof(struct xds_config, field)

static const struct flag xds_flags[] = {
	{.name = "store",
		.value = "DIR",
		.type = FLAG_TEXT,
		.offset = AT(store),
		.help = "the store to serve; it is only read"},
	{.name = "wait-for-store",
		.type = FLAG_BOOL,
		.offset = AT(wait_for_store),
		.help = "where it is not there yet, wait for who makes it"},
	SEAL_KEY_OPTION(AT(seal_key), "STORE-seal.key, if it is there"),
	SERVE_OPTIONS(AT(serve)),
	OPTIONS_LOG_LEVEL,
	OPTIONS_LOG_FORMAT,
	OPTIONS_HELP,
};

const struct flags xds_usage = {
	.usage = "wasmxds xds --store=DIR [flags]",
	.about = "Serves a store to Envoy, while another process (`wasmxds run`, the controller) "
		 "fills\n"
		 "it or after one did (`wasmxds fetch`).  Needs no Kubernetes and no outbound "
		 "network.",
	.table = xds_flags,
	.n = sizeof(xds_flags) / sizeof(xds_flags[0]),
};

static bool store_is_absent(const char *dir)
{
	AUTO(store) struct store *store = NULL;
	struct err err;

	return store_open(&store, dir, STORE_READ, &err) < 0 && err.code == ERR_NOT_FOUND;
}

/* Returns whether there may be a store; false: a signal came first. */
static bool await_store(const char *dir, const struct serving *serving)
{
	AUTO(free) char *admin = serving->admin ? admin_address(serving->admin) : NULL;

	if (store_is_absent(dir))
		log_info("waiting for the store", LOG_STR("store", dir), LOG_STR("admin", admin));
	while (store_is_absent(dir)) {
		if (signals_wait_second())
			return false;
	}
	return true;
}

static int cannot_serve(const struct err *err)
{
	log_error("cannot serve", LOG_ERR(err));
	return EXIT_FINDINGS;
}

static int serve(const struct xds_config *config)
{
	AUTO(serving) struct serving serving = {0};
	AUTO(free) char *seal_key = NULL;
	struct err err;

	signals_block();
	if (serving_open(&serving, &config->serve, config->store, &err) < 0)
		return cannot_serve(&err);
	if (config->wait_for_store && !await_store(config->store, &serving))
		return EXIT_GOOD;
	seal_key = seal_key_find(config->seal_key, config->store);
	if (serving_start(&serving, &config->serve, config->store, seal_key, &err) < 0)
		return cannot_serve(&err);
	signals_wait();
	serving_stop(&serving);
	log_info("stopped");
	return EXIT_GOOD;
}

int verb_xds(int argc, char **argv)
{
	struct xds_config config;
	int operands = 0;
	int code = EXIT_GOOD;

	if (options_parse(&xds_usage, &config.options, argc, argv, &operands, &code))
		code = operands == 0 && config.store ? serve(&config)
						     : options_usage_error(&xds_usage,
							       "xds takes --store and no operands");
	flags_clear(&xds_usage, &config);
	return code;
}
