/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube/feed.h - one kube/watch.h with its requests, and what it gives made into events: all
 * WasmExtensions, of a namespace or of the cluster, or one Secret or ConfigMap.
 * Threads: the client's.
 */
#ifndef WASMXDS_KUBE_FEED_H
#define WASMXDS_KUBE_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "api/manifest.h"
#include "kube/client.h"
#include "kube/source.h"

struct feed; /* opaque */

/* What the feeds of one source share. */
struct feed_bus {
	struct client *client; /* borrowed */
	source_receiver *each; /* of the step under way; only then do feeds call it */
	void *arg;
	size_t lists;       /* of single objects, under way */
	bool moved;         /* what is due changed */
	struct err failure; /* the first that is worth a message; ERR_NONE: none */
};

/* All WasmExtensions, of this namespace or, where it is NULL, of all. */
struct feed *feed_of_extensions(struct feed_bus *bus, const char *namespace);

/* One Secret or ConfigMap. */
struct feed *feed_of_object(
	struct feed_bus *bus, enum object_kind kind, const char *namespace, const char *name);

/* Not within a callback of the client. */
void feed_free(struct feed *f);

/* Gives nothing more. */
void feed_mute(struct feed *f);

/* Asks again every interval_ms in place of watching; 0: watches. */
void feed_set_interval(struct feed *f, int64_t interval_ms);

/* When to call feed_start(); INT64_MAX while a request is under way. */
int64_t feed_due(const struct feed *f);
void feed_start(struct feed *f);

/* Returns whether all WasmExtensions were given. */
bool feed_synced(const struct feed *f);

/* Returns whether it was given what there is of the object, be it nothing. */
bool feed_knows(const struct feed *f);

#endif
