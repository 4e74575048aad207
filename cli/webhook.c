/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cli/certification.h"
#include "cli/fetch_options.h"
#include "cli/options.h"
#include "cli/signals.h"
#include "cli/verb.h"
#include "webhook/webhook.h"

#define CLERKS 4           /* threads that ask the API server about users */
#define ACCESS_BUDGET 1500 /* ms, for all of it; the API server waits 5 s for both budgets */
#define RESOLVE_TRIES 2

struct webhook_config {
	struct fetch_flags fetch;
	char *listen;
	char *admin_listen;
	struct certification_flags certificate;
	char *kubeconfig;
	char *module_root;
	bool pin;
	bool check_access;
	int64_t resolve_timeout_ms;
	int64_t resolve_workers;
	int64_t resolve_max_bytes;
	int64_t inspect_max_bytes;
	int64_t cache_ms;
	int64_t cache_failure_ms;
	int64_t max_connections;
	int64_t max_per_address;
};

#define AT(field) offsetof(struct webhook_config, field)

static const struct flag webhook_flags[] = {
	{.name = "listen",
		.value = "ADDR:PORT",
		.type = FLAG_TEXT,
		.offset = AT(listen),
		.def = "[::]:8443",
		.help = "where API servers ask, by TLS; port 0 takes any free one"},
	{.name = "admin-listen",
		.value = "ADDR:PORT",
		.type = FLAG_TEXT,
		.offset = AT(admin_listen),
		.def = "127.0.0.1:8621",
		.help = "health and metrics; empty: none"},
	{.name = "tls-cert",
		.value = "FILE",
		.type = FLAG_TEXT,
		.offset = AT(certificate.tls_cert),
		.help = "PEM chain, with --tls-key; both are read again when they change"},
	{.name = "tls-key",
		.value = "FILE",
		.type = FLAG_TEXT,
		.offset = AT(certificate.tls_key),
		.help = "its private key"},
	{.name = "cert-secret",
		.value = "NAME",
		.type = FLAG_TEXT,
		.offset = AT(certificate.secret),
		.help = "in place of them: a certificate of our own, kept in this Secret and "
			"renewed"},
	{.name = "webhook-configuration",
		.value = "NAME",
		.type = FLAG_TEXT,
		.offset = AT(certificate.configuration),
		.help = "of the Mutating- and of the ValidatingWebhookConfiguration whose caBundle "
			"is kept up to date"},
	{.name = "cert-service",
		.value = "NAME",
		.type = FLAG_TEXT,
		.offset = AT(certificate.service),
		.help = "the Service that API servers know us by"},
	{.name = "cert-name",
		.value = "NAME",
		.type = FLAG_LIST,
		.offset = AT(certificate.names),
		.help = "another host name or address that the certificate is for"},
	{.name = "cert-lifetime",
		.value = "TIME",
		.type = FLAG_DURATION,
		.offset = AT(certificate.lifetime_ms),
		.def = "720h",
		.min = 3000,
		.max = INT64_C(31536000000),
		.help = "of a certificate; it is renewed when half is over"},
	{.name = "ca-lifetime",
		.value = "TIME",
		.type = FLAG_DURATION,
		.offset = AT(certificate.ca_lifetime_ms),
		.def = "8760h",
		.min = 6000,
		.max = INT64_C(315360000000),
		.help = "of the authority that signs it; likewise"},
	{.name = "namespace",
		.value = "NAME",
		.type = FLAG_TEXT,
		.offset = AT(certificate.namespace),
		.help = "of the Secret and the Service (default: the pod's, or kubectl's)"},
	{.name = "kubeconfig",
		.value = "FILE",
		.type = FLAG_TEXT,
		.offset = AT(kubeconfig),
		.help = "how to reach the API server (default: as the pod, else as kubectl)"},
	{.name = "pin",
		.type = FLAG_BOOL,
		.offset = AT(pin),
		.def = "true",
		.help = "/mutate sets spec.image.sha256 where it is absent"},
	{.name = "check-access",
		.type = FLAG_BOOL,
		.offset = AT(check_access),
		.def = "true",
		.help = "users must be allowed to read what their extensions refer to"},
	{.name = "module-root",
		.value = "DIR",
		.type = FLAG_TEXT,
		.offset = AT(module_root),
		.help = "local_fs modules must lie below it, as the controller's (default: "
			"anywhere)"},
	{.name = "resolve-timeout",
		.value = "TIME",
		.type = FLAG_DURATION,
		.offset = AT(resolve_timeout_ms),
		.def = "2s",
		.min = 1,
		.max = 20000,
		.help = "to find out a module's digest; later, it is admitted with a warning"},
	{.name = "resolve-workers",
		.value = "N",
		.type = FLAG_INT,
		.offset = AT(resolve_workers),
		.def = "16",
		.min = 1,
		.max = LIMIT_FETCH_WORKERS,
		.help = "look-ups at a time, a quarter of them at one host"},
	{.name = "resolve-max-size",
		.value = "SIZE",
		.type = FLAG_SIZE,
		.offset = AT(resolve_max_bytes),
		.def = "64Mi",
		.min = 1024,
		.max = LIMIT_MODULE_BYTES,
		.help = "of what is read to find out a digest that nothing states"},
	{.name = "inspect-max-size",
		.value = "SIZE",
		.type = FLAG_SIZE,
		.offset = AT(inspect_max_bytes),
		.def = "1Mi",
		.max = LIMIT_MODULE_BYTES,
		.help = "of a module that is read though its digest is known; 0: none is"},
	{.name = "cache-ttl",
		.value = "TIME",
		.type = FLAG_DURATION,
		.offset = AT(cache_ms),
		.def = "1m",
		.max = 3600000,
		.help = "a digest is remembered for so long"},
	{.name = "cache-failure-ttl",
		.value = "TIME",
		.type = FLAG_DURATION,
		.offset = AT(cache_failure_ms),
		.def = "5s",
		.max = 3600000,
		.help = "and that there was none to be had"},
	{.name = "max-connections",
		.value = "N",
		.type = FLAG_INT,
		.offset = AT(max_connections),
		.def = "1024",
		.min = 16,
		.max = 65536,
		.help = "beyond it, the one that has been silent for longest goes"},
	{.name = "max-connections-per-address",
		.value = "N",
		.type = FLAG_INT,
		.offset = AT(max_per_address),
		.max = 65536,
		.help = "more from one are refused; 0: as many as there may be"},
	OPTIONS_LOG_LEVEL,
	OPTIONS_LOG_FORMAT,
	OPTIONS_HELP,
};

