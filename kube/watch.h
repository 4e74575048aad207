/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube/watch.h - what there is of one kind, kept up to date by a list and a watch behind it: the
 * state machine, without the connection.  It says what to ask for and when, takes the answers in
 * any cut, and gives what changed.
 *
 * A watch that ends, is cut or stands still goes on from the last resourceVersion, which is opaque,
 * and is listed anew only where the server says that this is too old, or what it sent cannot be
 * read and does not even say which object it is.  After a list, what is no longer in it is gone.
 * Waits after failures double up to WATCH_BACKOFF_MS, with jitter, and are never shorter than the
 * server asks.  Pure: time and chance are passed in.
 */
#ifndef WASMXDS_KUBE_WATCH_H
#define WASMXDS_KUBE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/node.h"
#include "base/err.h"

#define WATCH_BACKOFF_MS 4000 /* the longest wait that nobody asked for */
#define WATCH_DENIED_MS 15000 /* the same while the server does not let us, or has no such kind */

struct watch; /* opaque */

/* What changed. */
struct watch_event {
	const char *key;              /* borrowed; "namespace/name" */
	struct node *document;        /* borrowed, may be taken apart; NULL: the object is gone */
	const struct err *unreadable; /* borrowed; NULL, or why document is but an outline */
};

typedef void watch_receiver(void *arg, struct watch_event *event);

/* Makes one for all that path lists ("/api/v1/namespaces/x/secrets"), or for the one object called
 * name. */
struct watch *watch_new(const char *path, const char *name);
void watch_free(struct watch *w);
static inline void auto_watch(struct watch **w)
{
	watch_free(*w);
}

/* Lists every interval_ms, once the first list is there, in place of watching; 0: watches, and
 * at once where it did not. */
void watch_set_interval(struct watch *w, int64_t interval_ms);

/* Returns when watch_ask() has something; INT64_MAX while a request is under way. */
int64_t watch_due(const struct watch *w);

/* Returns the path of the request to send, which is under way from now on; the caller frees it. */
char *watch_ask(struct watch *w, int64_t now, uint32_t random);

/* Returns whether what is under way is a watch, not a list. */
bool watch_streams(const struct watch *w);

/* Takes bytes of an answer with status 200 and calls each() for what changed.  -1: what came cannot
 * be used, or the server ended the watch by an event: the answer is to be dropped, and watch_end()
 * told so. */
int watch_take(struct watch *w, const char *bytes, size_t n, watch_receiver *each, void *arg,
	struct err *err) __attribute__((warn_unused_result));

/* How a request ended. */
struct watch_end {
	long status;            /* 0: no answer came */
	const struct err *why;  /* NULL: the answer is whole and good; else what failed */
	int64_t retry_after_ms; /* what the server asks for; 0: nothing */
	int64_t now;
	uint32_t random;
};

/* Takes in that the request is over and calls each() for what is gone.  Returns 0 where that is
 * normal, also where a watch was cut; -1 with err where it is worth a message. */
int watch_end(struct watch *w, const struct watch_end *end, watch_receiver *each, void *arg,
	struct err *err) __attribute__((warn_unused_result));

/* Returns whether all that there was had been given once. */
bool watch_synced(const struct watch *w);

/* Lists anew and gives everything again, as if it were new; what is gone is still noticed.  Not
 * while a request is under way. */
void watch_repeat(struct watch *w);

#endif
