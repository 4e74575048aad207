/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/script_server.h - a server on 127.0.0.1 that answers each request as a test's own
 * function says, byte for byte, and closes.
 * Threads: the server has its own, which calls the function; so what that touches is read only once
 * the server is stopped, or the answers that changed it have come.
 */
#ifndef WASMXDS_TESTS_UNIT_SCRIPT_SERVER_H
#define WASMXDS_TESTS_UNIT_SCRIPT_SERVER_H

#include <stddef.h>

/* Writes an answer to fd; request holds the head, and the body as far as one read had it. */
typedef void script_answer(void *arg, unsigned nth, const char *request, int fd);

struct script_server; /* opaque */

struct script_server *script_server_start(script_answer *answer, void *arg);

/* Answers every request with the same bytes, which must outlive it. */
struct script_server *script_server_start_bytes(const void *bytes, size_t n);

void script_server_stop(struct script_server *s);
static inline void auto_script_server(struct script_server **s)
{
	script_server_stop(*s);
}
unsigned script_server_port(const struct script_server *s);
unsigned script_server_requests(struct script_server *s);

/* Sends formatted text; whether the client still listens is of no interest. */
void script_print(int fd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void script_send(int fd, const void *bytes, size_t n);

#endif
