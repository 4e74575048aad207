/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include "base/log.h"
#include "cli/verb.h"

const char *const options_outputs[] = {"text", "json", NULL};
const char *const options_log_levels[] = {"debug", "info", "warn", "error", NULL};
const char *const options_log_formats[] = {"logfmt", "json", NULL};

bool options_parse(const struct flags *flags, struct options *config, int argc, char **argv,
	int *operands, int *exit_code)
{
	struct err err;

	if (flags_parse(flags, config, argc, argv, operands, &err) < 0) {
		*exit_code = options_usage_error(flags, err.msg);
		return false;
	}
	if (config->help) {
		flags_print_help(flags, stdout);
		*exit_code = EXIT_GOOD;
		return false;
	}
	log_setup((enum log_level)config->log_level, (enum log_format)config->log_format);
	return true;
}

int options_failed(const struct err *err)
{
	(void)fprintf(stderr, "wasmxds: %s\n", err->msg);
	return EXIT_USAGE;
}

int options_usage_error(const struct flags *flags, const char *message)
{
	(void)fprintf(stderr, "wasmxds: %s\nusage: %s (--help says more)\n", message, flags->usage);
	return EXIT_USAGE;
}
