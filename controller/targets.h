/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/targets.h - every extension that is wanted, and what is done for it: the shell around
 * controller/reconcile.h.  Owns the store and the fetches; knows nothing of where manifests come
 * from. Threads: the controller's.
 */
#ifndef WASMXDS_CONTROLLER_TARGETS_H
#define WASMXDS_CONTROLLER_TARGETS_H

#include <stdint.h>

#include "api/manifest.h"
#include "base/err.h"
#include "base/inbox.h"
#include "controller/upkeep.h"
#include "fetch/pool.h"
#include "store/store.h"

struct targets {
	struct fetch_options fetch;
	char *temp_dir;          /* owned; what fetch.temp_dir points to */
	struct store *store;     /* owned */
	struct fetch_pool *pool; /* owned */
	struct inbox *done;      /* owned; of struct fetch_job */
	struct map by_name;      /* name → struct target, owned */
	struct map objects;      /* Secrets and ConfigMaps: key → struct object, owned */
	int64_t look_at;         /* ms; when to look at some target again */
	struct map on_the_way;   /* digests that a fetch under way will bring; no values */
	bool all_due;            /* what configurations are read from changed */
	bool unswept;            /* a record that should go could not be removed */
	struct upkeep upkeep;
};

/* Opens the store for writing and starts the workers; fetch.stop ends them.  ts stays where it is
 * from then on.  Codes as store_open(). */
int targets_init(struct targets *ts, const char *store_dir, const struct upkeep_options *upkeep,
	const struct fetch_options *fetch, int workers, struct err *err)
	__attribute__((warn_unused_result));

/* Seals what comes from Secrets with the keys of that file (store/keyring.h), also as it changes;
 * before that, an extension with a Secret is refused.  make: where the file is absent it is made,
 * and where it cannot be made that is logged.  Codes as store_use_keys(). */
int targets_use_keys(struct targets *ts, const char *path, bool make, struct err *err)
	__attribute__((warn_unused_result));

/* Waits for the workers, which fetch.stop must have ended. */
void targets_clear(struct targets *ts);

/* A manifest says so; ext is taken over. */
void targets_apply(struct targets *ts, struct extension *ext);

/* No manifest asks for it any more: its record goes, so that nobody new gets it. */
void targets_delete(struct targets *ts, const char *name);

/* A Secret or ConfigMap changed: fetches that failed for want of it need not wait. */
void targets_object_changed(struct targets *ts, const char *key);

/* Brings each target that is due as far as it can go now; sets look_at. */
void targets_advance(struct targets *ts);

/* Does a small piece of the store's upkeep where that is due; sets look_at where it shows something
 * amiss. */
void targets_upkeep(struct targets *ts);

/* Takes in the fetches that ended. */
void targets_collect(struct targets *ts);

/* Returns whether a fetch is under way. */
bool targets_busy(const struct targets *ts);

/* Removes the records that no target asks for.  ERR_TRANSIENT: the store cannot be read. */
int targets_sweep(struct targets *ts, struct err *err) __attribute__((warn_unused_result));

#endif
