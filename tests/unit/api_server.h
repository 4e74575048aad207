/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/api_server.h - a fake Kubernetes API server on 127.0.0.1, as far as lists and watches
 * go, that breaks in the ways it is told.  Versions are opaque ("v-7"), items of lists do not say
 * their kind, and Secrets and ConfigMaps are given only to who names one of them.
 * Threads: it has its own; its functions are for the thread of the test.
 */
#ifndef WASMXDS_TESTS_UNIT_API_SERVER_H
#define WASMXDS_TESTS_UNIT_API_SERVER_H

#include <stdbool.h>

#include "tests/unit/fetch_fixture.h"

struct api_server; /* opaque */

struct api_server *api_server_start(const struct fixture_tls *tls);
void api_server_stop(struct api_server *s);
static inline void auto_api_server(struct api_server **s)
{
	api_server_stop(*s);
}
unsigned api_server_port(const struct api_server *s);

/* Puts an object of "wasmextensions", "secrets" or "configmaps": fields are those beside metadata,
 * `"spec":{}`. */
void api_server_put(struct api_server *s, const char *resource, const char *namespace,
	const char *name, const char *fields);
void api_server_delete(
	struct api_server *s, const char *resource, const char *namespace, const char *name);

/* The next n requests are answered with this status. */
void api_server_fail(struct api_server *s, unsigned n, unsigned status, unsigned retry_after_s);

/* Requests that name this object are answered 403, and watches of it end. */
void api_server_deny(struct api_server *s, const char *name); /* NULL: none any more */

/* All watches end: normally, or with half a line. */
void api_server_end_watches(struct api_server *s);
void api_server_cut_watches(struct api_server *s);

/* Forgets what changed so far: a watch from before is told 410. */
void api_server_compact(struct api_server *s);

/* Sends a bookmark to every watch. */
void api_server_bookmark(struct api_server *s);

/* Answers lists in pages of so many; 0: of as many as are asked for. */
void api_server_page(struct api_server *s, unsigned items);

/* Tells 410 to the next that asks for a list's next page. */
void api_server_forget_page(struct api_server *s);

/* Starts and ends to accept connections: those that there are end too. */
void api_server_go_down(struct api_server *s);
void api_server_come_up(struct api_server *s);

/* So far: requests for the first page of a list, for a watch; and watches that stand now. */
unsigned api_server_lists(struct api_server *s);
unsigned api_server_watches(struct api_server *s);
unsigned api_server_standing(struct api_server *s);

/* Returns whether the last request bore this token. */
bool api_server_saw_token(struct api_server *s, const char *token);

#endif
