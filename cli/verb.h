/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/verb.h - one verb for each job: what `wasmxds VERB …` runs, and its exit code.
 */
#ifndef WASMXDS_CLI_VERB_H
#define WASMXDS_CLI_VERB_H

enum exit_code {
	EXIT_GOOD = 0,
	EXIT_FINDINGS =
		1,      /* it worked, and what it looked at is not as it should be; or it failed */
	EXIT_USAGE = 2, /* the command line is wrong, or its files cannot be read */
};

/* Each takes its own part of the command line, argv[0] being the verb. */
int verb_run(int argc, char **argv);
int verb_controller(int argc, char **argv);
int verb_xds(int argc, char **argv);
int verb_webhook(int argc, char **argv);
int verb_status(int argc, char **argv);
int verb_fetch(int argc, char **argv);
int verb_inspect(int argc, char **argv);
int verb_push(int argc, char **argv);
int verb_validate(int argc, char **argv);
int verb_version(int argc, char **argv);

#endif
