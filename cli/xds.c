/* SPDX-License-Identifier: Apache-2.0 */
#include "base/auto.h"
#include "base/log.h"
#include "cli/options.h"
#include "cli/seal_key.h"
#include "cli/serve.h"
#include "cli/signals.h"
#include "cli/verb.h"

struct xds_config {
	struct options options;
	struct serve_flags serve;
	char *store;
	char *seal_key;
};

#define AT(field) offsetof(struct xds_config, field)

static const struct flag xds_flags[] = {
	{.name = "store",
		.value = "DIR",
		.type = FLAG_TEXT,
		.offset = AT(store),
		.help = "the store to serve; it is only read"},
	SEAL_KEY_OPTION(AT(seal_key), "STORE-seal.key, if it is there"),
	SERVE_OPTIONS(AT(serve)),
	OPTIONS_LOG_LEVEL,
	OPTIONS_LOG_FORMAT,
	OPTIONS_HELP,
};

static const struct flags xds_usage = {
	.usage = "wasmxds xds --store=DIR [flags]",
	.about = "Serves a store to Envoy, while another process (`wasmxds run`, the controller) "
		 "fills\n"
		 "it or after one did (`wasmxds fetch`).  Needs no Kubernetes and no outbound "
		 "network.",
	.table = xds_flags,
	.n = sizeof(xds_flags) / sizeof(xds_flags[0]),
};

static int serve(const struct xds_config *config)
{
	AUTO(free) char *seal_key = seal_key_find(config->seal_key, config->store);
	struct serving serving;
	struct err err;

	signals_block();
	if (serving_start(&serving, &config->serve, config->store, seal_key, &err) < 0) {
		log_error("cannot serve", LOG_ERR(&err));
		return EXIT_FINDINGS;
	}
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
