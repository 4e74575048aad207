/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook/findings.h - what was found out lately: bounded by count and by age.  What was not found
 * out is kept as well, more shortly, so that a dead registry is not asked by every request.
 * Pure: time is passed in.
 * Threads: none of its own; the caller's lock.
 */
#ifndef WASMXDS_WEBHOOK_FINDINGS_H
#define WASMXDS_WEBHOOK_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "webhook/judge.h"

struct findings_entry; /* opaque */

struct findings {
	struct map by_key;             /* → struct findings_entry, owned */
	struct findings_entry *oldest; /* borrowed; of the list of all, by when they came */
	struct findings_entry *newest;
	size_t max;
	int64_t good_ms; /* how long a digest is believed */
	int64_t bad_ms;  /* how long none is */
};

void findings_init(struct findings *f, size_t max, int64_t good_ms, int64_t bad_ms);
void findings_clear(struct findings *f);

/* Remembers found under key, in place of what stood there; the oldest goes where there are max, and
 * where its time is over. */
void findings_put(struct findings *f, const char *key, const struct finding *found, int64_t now);

/* Copies what is known under key into out; returns whether that is anything. */
bool findings_get(struct findings *f, const char *key, int64_t now, struct finding *out);

#endif
