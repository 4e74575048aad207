/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/catalog.h - what can be served, by name, and who subscribed to it.
 * A resource exists while it has a payload or a subscription: a name that nobody made yet is
 * remembered for those who wait for it, and one that was deleted for those who still run it.
 * Pure.  Threads: those that serve, one at a time.
 */
#ifndef WASMXDS_XDS_CATALOG_H
#define WASMXDS_XDS_CATALOG_H

#include "base/map.h"
#include "store/blob.h"
#include "store/store.h"
#include "xds/payload.h"

struct stream;

struct resource {
	char *name;                 /* owned */
	struct payload *payload;    /* one reference; NULL: unknown or deleted */
	struct blob *blob;          /* one reference; NULL until the first subscriber is sent it */
	struct record_stamp stamp;  /* of the record in the store */
	uint64_t seen;              /* by the scan of this number */
	struct subscription *first; /* who subscribed; links in xds/stream.h */
};

struct catalog {
	struct map resources; /* name → struct resource, owned */
	size_t available;     /* resources with a payload */
};

void catalog_init(struct catalog *c);

/* Every subscription must be gone. */
void catalog_clear(struct catalog *c);

/* Returns the resource, or NULL. */
struct resource *catalog_find(const struct catalog *c, const char *name);

/* Returns the resource, made where it is not known; the caller subscribes or puts a payload. */
struct resource *catalog_require(struct catalog *c, const char *name);

/* Gives a resource its payload, which is taken over, in place of the one before.  The caller tells
 * the subscribers (stream_touch()). */
struct resource *catalog_put(struct catalog *c, struct payload *payload);

/* Takes the payload away.  Subscribers are told nothing: a removal would be an immediate 500 for
 * their live traffic. */
void catalog_remove(struct catalog *c, const char *name);

/* Lets go of what nobody needs any more: the blob with the last subscriber, the resource when it
 * has no payload either.  Called after a subscription went. */
void catalog_release(struct catalog *c, struct resource *r);

#endif
