/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/fetch_options.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/curl.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/quote.h"
#include "base/xalloc.h"
#include "fetch/aws.h"
#include "fetch/reference.h"

#define RETRY_FIRST_MS 500
#define RETRY_MOST_MS 30000

#define AT(field) offsetof(struct fetch_flags, field)

static const struct flag table[] = {
	{.name = "max-module-size",
		.value = "SIZE",
		.type = FLAG_SIZE,
		.offset = AT(max_module_bytes),
		.def = "256Mi",
		.min = 1024,
		.max = LIMIT_MODULE_BYTES,
		.help = "a larger module is refused"},
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
		.help = "for one fetch, all of its tries"},
	{.name = "fetch-tries",
		.value = "N",
		.type = FLAG_INT,
		.offset = AT(tries),
		.def = "5",
		.min = 1,
		.max = LIMIT_FETCH_TRIES,
		.help = "in a row without progress, with growing pauses between"},
	{.name = "ca-file",
		.value = "FILE",
		.type = FLAG_TEXT,
		.offset = AT(ca_file),
		.help = "PEM of the authorities that https sources are checked against "
			"(default: the system's)"},
	{.name = "allow-loopback",
		.type = FLAG_BOOL,
		.offset = AT(allow_loopback),
		.help = "modules may come from this machine's own servers"},
	{.name = "allow-cidr",
		.value = "CIDR",
		.type = FLAG_LIST,
		.offset = AT(allow_cidrs),
		.help = "addresses that may be connected to: 169.254.0.0/16, say"},
	{.name = "deny-cidr",
		.value = "CIDR",
		.type = FLAG_LIST,
		.offset = AT(deny_cidrs),
		.help = "addresses that may not; the longest prefix decides"},
	{.name = "docker-config",
		.value = "FILE",
		.type = FLAG_TEXT,
		.offset = AT(docker_config),
		.help = "credentials of registries (default: config.json in $DOCKER_CONFIG or "
			"~/.docker)"},
	{.name = "insecure-registry",
		.value = "HOST[:PORT]",
		.type = FLAG_LIST,
		.offset = AT(insecure_registries),
		.help = "spoken to by plain http"},
	{.name = "s3-endpoint",
		.value = "URL",
		.type = FLAG_TEXT,
		.offset = AT(s3_endpoint),
		.help = "of an S3-compatible store, in place of AWS"},
	{.name = "s3-region",
		.value = "REGION",
		.type = FLAG_TEXT,
		.offset = AT(s3_region),
		.help = "of the first request to a bucket; its answer may name another"},
	{.name = "s3-path-style",
		.type = FLAG_BOOL,
		.offset = AT(s3_path_style),
		.help = "HOST/BUCKET/KEY, not BUCKET.HOST/KEY; always so with --s3-endpoint"},
};

const struct flags fetch_flags = {.table = table, .n = sizeof(table) / sizeof(table[0])};

static int parse_cidrs(
	struct cidr **out, const struct flag_list *texts, const char *flag, struct err *err)
{
	if (texts->n == 0)
		return 0;
	*out = xreallocarray(NULL, texts->n, sizeof(**out));
	for (size_t i = 0; i < texts->n; i++) {
		if (cidr_parse(*out + i, texts->items[i], err) < 0)
			return err_wrap(err, "--%s=%s", flag, quote(texts->items[i]).text);
	}
	return 0;
}

/* Returns where docker keeps its config, NULL where there is no home; the caller frees it. */
static char *default_docker_config(void)
{
	const char *folder = getenv("DOCKER_CONFIG"); /* NOLINT(concurrency-mt-unsafe): main */
	const char *home = getenv("HOME");            /* NOLINT(concurrency-mt-unsafe): main */

	if (folder && folder[0])
		return xasprintf("%s/config.json", folder);
	return home && home[0] ? xasprintf("%s/.docker/config.json", home) : NULL;
}

/* Docker's own may be absent, or be another user's. */
static int read_docker_config(struct buf *out, const char *named, struct err *err)
{
	AUTO(free) char *path = named ? xstrdup(named) : default_docker_config();

	if (!path || io_read_file(AT_FDCWD, path, out, err) == 0)
		return 0;
	if (!named && (err->code == ERR_NOT_FOUND || err->code == ERR_DENIED))
		return 0;
	return err_wrap(err, named ? "--docker-config" : "docker's config");
}

static int open_parts(struct fetch_context *c, const struct fetch_flags *flags, struct err *err)
{
	const struct aws_settings aws = {
		.s3_endpoint = flags->s3_endpoint,
		.s3_region = flags->s3_region,
		.s3_path_style = flags->s3_path_style,
	};

	if (parse_cidrs(&c->allow, &flags->allow_cidrs, "allow-cidr", err) < 0 ||
		parse_cidrs(&c->deny, &flags->deny_cidrs, "deny-cidr", err) < 0 ||
		read_docker_config(&c->docker_config, flags->docker_config, err) < 0)
		return -1;
	c->options.aws = aws_open(&aws, aws_getenv_process, err);
	if (!c->options.aws || curl_setup(err) < 0)
		return -1;
	c->has_curl = true;
	return 0;
}

int fetch_context_open(struct fetch_context *out, const struct fetch_flags *flags, struct err *err)
{
	(void)signal(SIGPIPE, SIG_IGN); /* of a server that hangs up */
	*out = (struct fetch_context){.docker_config = BUF_INIT(LIMIT_DOCKER_CONFIG_BYTES)};
	out->options = (struct fetch_options){
		.max_bytes = (uint64_t)flags->max_module_bytes,
		.connect_timeout_ms = flags->connect_timeout_ms,
		.idle_timeout_ms = flags->idle_timeout_ms,
		.total_timeout_ms = flags->total_timeout_ms,
		.ca_file = flags->ca_file,
		.insecure_registries = flags->insecure_registries.items,
		.n_insecure_registries = flags->insecure_registries.n,
		.retry = {.tries = (int)flags->tries,
			.first_ms = RETRY_FIRST_MS,
			.most_ms = RETRY_MOST_MS},
	};
	if (open_parts(out, flags, err) < 0)
		return -1;
	if (out->docker_config.len > 0)
		out->options.docker_config = buf_text(&out->docker_config);
	out->options.guard = (struct guard){
		.allow_loopback = flags->allow_loopback,
		.allow = out->allow,
		.n_allow = flags->allow_cidrs.n,
		.deny = out->deny,
		.n_deny = flags->deny_cidrs.n,
	};
	return 0;
}

void fetch_context_close(struct fetch_context *context)
{
	aws_close(context->options.aws);
	if (context->has_curl)
		curl_teardown();
	free(context->allow);
	free(context->deny);
	if (context->docker_config.data)
		explicit_bzero(context->docker_config.data, context->docker_config.cap);
	buf_clear(&context->docker_config);
	*context = (struct fetch_context){.has_curl = false};
}

void fetch_options_allow_named(struct fetch_options *options, const char *uri)
{
	AUTO(free) char *authority = xstrndup(uri, strcspn(uri, "/?#"));
	const char *at = strrchr(authority, '@');

	if (reference_is_loopback(at ? at + 1 : authority))
		options->guard.allow_loopback = true;
}
