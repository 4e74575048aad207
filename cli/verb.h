/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/verb.h - one verb for each job: what `wasmxds VERB …` runs, its flags, and its exit code.
 */
#ifndef WASMXDS_CLI_VERB_H
#define WASMXDS_CLI_VERB_H

#include <stddef.h>

#include "base/flags.h"

enum exit_code {
	EXIT_GOOD = 0,
	EXIT_FINDINGS =
		1,      /* it worked, and what it looked at is not as it should be; or it failed */
	EXIT_USAGE = 2, /* the command line is wrong, or its files cannot be read */
};

struct verb {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the verb */
	const char *help;                  /* a few words */
	const struct flags *flags;
};

/* Returns the i-th verb, or NULL behind the last. */
const struct verb *verb_at(size_t i);

/* Returns the verb of this name, or NULL. */
const struct verb *verb_find(const char *name);

int verb_run(int argc, char **argv);
int verb_controller(int argc, char **argv);
int verb_xds(int argc, char **argv);
int verb_webhook(int argc, char **argv);
int verb_status(int argc, char **argv);
int verb_fetch(int argc, char **argv);
int verb_inspect(int argc, char **argv);
int verb_push(int argc, char **argv);
int verb_validate(int argc, char **argv);
int verb_completion(int argc, char **argv);
int verb_man(int argc, char **argv);
int verb_version(int argc, char **argv);

extern const struct flags run_usage, controller_usage, xds_usage, webhook_usage, status_usage,
	fetch_usage, inspect_usage, push_usage, validate_usage, completion_usage, man_usage,
	version_usage;

#endif
