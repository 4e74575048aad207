/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/listener.h - a small HTTP server: a whole request in, a whole answer out, by one function.
 * What the admin ports are made of.  Bounded in connections, in bodies and in time.
 * Threads: libmicrohttpd's own, which call the function, several at a time.
 */
#ifndef WASMXDS_HTTP_LISTENER_H
#define WASMXDS_HTTP_LISTENER_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

#define HTTP_TYPE_JSON "application/json"
#define HTTP_TYPE_JSON_LINES "application/x-ndjson"
#define HTTP_TYPE_HTML "text/html; charset=utf-8"
#define HTTP_TYPE_CSS "text/css; charset=utf-8"
#define HTTP_TYPE_TEXT "text/plain; charset=utf-8"
#define HTTP_TYPE_METRICS "text/plain; version=0.0.4; charset=utf-8"

struct listener; /* opaque */

/* All borrowed. */
struct http_request {
	const char *method;
	const char *path; /* without the query */
	const char *body; /* NUL behind it */
	size_t body_len;
	void *connection; /* libmicrohttpd's; NULL: there is no query */
};

/* Returns the value of a name in the query, decoded, or NULL; borrowed like the request. */
const char *http_argument(const struct http_request *request, const char *name);

struct http_answer {
	unsigned status;
	const char *type; /* a constant; NULL: none */
	struct buf body;
};

/* Answers a request; answer's status is 200 and its body empty at first. */
typedef void http_handler(
	void *arg, const struct http_request *request, struct http_answer *answer);

struct listener_options {
	const char *listen;       /* "127.0.0.1:8611", "[::]:8611"; port 0: any free one */
	size_t max_request_bytes; /* a larger body is answered by 413 */
	size_t max_answer_bytes;  /* ceiling of an answer's body */
	http_handler *handle;
	void *arg;
};

/* Starts to answer; what arg points to must outlive it.  ERR_INVALID: the address; ERR_CONFLICT:
 * the port is taken. */
struct listener *listener_start(const struct listener_options *options, struct err *err);
void listener_stop(struct listener *l); /* NULL is fine */

/* The address that is bound, with its real port; the caller frees it. */
char *listener_address(const struct listener *l);

/* Makes a line of text the whole answer. */
void http_say(struct http_answer *answer, unsigned status, const char *text);

/* One page of several. */
struct http_route {
	const char *method;
	const char *path;
	http_handler *answer;
};

/* Has the route that fits answer; 404 and 405 where there is none. */
void http_dispatch(const struct http_route *routes, size_t n, void *arg,
	const struct http_request *request, struct http_answer *answer);

#endif
