/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube/call.h - one request to the API server and its answer, on a handle of libcurl: what
 * kube/client.h runs side by side, or one at a time.
 * Threads: the client's.
 */
#ifndef WASMXDS_KUBE_CALL_H
#define WASMXDS_KUBE_CALL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <curl/curl.h>

#include "kube/access.h"
#include "kube/client.h"

struct client_call {
	CURL *curl;                 /* owned by who opened the call */
	struct curl_slist *headers; /* owned */
	struct curl_slist *connect; /* owned */
	char *body;                 /* owned */
	client_bytes *bytes;        /* NULL: the answer is kept whole */
	client_done *done;
	void *arg;
	struct client_reply reply;
	struct err err;              /* ours, that ended it; ERR_NONE: none */
	char words[CURL_ERROR_SIZE]; /* libcurl's */
	int64_t timeout_ms;          /* for the whole answer, where idle_ms is 0 */
	int64_t idle_ms;             /* without a byte; 0: timeout_ms holds */
	int64_t began;               /* ms */
	int64_t heard;               /* ms; when the last byte came, or it began */
	bool answered;               /* a byte came */
	int64_t *heard_any;          /* borrowed; the same of all calls; may be NULL */
	size_t *opening; /* borrowed; this is one of those until it is answered, or NULL */
	size_t at;       /* in the client's array */
	TAILQ_ENTRY(client_call) place;
	bool queued; /* it has a place in the client's queue */
};

/* Has the handle ready for the request; bytes and done are for the caller to set.  What fails is in
 * call->err too. */
int call_prepare(struct client_call *call, CURL *curl, struct access *access,
	const struct client_request *request, struct err *err) __attribute__((warn_unused_result));

/* The request is over: fills in call->reply.  ERR_TRANSIENT, ERR_INVALID, or what client_bytes
 * said. */
int call_finish(struct client_call *call, CURLcode result, struct err *err)
	__attribute__((warn_unused_result));

/* It has been answered, or never will be: it is none of those that wait for that. */
void call_opened(struct client_call *call);

/* Releases all but the handle. */
void call_clear(struct client_call *call);

#endif
