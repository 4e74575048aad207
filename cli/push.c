/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/quote.h"
#include "base/xalloc.h"
#include "cli/fetch_options.h"
#include "cli/progress.h"
#include "cli/subject.h"
#include "cli/verb.h"
#include "fetch/oci_push.h"

struct push_config {
	struct fetch_flags fetch;
	int layout; /* enum oci_layout */
	int output; /* enum options_output */
};

static const char *const layouts[] = {"artifact", "compat", "image", NULL};

static const struct flag push_flags[] = {
	{.name = "layout",
		.value = "LAYOUT",
		.type = FLAG_CHOICE,
		.offset = offsetof(struct push_config, layout),
		.def = "artifact",
		.choices = layouts,
		.help = "how it lies in the registry"},
	OPTIONS_OUTPUT(offsetof(struct push_config, output)),
	OPTIONS_HELP,
};

const struct flags push_usage = {
	.usage = "wasmxds push [flags] FILE REF",
	.about = "Puts a module that Envoy could run into a registry, as HOST[:PORT]/"
		 "REPOSITORY[:TAG], and prints\n"
		 "the name by which it can be had for ever, with the manifest's digest.  "
		 "Layouts: artifact, CNCF's\n"
		 "(application/wasm); compat, the type that older tools look for; image, "
		 "plugin.wasm in an image.\n"
		 "Exit code: 0 it is there, 1 Envoy cannot run it or the registry does not take "
		 "it, 2 it cannot be read.",
	.table = push_flags,
	.n = sizeof(push_flags) / sizeof(push_flags[0]),
	.shared = &fetch_flags,
};

/* Returns the reference without the scheme that other verbs want before it. */
static const char *reference_of(const char *operand)
{
	static const char scheme[] = "oci://";

	return strncmp(operand, scheme, strlen(scheme)) == 0 ? operand + strlen(scheme) : operand;
}

static int fail(const char *what, const struct err *err)
{
	(void)fprintf(stderr, "wasmxds: %s: %s\n", what, err->msg);
	return EXIT_FINDINGS;
}

static void print_json(const struct push_config *config, const char *name,
	const struct subject *subject, const struct oci_pushed *pushed)
{
	AUTO(cjson) cJSON *report = cJSON_CreateObject();
	AUTO(free) char *digest = NULL;
	AUTO(free) char *text = NULL;

	digest = xasprintf("sha256:%s", pushed->manifest.hex);
	(void)cJSON_AddStringToObject(report, "reference", name);
	(void)cJSON_AddStringToObject(report, "manifestDigest", digest);
	(void)cJSON_AddStringToObject(report, "sha256", subject->fetched.digest.hex);
	(void)cJSON_AddNumberToObject(report, "bytes", (double)subject->fetched.size);
	(void)cJSON_AddStringToObject(report, "layout", layouts[config->layout]);
	(void)cJSON_AddNumberToObject(report, "sentBytes", (double)pushed->sent);
	text = cJSON_Print(report);
	(void)puts(text);
}

static int push(const struct push_config *config, const struct subject *subject,
	const char *reference, const struct fetch_options *options)
{
	const struct fetch_request request = {.source = FETCH_OCI, .uri = reference};
	struct fetch_task task = {.options = options, .request = &request};
	const struct oci_push what = {
		.layout = (enum oci_layout)config->layout,
		.fd = subject->fd,
		.digest = subject->fetched.digest,
		.size = subject->fetched.size,
	};
	struct oci_pushed pushed = {.sent = 0};
	AUTO(free) char *name = NULL;
	struct err err;

	if (oci_push(&pushed, &task, &what, &err) < 0)
		return fail(quote(reference).text, &err);
	name = xasprintf("%s@sha256:%s", reference, pushed.manifest.hex);
	if (config->output == OPTIONS_JSON)
		print_json(config, name, subject, &pushed);
	else
		(void)puts(name);
	return EXIT_GOOD;
}

/* Brings the module, which may itself be in a registry, and looks at it. */
static int check_and_push(const struct push_config *config, const char *file, const char *reference)
{
	AUTO(fetch_context) struct fetch_context context = {.has_curl = false};
	AUTO(subject) struct subject subject = {.fd = -1};
	AUTO(progress) struct progress progress = {.is_terminal = false};
	struct err err;

	if (oci_push_check(reference, &err) < 0) {
		(void)err_wrap(&err, "%s", quote(reference).text);
		return options_failed(&err);
	}
	if (fetch_context_open(&context, &config->fetch, &err) < 0)
		return options_failed(&err);
	progress_init(&progress);
	context.options.on_progress = progress_on_bytes;
	context.options.on_progress_arg = &progress;
	if (subject_open(&subject, &context.options, file, &err) < 0) {
		progress_clear(&progress);
		return options_failed(&err);
	}
	progress_clear(&progress);
	if (subject.verdict.code != ERR_NONE)
		return fail(quote(subject.label).text, &subject.verdict);
	fetch_options_allow_named(&context.options, reference);
	return push(config, &subject, reference, &context.options);
}

int verb_push(int argc, char **argv)
{
	struct push_config config;
	int operands = 0;
	int code = EXIT_GOOD;

	if (options_parse(&push_usage, &config.fetch.options, argc, argv, &operands, &code))
		code = operands == 2 ? check_and_push(&config, argv[0], reference_of(argv[1]))
				     : options_usage_error(&push_usage,
					       "push takes a module and where to put it");
	flags_clear(&push_usage, &config);
	return code;
}
