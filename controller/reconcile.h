/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/reconcile.h - from what a manifest asks for and what is there, to what to do next.
 * Pure: no file, no clock, no thread; time is passed in.
 *
 * What was resolved once stays: an image without sha256 is not fetched again while its uri is the
 * same, so neither a moved tag nor a dead source changes what runs.  Exceptions: a local file
 * without sha256 is followed, since whoever builds a filter wants to see it; track: true asks the
 * source now and then whether it has something else; the annotation refetch asks for one more
 * fetch.  Whatever of these fails keeps the last good module.
 */
#ifndef WASMXDS_CONTROLLER_RECONCILE_H
#define WASMXDS_CONTROLLER_RECONCILE_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/target.h"

/* What reconcile() asks of the world, read before the call. */
struct reconcile_facts {
	int64_t now;         /* ms */
	bool has_pinned;     /* the store has the blob of image.sha256 */
	bool has_fetched;    /* the store has the blob of target.fetched */
	bool has_recorded;   /* the store has the blob of target.recorded */
	uint64_t file_mark;  /* follow: of the file as it is now; 0: it cannot be read */
	bool unsure_pull;    /* it is not known yet whether image.pull_secret is there */
	bool lacks_pull;     /* it is not: nothing is fetched until it comes */
	bool unsure_configs; /* the same of what configurations are read from */
};

struct reconcile_step {
	bool fetch;           /* start a fetch now */
	const char *known;    /* with fetch: only if the source has another revision; borrowed from
			       * the target; NULL: in any case */
	bool commit;          /* module is there: build the record, put it if its version is new */
	bool known_module;    /* module is what the image stands for, and there */
	struct digest module; /* with known_module */
	int64_t wake_at;      /* ms; look again then; INT64_MAX: when something changes */
};

/* Returns whether the image is a local file that is followed. */
bool reconcile_follows(const struct extension *ext);

struct reconcile_step reconcile(const struct target *t, const struct reconcile_facts *facts);

/* Returns whether the last fetch failed and that is worth a word though a module is there. */
bool reconcile_lags(const struct target *t);

#endif