const struct flags webhook_usage = {
	.usage = "wasmxds webhook [flags]",
	.about = "Answers the API server's admission reviews of WasmExtensions: /validate refuses "
		 "what is\n"
		 "wrong, as `wasmxds validate` does, and users who may not read what they refer "
		 "to; /mutate\n"
		 "sets the digest of the module where the user gave none.",
	.table = webhook_flags,
	.n = sizeof(webhook_flags) / sizeof(webhook_flags[0]),
	.shared = &fetch_flags,
};

static int fail(const char *what, const struct err *err)
{
	log_error(what, LOG_ERR(err));
	return EXIT_FINDINGS;
}

static struct resolver_options resolver_options(
	const struct webhook_config *config, const struct fetch_options *fetch)
{
	struct resolver_options options = {
		.fetch = *fetch,
		.workers = (int)config->resolve_workers,
		.budget_ms = config->resolve_timeout_ms,
		.hash_max = (uint64_t)config->resolve_max_bytes,
		.module_max = (uint64_t)config->inspect_max_bytes,
		.good_ms = config->cache_ms,
		.bad_ms = config->cache_failure_ms,
	};

	options.fetch.connect_timeout_ms = config->resolve_timeout_ms;
	options.fetch.retry.tries = RESOLVE_TRIES;
	return options;
}

/* Finds out who we are, once for each client. */
static int find_credentials(
	struct credentials *out, const struct webhook_config *config, struct err *err)
{
	for (int i = 0; config->check_access && i < CLERKS; i++) {
		if (credentials_find(&out[i], config->kubeconfig, err) < 0)
			return err_wrap(err, "the API server");
	}
	return 0;
}

static int serve(const struct webhook_options *options)
{
	AUTO(free) char *address = NULL;
	AUTO(free) char *admin = NULL;
	struct err err;
	struct webhook *webhook = webhook_start(options, &err);

	if (!webhook)
		return fail("cannot serve", &err);
	address = webhook_address(webhook);
	admin = webhook_admin_address(webhook);
	log_info("serving", LOG_STR("listen", address), LOG_STR("admin", admin));
	signals_wait();
	webhook_stop(webhook);
	log_info("stopped");
	return EXIT_GOOD;
}

static int run(const struct webhook_config *config)
{
	AUTO(fetch_context) struct fetch_context fetch = {.has_curl = false};
	AUTO(certification) struct certification certification = {.step = NULL};
	struct credentials credentials[CLERKS] = {0};
	struct webhook_options options = {
		.listen = config->listen,
		.admin_listen = config->admin_listen,
		.desk = {.policy = {.pin = config->pin, .module_root = config->module_root},
			.credentials = credentials,
			.workers = config->check_access ? CLERKS : 0,
			.budget_ms = ACCESS_BUDGET},
		.max_connections = (unsigned)config->max_connections,
		.max_per_address = (unsigned)config->max_per_address,
	};
	struct err err;

	signals_block();
	if (fetch_context_open(&fetch, &config->fetch, &err) < 0 ||
		find_credentials(credentials, config, &err) < 0 ||
		certification_open(&certification, &config->certificate, config->kubeconfig, &err) <
			0)
		return fail("cannot start", &err);
	options.desk.resolver = resolver_options(config, &fetch.options);
	options.certify = certification.is_own ? custody_step : pair_step;
	options.certify_arg =
		certification.is_own ? (void *)&certification.custody : (void *)&certification.pair;
	return serve(&options);
}

static int problem_or_run(const struct webhook_config *config, int operands)
{
	const char *problem = operands > 0 ? "webhook takes no operands"
					   : certification_problem(&config->certificate);

	return problem ? options_usage_error(&webhook_usage, problem) : run(config);
}

int verb_webhook(int argc, char **argv)
{
	struct webhook_config config;
	int operands = 0;
	int code = EXIT_GOOD;

	if (options_parse(&webhook_usage, &config.fetch.options, argc, argv, &operands, &code))
		code = problem_or_run(&config, operands);
	flags_clear(&webhook_usage, &config);
	return code;
}
