/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/api_objects.h - what the fake API server holds: all that ever happened to its objects,
 * a version for each time, and how a list and a watch tell of it.  Not a server: see api_server.h.
 * Fails by ending the test program.
 * Threads: no lock is taken here; the server's is around every call with a struct api_objects.
 */
#ifndef WASMXDS_TESTS_UNIT_API_OBJECTS_H
#define WASMXDS_TESTS_UNIT_API_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* What is asked for. */
struct api_selection {
	char *resource;  /* owned, as all below */
	char *namespace; /* NULL: all */
	char *name;      /* NULL: all */
};

/* Reads ".../[namespaces/NAMESPACE/]RESOURCE" and the field selector, which may be NULL.  Returns
 * whether that is a resource of ours; out is to be cleared in any case. */
bool api_selection_read(struct api_selection *out, const char *path, const char *selector);
void api_selection_clear(struct api_selection *s);

struct api_happening; /* opaque */

/* Begins as zeros. */
struct api_objects {
	struct api_happening *log; /* owned; all that ever happened */
	size_t n;
	unsigned version;   /* of the last */
	unsigned compacted; /* what happened up to this is forgotten */
};

void api_objects_clear(struct api_objects *o);

/* As api_server_put() and api_server_delete(). */
void api_objects_put(struct api_objects *o, const char *resource, const char *namespace,
	const char *name, const char *fields);
void api_objects_delete(
	struct api_objects *o, const char *resource, const char *namespace, const char *name);

/* Prints the page of a list that begins at this place of the log, and where the next one does. */
void api_objects_print_list(struct buf *out, const struct api_objects *o,
	const struct api_selection *selection, size_t at, size_t most);

/* Returns the place in the log behind this version ("v-7"; NULL is before all), or false: what
 * followed it is forgotten, and *at is the log's end. */
bool api_objects_find(size_t *at, const struct api_objects *o, const char *version);

/* Prints what happened from *at on, a line each, and leaves the log's end there. */
void api_objects_print_events(struct buf *out, const struct api_objects *o,
	const struct api_selection *selection, size_t *at);

/* Prints the line of a watch from a version that is forgotten. */
void api_objects_print_gone(struct buf *out);

/* Prints the line that says which version is the last. */
void api_objects_print_bookmark(struct buf *out, const struct api_objects *o);

#endif
