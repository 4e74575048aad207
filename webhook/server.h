/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook/server.h - the webhook's HTTPS: POST /mutate and POST /validate, for a desk.
 * TLS 1.2 and later, HTTP/1.1 with keep-alive (what API servers speak to webhooks).  Bounded in
 * connections, headers, bodies and in time; whoever is slow waits alone.
 * Threads: libmicrohttpd's two, which wait for nobody, one that shows the slow the door, and the
 * desk's, which answer what they waited for.
 */
#ifndef WASMXDS_WEBHOOK_SERVER_H
#define WASMXDS_WEBHOOK_SERVER_H

#include <stdint.h>

#include "base/err.h"
#include "webhook/desk.h"
#include "webhook/identity.h"

struct server; /* opaque */

struct server_options {
	const char *listen;        /* "[::]:8443"; port 0: any free one */
	struct desk *desk;         /* borrowed; outlives the server */
	struct identity *identity; /* borrowed; likewise */
	unsigned max_connections;  /* beyond it, who has been silent for longest goes */
	unsigned max_per_address;  /* 0: as many */
};

/* Counts since the start, and what is now. */
struct server_counts {
	uint64_t connections; /* open */
	uint64_t evicted;     /* for being slow, or too many */
	uint64_t visits;      /* requests that are not answered yet */
};

/* Starts to answer.  ERR_INVALID: the address; ERR_CONFLICT: the port is taken. */
struct server *server_start(const struct server_options *options, struct err *err);

/* Takes no more connections, answers what is there, and frees.  NULL is fine. */
void server_stop(struct server *s);

/* The address that is bound, with its real port; the caller frees it. */
char *server_address(const struct server *s);

void server_count(struct server *s, struct server_counts *out);

#endif
