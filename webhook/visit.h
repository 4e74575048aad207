/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook/visit.h - requests from their heads to their answers, as a daemon of libmicrohttpd hands
 * them over: what is taken goes to the desk, and its connection is suspended until that answers.
 * Knows no TLS and no socket, so that whoever has a daemon can be its server.
 * Threads: the daemon's, and the desk's; visits_end() waits for both.
 */
#ifndef WASMXDS_WEBHOOK_VISIT_H
#define WASMXDS_WEBHOOK_VISIT_H

#include <stddef.h>
#include <stdint.h>

#include <microhttpd.h>

#include "webhook/desk.h"
#include "webhook/peers.h"

#define VISIT_CONNECTION_BYTES 16384U /* libmicrohttpd's, of which a request's head is part */

struct visits; /* opaque */

struct visits_options {
	struct desk *desk; /* borrowed; outlives the visits */
	/* Told what a connection does now. */
	void (*note)(void *arg, struct MHD_Connection *connection, enum peer_state state);
	void *note_arg;
};

struct visits *visits_new(const struct visits_options *options);
void visits_free(struct visits *vs); /* when the daemon has ended; NULL is fine */

/* For MHD_start_daemon() and MHD_OPTION_NOTIFY_COMPLETED; arg is the visits. */
enum MHD_Result visits_on_request(void *arg, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, const char *upload, size_t *upload_size,
	void **state);
void visits_on_completed(void *arg, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode code);

/* For MHD_OPTION_UNESCAPE_CALLBACK: no path of ours has a percent sign, and one that is unescaped
 * would seem to end at %00. */
size_t visits_unescape(void *arg, struct MHD_Connection *connection, char *text);

/* From now on each answer ends its connection.  Waits until there is none under way, but no longer
 * than so many seconds. */
void visits_end(struct visits *vs, int64_t most_s);

size_t visits_count(struct visits *vs);       /* that are not answered yet */
size_t visits_bytes(const struct visits *vs); /* of their bodies */

#endif
