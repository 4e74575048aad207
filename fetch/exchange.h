/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/exchange.h - one HTTP request and its answer, redirects, retries and resumed bodies
 * included: the engine that every driver uses.  Knows no registry, no bucket and no signature.
 *
 * Each redirect is a request of its own with a handle of its own, so that no credential, cookie or
 * connection state of one server reaches another.  Each connection is judged by fetch/guard.h.  The
 * proxy variables of libcurl's environment (http_proxy, HTTPS_PROXY, NO_PROXY ...) hold.
 * 408, 425, 429, 5xx but 501 and whatever fails on the network are tried again, with exponential
 * backoff and full jitter, or after Retry-After where the server says so; other statuses are not.
 * A body for a sink that was cut is asked for from there on (Range, If-Range): tries count anew
 * with each byte further than ever before. Threads: none of its own; curl_setup() comes first.
 */
#ifndef WASMXDS_FETCH_EXCHANGE_H
#define WASMXDS_FETCH_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "fetch/guard.h"
#include "fetch/sink.h"
#include "fetch/task.h"

/* What is sent along; all zero: nothing. */
struct exchange_upload {
	const void *bytes; /* borrowed; NULL: read from fd, from its start */
	int fd;            /* borrowed; a regular file */
	uint64_t n;
};

/* All pointers are borrowed; what is zero has the meaning named. */
struct exchange_request {
	const char *url;    /* absolute, http or https; userinfo in it is Basic, for its origin */
	const char *method; /* NULL: GET; only GET and HEAD follow redirects */

	/* "Name: value" each, NULL at the end.  headers go to every server that is asked;
	 * origin_headers (credentials, signatures) to the scheme, host and port of url alone. */
	const char *const *headers;
	const char *const *origin_headers;
	/* Gives origin_headers anew before each further try, for signatures that grow old; they are
	 * borrowed until it is called again or the exchange ends.  May be NULL. */
	int (*renew)(void *arg, const char *const **origin_headers, struct err *err);
	void *renew_arg;

	struct exchange_upload upload;

	/* Statuses that are no error, 0 at the end, so that the caller sees to them (401, say);
	 * NULL: 200 alone.  A redirect that is listed is not followed. */
	const long *accept;

	struct sink *sink; /* takes the body of a 200 */
	struct buf *text;  /* takes any other body, and that of a 200 where sink is NULL; of a
			    * status that is an error as much as fits.  NULL: not read */
	bool immutable;    /* url names the same bytes for ever: a cut body goes on without ETag */

	const struct guard *guard; /* NULL: the options' */
	bool no_proxy;             /* whatever the environment says */
	int tries;                 /* 0: the options' */
	int64_t timeout_ms;        /* for the whole exchange; 0: until the task's deadline */
};

struct header; /* opaque */

/* The last answer. */
struct exchange_reply {
	long status;            /* 0: there was none */
	char *url;              /* owned; whose answer it is */
	struct header *headers; /* owned */
	size_t n_headers;
	int64_t content_length; /* -1: not said */
	int64_t retry_after_ms; /* 0: not said */
};

/* Performs it; reply, all zero or cleared before and for the caller to clear, holds the last answer
 * also where that is an error. ERR_INVALID: no URL, too large, too many redirects, one from https
 * to http, most of 4xx; ERR_NOT_FOUND: 404, 410; ERR_DENIED: 401, 403, 407, or the guard's no;
 * ERR_TRANSIENT: what was tried again in vain, or not within the time; ERR_FULL.  Where the server
 * asked for more time than a worker waits, that is left in task->retry_after_ms.  Messages hold no
 * credential, and no url but those of redirects: the caller names it. */
int exchange(struct exchange_reply *reply, struct fetch_task *task,
	const struct exchange_request *request, struct err *err)
	__attribute__((warn_unused_result));

void exchange_reply_clear(struct exchange_reply *reply);
static inline void auto_exchange_reply(struct exchange_reply *reply)
{
	exchange_reply_clear(reply);
}

/* Returns the value of the nth (from 0) header called name, in any case, or NULL; borrowed. */
const char *exchange_reply_header(const struct exchange_reply *reply, const char *name, size_t nth);

/* Returns what a final status means; ERR_NONE is for 200 alone. */
enum err_code exchange_status_verdict(long status);

#endif
