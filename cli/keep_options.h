/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/keep_options.h - the flags that verbs share which keep a store filled: `run` and
 * `controller`.
 */
#ifndef WASMXDS_CLI_KEEP_OPTIONS_H
#define WASMXDS_CLI_KEEP_OPTIONS_H

#include "controller/upkeep.h"

/* Rows of a verb's table; at is where its struct upkeep_options stands. */
#define KEEP_AT(at, field) ((at) + offsetof(struct upkeep_options, field))
#define KEEP_OPTIONS(at)                                                                           \
	{.name = "store-max-size",                                                                 \
		.value = "SIZE",                                                                   \
		.type = FLAG_SIZE,                                                                 \
		.offset = KEEP_AT(at, store_max_bytes),                                            \
		.max = INT64_C(1) << 50,                                                           \
		.help = "of all modules in the store; one that does not fit is refused (default: " \
			"as much as the disk holds)"},                                             \
		{.name = "gc-grace",                                                               \
			.value = "TIME",                                                           \
			.type = FLAG_DURATION,                                                     \
			.offset = KEEP_AT(at, gc_grace_ms),                                        \
			.def = "10m",                                                              \
			.max = 86400000,                                                           \
			.help = "a module stays in the store for so long after its last use"},     \
		{.name = "permission-interval",                                                    \
			.value = "TIME",                                                           \
			.type = FLAG_DURATION,                                                     \
			.offset = KEEP_AT(at, permission_interval_ms),                             \
			.def = "30m",                                                              \
			.max = 3600000,                                                            \
			.help = "each source is asked about so often whether a namespace may "     \
				"still have its module; 0s: never"},                               \
	{                                                                                          \
		.name = "scrub-interval", .value = "TIME", .type = FLAG_DURATION,                  \
		.offset = KEEP_AT(at, scrub_interval_ms), .def = "24h",                            \
		.max = INT64_C(31536000000),                                                       \
		.help = "each module in the store is read again about so often, against bit rot; " \
			"0s: never"                                                                \
	}

#endif
