/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook/look_up.h - one look at where an image leads to: its module's digest, and the module
 * itself where it came along, or is small.
 * Threads: none of its own; blocks until the deadline at the latest.
 */
#ifndef WASMXDS_WEBHOOK_LOOK_UP_H
#define WASMXDS_WEBHOOK_LOOK_UP_H

#include <stdbool.h>
#include <stdint.h>

#include "fetch/fetch.h"
#include "webhook/judge.h"

/* All that is borrowed outlives the look. */
struct look_up {
	const struct fetch_options *options; /* max_bytes: what a module may have at all */
	enum fetch_source source;
	const char *uri;
	uint64_t hash_max;   /* bytes that are read to learn a digest */
	bool wants_module;   /* also where the digest is known without it */
	uint64_t module_max; /* bytes of a module that is read for that alone */
	int64_t deadline_ms; /* of io_monotonic_ms() */
};

/* Fills out, which says in its err what could not be learnt. */
void look_up(struct finding *out, const struct look_up *request);

#endif
