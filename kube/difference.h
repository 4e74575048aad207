/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube/difference.h - what every file of a folder shows, against what was reported of it: the pure
 * part of kube/directory.h.  Reads no file: it is shown what changed, then asked for the events.
 *
 * An object belongs to the first file, in the order of names, that claims it.  A file claims what
 * its documents say, and as long as it is wrong also what it claimed before.  An object that was
 * handed on is not kept: where an earlier file takes it over, the later one becomes hollow, and is
 * refilled so that it has something to hand on when the earlier one goes.  A report costs what
 * changed, and the files that claim the same objects; not the number of the others.
 * Threads: the one that owns it.
 */
#ifndef WASMXDS_KUBE_DIFFERENCE_H
#define WASMXDS_KUBE_DIFFERENCE_H

#include <stdbool.h>

#include "api/manifest.h"
#include "base/err.h"
#include "kube/source.h"

struct difference; /* opaque */

struct difference *difference_new(void); /* never NULL */
void difference_free(struct difference *d);
static inline void auto_difference(struct difference **d)
{
	difference_free(*d);
}

/* The file's content is new: it holds these objects, which are taken out of shown, and is right
 * where wrong is NULL. */
void difference_show(
	struct difference *d, const char *name, struct manifest *shown, const struct err *wrong);

/* The file cannot be read: its claims stay as they are. */
void difference_fail(struct difference *d, const char *name, const struct err *wrong);

/* The file is gone, and its claims with it; one that was never shown is fine. */
void difference_drop(struct difference *d, const char *name);

/* Returns whether the file, though unchanged, must be read and refilled before the next report. */
bool difference_hollow(const struct difference *d, const char *name);

/* The file's content is what it was: takes out of shown the objects that it no longer has. */
void difference_refill(struct difference *d, const char *name, struct manifest *shown);

/* Calls each() for what changed since the last report; each() takes over what the event owns and
 * does not call back.  In the order of files and their documents; DELETED comes last. */
void difference_report(struct difference *d, source_receiver *each, void *arg);

/* Returns whether every file was right at the last report. */
bool difference_complete(const struct difference *d);

/* Returns whether the last report left no file hollow: then those that did not change may be left
 * out of a scan. */
bool difference_settled(const struct difference *d);

#endif
