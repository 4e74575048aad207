/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/loader.h - keeps the catalog as the store is.
 * A record that cannot be used is logged, and the one before it goes on being served; of those that
 * no key of ours opens, the first alone is logged.
 * Threads: those that serve, one at a time.
 */
#ifndef WASMXDS_XDS_LOADER_H
#define WASMXDS_XDS_LOADER_H

#include <stdint.h>

#include "base/err.h"
#include "base/stamp.h"
#include "store/blob.h"
#include "store/store.h"
#include "xds/catalog.h"
#include "xds/metrics.h"

struct loader {
	struct store *store;         /* owned */
	struct blob_cache *blobs;    /* owned */
	struct catalog *catalog;     /* borrowed */
	struct xds_metrics *metrics; /* borrowed */
	uint64_t scans;
	char *refusals_file;         /* owned */
	struct stamp refusals_stamp; /* of that when it was read */
	struct map sealed;           /* names of records that no key of ours opens; no values */
	void (*changed)(void *arg, struct resource *r); /* a resource has a new payload */
	void *arg;
};

/* Opens the store for reading, and what is sealed there with the keys of seal_key (NULL: none).
 * Codes as store_open() and store_use_keys(). */
int loader_init(struct loader *l, const char *store_dir, const char *seal_key,
	struct catalog *catalog, struct err *err) __attribute__((warn_unused_result));
void loader_clear(struct loader *l);

/* Reads the record of one name again. */
void loader_reload(struct loader *l, const char *name);

/* Tries again what could not be opened where the keys changed; to be called now and then. */
void loader_tick(struct loader *l);

/* Has own refusals heed what the controller says that proxies refused, at whatever replica, where
 * that changed; to be called now and then. */
void loader_heed(struct loader *l, struct refusals *own);

/* Compares every record with what the catalog has, and reads those that changed. */
void loader_rescan(struct loader *l);

/* Returns the module's bytes of r, which has a payload; borrowed from r.  NULL: they cannot be had
 * or are not what they should be, which err says. */
struct blob *loader_blob(struct loader *l, struct resource *r, struct err *err);

#endif
