/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/keep_options.h - the flags that those verbs share which keep a store filled, `run` and
 * `controller`, and what they come to.
 */
#ifndef WASMXDS_CLI_KEEP_OPTIONS_H
#define WASMXDS_CLI_KEEP_OPTIONS_H

#include <stdint.h>

#include "base/flags.h"
#include "cli/fetch_options.h"
#include "controller/controller.h"

/* The first field of such a verb's config. */
struct keep_flags {
	struct fetch_flags fetch;
	int64_t workers;
	int64_t host_connections;
	int64_t host_rate;
	struct upkeep_options upkeep;

	/* with rows of the verb's own, since their defaults differ */
	char *store;
	char *seal_key;
	char *module_root;
};

/* The table, as struct flags.shared wants it; it shares that of cli/fetch_options.h. */
extern const struct flags keep_flags;

/* Fills the options that the flags are about, but for where the store and its keys are.  They
 * borrow from both; module_root: of local_fs modules, NULL: there are none. */
void keep_options_fill(struct controller_options *out, const struct keep_flags *flags,
	const struct fetch_context *fetch, const char *module_root);

#endif
