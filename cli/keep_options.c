/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/keep_options.h"

#include <stddef.h>

#include "base/limits.h"

#define AT(field) offsetof(struct keep_flags, field)

static const struct flag table[] = {
	FETCH_OPTIONS_WORKERS(AT(workers)),
	FETCH_OPTIONS_HOST_CONNECTIONS(AT(host_connections)),
	{.name = "fetch-host-rate",
		.value = "N",
		.type = FLAG_INT,
		.offset = AT(host_rate),
		.def = "100",
		.min = 1,
		.max = LIMIT_FETCH_HOST_RATE,
		.help = "of them begun in a second at one host"},
	{.name = "store-max-size",
		.value = "SIZE",
		.type = FLAG_SIZE,
		.offset = AT(upkeep.store_max_bytes),
		.max = INT64_C(1) << 50,
		.help = "of all modules in the store; one that does not fit is refused (default: "
			"as much as the disk holds)"},
	{.name = "gc-grace",
		.value = "TIME",
		.type = FLAG_DURATION,
		.offset = AT(upkeep.gc_grace_ms),
		.def = "10m",
		.max = 86400000,
		.help = "a module stays in the store for so long after its last use"},
	{.name = "permission-interval",
		.value = "TIME",
		.type = FLAG_DURATION,
		.offset = AT(upkeep.permission_interval_ms),
		.def = "30m",
		.max = 3600000,
		.help = "each source is asked about so often whether a namespace may still have "
			"its module; 0s: never"},
	{.name = "scrub-interval",
		.value = "TIME",
		.type = FLAG_DURATION,
		.offset = AT(upkeep.scrub_interval_ms),
		.def = "24h",
		.max = INT64_C(31536000000),
		.help = "each module in the store is read again about so often, against bit rot; "
			"0s: never"},
};

const struct flags keep_flags = {
	.table = table,
	.n = sizeof(table) / sizeof(table[0]),
	.shared = &fetch_flags,
};

void keep_options_fill(struct controller_options *out, const struct keep_flags *flags,
	const struct fetch_context *fetch, const char *module_root)
{
	out->workers = (int)flags->workers;
	out->upkeep = flags->upkeep;
	out->fetch = fetch->options;
	out->fetch.local_root = module_root;
	out->fetch.host_connections = (int)flags->host_connections;
	out->fetch.host_rate = (int)flags->host_rate;
	out->fetch.host_failures = FETCH_OPTIONS_HOST_FAILURES;
}
