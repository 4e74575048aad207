/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/targets.h - every extension that is wanted, and what is done for it: the shell around
 * controller/reconcile.h.  Owns the store and the fetches.  What one change costs does not grow
 * with the number of extensions.
 * Threads: the controller's.
 */
#ifndef WASMXDS_CONTROLLER_TARGETS_H
#define WASMXDS_CONTROLLER_TARGETS_H

#include <stdint.h>

#include "api/manifest.h"
#include "base/err.h"
#include "base/inbox.h"
#include "controller/due.h"
#include "controller/metrics.h"
#include "controller/permission.h"
#include "controller/references.h"
#include "controller/target.h"
#include "controller/upkeep.h"
#include "fetch/pool.h"
#include "kube/source.h"
#include "store/store.h"

/* Who is told, and asked; all may be NULL. */
struct targets_owner {
	void (*looked_at)(void *arg, const struct target *t); /* something may be new of it */
	bool (*may_write)(void *arg);                         /* whether the store is ours now */
	void *arg;
};

struct targets {
	struct fetch_options fetch;
	char *temp_dir;              /* owned; what fetch.temp_dir points to */
	struct store *store;         /* owned */
	struct fetch_pool *pool;     /* owned */
	struct inbox *done;          /* owned; of struct fetch_job */
	const struct source *source; /* borrowed; says what objects are known; NULL: all are */
	struct targets_owner owner;
	struct metrics *metrics; /* borrowed */
	struct map by_name;      /* name → struct target, owned */
	struct map objects;      /* Secrets and ConfigMaps: key → struct object, owned */
	struct map unreadable;   /* others that are there, perhaps: key → char *, why, owned */
	struct due due;          /* when to look at which target */
	struct references references;   /* who uses which object */
	struct permissions permissions; /* which namespace may have which module */
	struct map on_the_way;          /* digests that a fetch under way will bring; no values */
	struct map stripped;            /* digest of a module → struct stripped, owned */
	struct map marks;  /* local file → struct mark, owned; a moment old at most */
	struct map needed; /* while needs_known: digests of blobs that targets need */
	bool needs_known;
	bool unswept; /* a record that should go could not be removed */
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

/* Somebody asks for ext, which is taken over.  Returns its target; borrowed. */
struct target *targets_apply(struct targets *ts, struct extension *ext);

/* What stands under the name now is not accepted: what was served before stays. */
struct target *targets_refuse(struct targets *ts, const char *name, const char *why);

/* Nobody asks for it any more: its record goes, so that nobody new gets it. */
void targets_delete(struct targets *ts, const char *name);

/* A Secret or ConfigMap is new (taken over), or gone (NULL): those that use it are looked at. */
void targets_put_object(struct targets *ts, const char *key, struct object *object);

/* Nobody lets us read it; what it held when it could be read stays. */
void targets_put_unreadable(struct targets *ts, const char *key, const char *why);

/* Nothing is known any more of an object that no target uses. */
void targets_forget_object(struct targets *ts, const char *key);

/* Brings targets that are due as far as they can go now, for a fraction of a second at most. */
void targets_advance(struct targets *ts);

/* Does a small piece of the store's upkeep where that is due. */
void targets_upkeep(struct targets *ts);

/* Takes in the fetches that ended, a portion of them where there are many. */
void targets_collect(struct targets *ts);

/* When targets_advance() or targets_upkeep() has something to do. */
int64_t targets_due(const struct targets *ts);

/* Removes the records that no target asks for.  ERR_TRANSIENT: the store cannot be read. */
int targets_sweep(struct targets *ts, struct err *err) __attribute__((warn_unused_result));

#endif
