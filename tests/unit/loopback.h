/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/loopback.h - what the servers of the tests have in common: their address, how they
 * answer, and libmicrohttpd with a thread for each connection.
 * Threads: each connection's calls the route; the rest is for the thread of the test.
 */
#ifndef WASMXDS_TESTS_UNIT_LOOPBACK_H
#define WASMXDS_TESTS_UNIT_LOOPBACK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <microhttpd.h>

#include "tests/unit/fetch_fixture.h"

/* Answers a request; what body it may have is not read. */
typedef enum MHD_Result loopback_route(void *arg, struct MHD_Connection *c, const char *path);

/* Part of a server, which sets what is not set here. */
struct loopback {
	const struct fixture_tls *tls; /* borrowed; NULL: without TLS */
	const char *priorities;        /* gnutls's; NULL: its normal ones */
	loopback_route *route;
	void *arg;
	unsigned port;             /* set when it first comes up, and kept */
	struct MHD_Daemon *daemon; /* owned; set here: NULL while it is down */
};

/* Returns whether it came up; errno says why it did not. */
bool loopback_up(struct loopback *l);

/* Ends its connections, once their routes and readers have returned. */
void loopback_down(struct loopback *l);

/* 127.0.0.1; port 0 is any that is free. */
struct sockaddr_in loopback_address(unsigned port);

/* Queues the response, and takes it over. */
enum MHD_Result loopback_respond(
	struct MHD_Connection *c, unsigned status, struct MHD_Response *response);

/* A response that holds a copy of these bytes. */
struct MHD_Response *loopback_copy(const void *bytes, size_t n);

/* When so many ns have passed, as pthread_cond_timedwait() wants it. */
struct timespec loopback_in(long ns);

#endif
