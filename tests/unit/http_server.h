/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/http_server.h - an HTTP server on 127.0.0.1 that behaves as badly as it is told.
 * Paths: /module; /chain/N redirects N times to /module; /loop; /away redirects to where
 * http_server_redirect() says; /status/N; /short ends before its Content-Length; /huge announces 1
 * TiB; /endless; /stall sends 8 bytes and no more; /silent sends nothing; /trickle sends a byte
 * every 20 ms; /encoded says Content-Encoding: gzip over the module's own bytes; /gate is /module,
 * once http_server_open_gate() was called; /later is 503 with a Retry-After of 3 s.
 * Threads: it has its own; its functions are for the thread of the test.
 */
#ifndef WASMXDS_TESTS_UNIT_HTTP_SERVER_H
#define WASMXDS_TESTS_UNIT_HTTP_SERVER_H

#include <stddef.h>

#include "tests/unit/fetch_fixture.h"

struct http_server; /* opaque */

/* Starts it with TLS where tls is given, and with gnutls priorities where those are given.  Returns
 * NULL only where the priorities cannot be had. */
struct http_server *http_server_start(const struct fixture_tls *tls, const char *priorities);
void http_server_stop(struct http_server *s);
static inline void auto_http_server(struct http_server **s)
{
	http_server_stop(*s);
}

unsigned http_server_port(const struct http_server *s);
void http_server_redirect(struct http_server *s, const char *url);

void http_server_open_gate(struct http_server *s);

/* Waits until so many requests have come in all. */
void http_server_wait_for(struct http_server *s, unsigned requests);

/* Requests so far that held an Authorization header, and that named our User-Agent. */
unsigned http_server_authorized(struct http_server *s);
unsigned http_server_named_agent(struct http_server *s);
unsigned http_server_requests(struct http_server *s);

/* The most requests that waited for their answer to begin at one time. */
unsigned http_server_most_at_once(struct http_server *s);

#endif
