/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube/directory.h - a folder of manifests as a source of objects: what `wasmxds run` has in place
 * of an API server.  inotify only wakes; the truth is a scan, which compares what it reads with
 * what it reported before, so that atomic renames, editors' ways of saving and the symlink swap of
 * a mounted ConfigMap are all the same to it.  Reads *.yaml, *.yml and *.json directly below the
 * folder, whose name does not begin with a dot.
 * Threads: the one that owns it.
 */
#ifndef WASMXDS_KUBE_DIRECTORY_H
#define WASMXDS_KUBE_DIRECTORY_H

#include <stdbool.h>

#include "base/err.h"
#include "kube/source.h"

struct directory; /* opaque */

/* Opens the folder and starts to watch it.  ERR_NOT_FOUND, ERR_INVALID: not a folder, ERR_DENIED.
 */
int directory_open(struct directory **out, const char *path, struct err *err)
	__attribute__((warn_unused_result));
void directory_close(struct directory *dir);

/* Polls readable when a scan may find something; -1 where inotify is not to be had, and while the
 * folder is not there.  Borrowed, and to be asked for anew after each scan.  It does not see what
 * happens to the targets of links, or to the folders above: scan now and then all the same. */
int directory_fd(const struct directory *dir);

/* Takes in what directory_fd() woke for.  Returns whether a scan would find whole files: since the
 * last scan, something was renamed into place or closed after writing, and no manifest was made,
 * removed or moved away, which is how a change that is still under way begins. */
bool directory_settled(struct directory *dir);

/* Reads the folder and calls each() for every difference to the scan before; each() takes over what
 * the event owns.  Within one scan, all DELETED come after all APPLIED, so that an object that
 * moved to another file is never missing.  A file of which one document is wrong still applies its
 * right ones; the objects that the file held before and no longer shows stay as long as it is
 * invalid.  A file without a byte is invalid: a write in place begins like that.  A folder that
 * cannot be read is ERR_TRANSIENT, one of more than LIMIT_MANIFEST_FILES is ERR_INVALID; both
 * report and delete nothing. */
int directory_scan(struct directory *dir, source_receiver *each, void *arg, struct err *err)
	__attribute__((warn_unused_result));

/* Returns whether a file of this name is read: editors' copies and locks end in something else, or
 * begin with a dot. */
bool directory_is_manifest(const char *name);

/* Returns whether every file was right at the last scan: then what was not reported does not
 * exist. */
bool directory_complete(const struct directory *dir);

#endif
