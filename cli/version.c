/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/version.h"
#include "cli/options.h"
#include "cli/verb.h"

static const struct flag version_flags[] = {OPTIONS_HELP};

static const struct flags version_usage = {
	.usage = "wasmxds version",
	.about = "Prints the version.",
	.table = version_flags,
	.n = 1,
};

int verb_version(int argc, char **argv)
{
	struct options config;
	int operands = 0;
	int code = EXIT_GOOD;

	if (options_parse(&version_usage, &config, argc, argv, &operands, &code))
		(void)printf("wasmxds %s\n", WASMXDS_VERSION);
	flags_clear(&version_usage, &config);
	return code;
}
