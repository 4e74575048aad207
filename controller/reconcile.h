/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/reconcile.h - from what a manifest asks for and what is there, to what to do next.
 * Pure: no file, no clock, no thread; time is passed in.
 *
 * What was resolved once stays: an image without sha256 is not fetched again while its uri is the
 * same, so neither a moved tag nor a dead source changes what runs.  A local file without sha256 is
 * the exception: it is followed, since whoever builds a filter wants to see it.
 */
#ifndef WASMXDS_CONTROLLER_RECONCILE_H
#define WASMXDS_CONTROLLER_RECONCILE_H

#include <stdbool.h>
#include <stdint.h>

#include "api/extension.h"
#include "artifact/served.h"
#include "base/digest.h"
#include "base/err.h"
#include "controller/status.h"
#include "store/record.h"

/* A module as somebody resolved it from a source. */
struct resolution {
	char *source; /* owned; NULL: none */
	struct digest module;
};

/* What a module was found to be served as without its debug sections, so that it is not read again
 * to find that out: after a restart the record tells. */
struct stripped {
	struct digest module; /* not set: nothing is known */
	struct served served; /* where failure.code is ERR_NONE */
	struct err failure;   /* why that could not be found out */
	int64_t retry_at;     /* ms; it is not tried again before */
};

/* One extension: what is wanted, what is there, what is under way. */
struct target {
	char *name;                /* owned; "namespace/name" */
	struct extension *desired; /* owned; NULL: no manifest asks for it */
	char *source;              /* owned; of the desired image */

	char *served_version;       /* owned; of the record in the store; NULL: none */
	struct resolution recorded; /* what that record was made from */
	uint64_t recorded_bytes;    /* of that module */
	uint64_t served_bytes;      /* of what is sent of it */
	struct stripped stripped;

	bool fetching;
	bool outdated;             /* the image changed while it was being fetched */
	uint64_t file_mark;        /* follow: of the file as it was when last fetched; 0: never */
	struct resolution fetched; /* by this process */
	struct err failure; /* of the last fetch; ERR_NONE: it went well, or there was none */
	unsigned attempts;  /* failures in a row */
	int64_t retry_at;   /* ms; no fetch before */
	int64_t look_at;    /* ms; nothing is to be done for it before; 0: at once */

	struct status status;
};

/* What reconcile() asks of the world, read before the call. */
struct reconcile_facts {
	int64_t now;        /* ms */
	bool has_pinned;    /* the store has the blob of image.sha256 */
	bool has_fetched;   /* the store has the blob of target.fetched */
	bool has_recorded;  /* the store has the blob of target.recorded */
	uint64_t file_mark; /* follow: of the file as it is now; 0: it cannot be read */
};

struct reconcile_step {
	bool fetch;           /* start a fetch now */
	bool commit;          /* module is there: build the record, put it if its version is new */
	struct digest module; /* with commit */
	int64_t wake_at;      /* ms; look again then; INT64_MAX: when something changes */
};

/* Returns whether the image is a local file that is followed. */
bool reconcile_follows(const struct extension *ext);

struct reconcile_step reconcile(const struct target *t, const struct reconcile_facts *facts);

/* Returns whether digest is a module that the target is, or will be, made from, or what was left of
 * it. */
bool target_needs(const struct target *t, const struct digest *digest);

/* A new manifest for the target: takes ext over, and forgets failures when the image is new. */
void target_desire(struct target *t, struct extension *ext, char *source);

/* The store has r for this target (NULL: nothing). */
void target_observe(struct target *t, const struct record *r);

/* A fetch ended: with the module's digest, or with an error (digest NULL). */
void target_fetched(struct target *t, const struct digest *digest, const struct err *err,
	int64_t now, uint32_t random);

/* Whoever failed the last fetch wants to be left alone until then, if that is later. */
void target_not_before(struct target *t, int64_t at);

struct target *target_new(const char *name); /* never NULL */
void target_free(void *target);

#endif
