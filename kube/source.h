/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube/source.h - where objects come from: a folder of manifests (kube/folder.h) or an API server
 * (kube/cluster.h), behind one interface, so that the controller knows neither.
 *
 * WasmExtensions come by themselves, all of them.  Secrets and ConfigMaps come from an API server
 * only while they are wanted; a folder gives all that it has.
 * Threads: the one that owns it.
 */
#ifndef WASMXDS_KUBE_SOURCE_H
#define WASMXDS_KUBE_SOURCE_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "api/manifest.h"
#include "base/err.h"

enum source_change {
	SOURCE_APPLIED, /* object is new or not what it was; right again where it was INVALID */
	SOURCE_DELETED, /* the object that had this key is gone, or, being wanted, is not there */
	SOURCE_INVALID, /* what is there cannot be used, as err says; what it held before stays */
	SOURCE_MENDED,  /* what was invalid is right again, or gone */
};

/* One thing that changed.  What it owns is the receiver's.  A folder's INVALID and MENDED are about
 * a file, origin, and have neither object nor key.  An API server's INVALID is about the object of
 * key, ends with the next APPLIED or DELETED of that key, and has an object where there is one: a
 * WasmExtension that our rules refuse, with all of struct object but its extension. */
struct source_event {
	enum source_change change;
	struct object *object; /* owned; APPLIED, and INVALID as above; else NULL */
	char *key;             /* owned; as object_key(); NULL: see above */
	char *origin;          /* owned; the file's name below the folder; "" of an API server */
	struct err err;        /* INVALID: ERR_INVALID; ERR_CONFLICT: two files name one object;
				  ERR_DENIED: the API server does not let us read it */
};

/* Takes over what the event owns; may want and drop, and calls nothing else of the source. */
typedef void source_receiver(void *arg, struct source_event *event);

struct source; /* opaque to who uses it */

/* Returns when one of the caller's fds is ready, as their revents say, when source_step() has
 * something to do, or after timeout_ms at the latest. */
void source_wait(struct source *s, struct pollfd *fds, nfds_t n, int64_t timeout_ms);

/* Does what is due and calls each() for what changed; costs next to nothing where nothing is.  The
 * first one of a folder reads it.  Each failure comes once, as often as it is met: ERR_TRANSIENT,
 * ERR_DENIED, ERR_INVALID (too many files, no such resource); nothing is deleted for it, and the
 * source tries again by itself. */
int source_step(struct source *s, source_receiver *each, void *arg, struct err *err)
	__attribute__((warn_unused_result));

/* Returns whether what was not reported does not exist (WasmExtensions that are INVALID with a key
 * do): all of the folder was right, or all WasmExtensions were listed. */
bool source_complete(const struct source *s);

/* Asks for a Secret or ConfigMap, or says that it is no longer needed.  Calls are counted: each
 * user of an object wants it once and drops it once.  What is wanted anew is reported, as DELETED
 * if it is not there; after the last drop nothing more is said of it. */
void source_want(struct source *s, enum object_kind kind, const char *namespace, const char *name);
void source_drop(struct source *s, enum object_kind kind, const char *namespace, const char *name);

/* Returns whether it is known what there is of an object that is wanted: before that, its absence
 * says nothing. */
bool source_knows(
	const struct source *s, enum object_kind kind, const char *namespace, const char *name);

void source_close(struct source *s); /* NULL is fine */
static inline void auto_source(struct source **s)
{
	source_close(*s);
}

/* For those who implement it: struct source is the first member of theirs. */
struct source_methods {
	void (*wait)(struct source *s, struct pollfd *fds, nfds_t n, int64_t timeout_ms);
	int (*step)(struct source *s, source_receiver *each, void *arg, struct err *err);
	bool (*complete)(const struct source *s);
	void (*want)(
		struct source *s, enum object_kind kind, const char *namespace, const char *name);
	void (*drop)(
		struct source *s, enum object_kind kind, const char *namespace, const char *name);
	bool (*knows)(const struct source *s, enum object_kind kind, const char *namespace,
		const char *name);
	void (*close)(struct source *s);
};

struct source {
	const struct source_methods *methods; /* borrowed */
};

#endif
