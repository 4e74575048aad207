/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/client.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include <curl/curl.h>

#include "base/auto.h"
#include "base/curl.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "kube/access.h"
#include "kube/call.h"
#include "kube/verdict.h"

#define IDLE_CONNECTIONS 4L
#define LONGEST_WAIT_MS 60000
#define PULSE_MS 250 /* the longest wait while something is under way, see wait_of() */

TAILQ_HEAD(call_queue, client_call);

struct client {
	struct access access;
	CURLM *multi;               /* owned */
	CURL *single;               /* owned; for client_call(); NULL until the first */
	struct client_call **calls; /* owned, and each; all that are under way */
	size_t n_calls;
	struct call_queue queue; /* borrowed; streams that wait to be sent, the oldest first */
	size_t opening;          /* streams that were sent, and of which no byte came */
	bool broken;             /* one of them could not be started */
	bool dead;               /* the connections are; all calls end */
	int64_t heard;           /* ms; when any byte came */
};

static CURLM *multi_new(void)
{
	CURLM *multi = curl_multi_init();

	if (!multi)
		abort(); /* out of memory, as in base/xalloc.h */
	(void)curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS);
	return multi;
}

int client_new(struct client **out, struct credentials *access, struct err *err)
{
	struct client *c = xcalloc(1, sizeof(*c));
	int rc = curl_setup(err);

	if (rc < 0 || access_init(&c->access, access, err) < 0) {
		free(c);
		if (rc == 0)
			curl_teardown();
		return -1;
	}
	c->multi = multi_new();
	TAILQ_INIT(&c->queue);
	*out = c;
	return 0;
}

static void add_call(struct client *c, struct client_call *call)
{
	c->calls = xreallocarray(c->calls, c->n_calls + 1, sizeof(struct client_call *));
	call->at = c->n_calls;
	c->calls[c->n_calls++] = call;
}

static void enqueue(struct client *c, struct client_call *call)
{
	TAILQ_INSERT_TAIL(&c->queue, call, place);
	call->queued = true;
}

static void dequeue(struct client *c, struct client_call *call)
{
	if (call->queued)
		TAILQ_REMOVE(&c->queue, call, place);
	call->queued = false;
}

/* The last one takes its place. */
static void take_call(struct client *c, struct client_call *call)
{
	struct client_call *last = c->calls[--c->n_calls];

	last->at = call->at;
	c->calls[last->at] = last;
	dequeue(c, call);
	call_opened(call);
}

static void free_call(struct client_call *call)
{
	call_clear(call);
	curl_easy_cleanup(call->curl);
	free(call);
}

void client_cancel(struct client *c, struct client_call *call)
{
	(void)curl_multi_remove_handle(c->multi, call->curl);
	take_call(c, call);
	free_call(call);
}

void client_free(struct client *c)
{
	if (!c)
		return;
	while (c->n_calls > 0)
		client_cancel(c, c->calls[c->n_calls - 1]);
	free(c->calls);
	(void)curl_multi_cleanup(c->multi);
	curl_easy_cleanup(c->single);
	access_clear(&c->access);
	curl_teardown();
	free(c);
}

static void send_now(struct client *c, struct client_call *call)
{
	if (curl_multi_add_handle(c->multi, call->curl) != CURLM_OK)
		abort(); /* out of memory: nothing else can be wrong with it */
}

/* libcurl (7.88) makes a connection for each request that finds the others full, also where one is
 * on its way already: hundreds of watches that are sent at once, as after a restart of the server,
 * are as many connections.  Few at a time are few connections. */
static void send_queued(struct client *c)
{
	struct client_call *call = NULL;

	while (c->opening < LIMIT_KUBE_OPENING && (call = TAILQ_FIRST(&c->queue))) {
		dequeue(c, call);
		call->began = io_monotonic_ms();
		call->heard = call->began;
		call->opening = &c->opening;
		c->opening++;
		send_now(c, call);
	}
}

static struct client_call *start(
	struct client *c, const struct client_request *request, struct client_call *call)
{
	CURL *curl = curl_easy_init();
	struct err err;

	if (!curl)
		abort(); /* out of memory, as in base/xalloc.h */
	call->heard_any = &c->heard;
	add_call(c, call);
	if (call_prepare(call, curl, &c->access, request, &err) < 0) {
		c->broken = true;
	} else if (call->bytes) {
		enqueue(c, call);
		send_queued(c);
	} else {
		send_now(c, call);
	}
	return call;
}

struct client_call *client_send(
	struct client *c, const struct client_request *request, client_done *done, void *arg)
{
	return client_stream(c, request, NULL, done, arg);
}

struct client_call *client_stream(struct client *c, const struct client_request *request,
	client_bytes *bytes, client_done *done, void *arg)
{
	struct client_call *call = xcalloc(1, sizeof(*call));

	call->bytes = bytes;
	call->done = done;
	call->arg = arg;
	return start(c, request, call);
}

/* Hands the answer over; the call is no more when done() is called, so that it may do as it likes.
 */
static void finish(struct client *c, struct client_call *call, CURLcode result)
{
	struct err err;
	bool failed = call_finish(call, result, &err) < 0;

	/* If nobody else heard of the server either, the connection is dead, and new requests would
	 * be sent on it. */
	if (result == CURLE_OPERATION_TIMEDOUT && c->heard < call->began)
		c->dead = true;
	(void)curl_multi_remove_handle(c->multi, call->curl);
	take_call(c, call);
	call->done(call->arg, &call->reply, failed ? &err : NULL);
	free_call(call);
}

static void finish_done(struct client *c)
{
	const struct CURLMsg *message = NULL;
	int left = 0;

	while ((message = curl_multi_info_read(c->multi, &left))) {
		struct client_call *call = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
		finish(c, call, message->data.result);
	}
}

/* Returns when there is no use to wait any longer.  libcurl has timeouts too, but not for what
 * waits for another's connection. */
static int64_t overdue_at(const struct client_call *call)
{
	if (call->queued)
		return INT64_MAX;
	if (call->idle_ms == 0)
		return call->began + call->timeout_ms;
	return call->heard +
	       (call->answered ? call->idle_ms : io_earlier(call->idle_ms, CLIENT_TIMEOUT_MS));
}

/* Returns a call that can only be given up, and how it ended, or NULL. */
static struct client_call *find_lost(const struct client *c, CURLcode *result)
{
	int64_t now = io_monotonic_ms();

	for (size_t i = 0; i < c->n_calls; i++) {
		struct client_call *call = c->calls[i];

		*result = CURLE_ABORTED_BY_CALLBACK;
		if (call->err.code != ERR_NONE)
			return call;
		if (now < overdue_at(call))
			continue;
		*result = CURLE_OPERATION_TIMEDOUT;
		(void)err_set(&call->err, ERR_TRANSIENT, "API server: %s for %" PRId64 " ms",
			call->idle_ms > 0 ? "nothing came" : "no whole answer came",
			now - (call->idle_ms > 0 ? call->heard : call->began));
		return call;
	}
	return NULL;
}

/* Those that done() sent and that are lost too wait for the next step. */
static void finish_lost(struct client *c)
{
	struct client_call *call = NULL;
	size_t most = c->n_calls;
	CURLcode result = CURLE_OK;

	c->broken = false;
	while (most-- > 0 && (call = find_lost(c, &result)))
		finish(c, call, result);
}

/* What the calls of now are told; those that they send anew have a fresh connection. */
static void bury_connections(struct client *c)
{
	for (size_t i = 0; i < c->n_calls; i++) {
		struct client_call *call = c->calls[i];

		if (call->queued)
			continue;
		(void)curl_multi_remove_handle(c->multi, call->curl);
		if (call->err.code == ERR_NONE)
			(void)err_set(&call->err, ERR_TRANSIENT,
				"API server: nothing comes over the connection any more");
	}
	(void)curl_multi_cleanup(c->multi);
	c->multi = multi_new();
	c->dead = false;
}

void client_step(struct client *c)
{
	int running = 0;

	(void)curl_multi_perform(c->multi, &running);
	finish_done(c);
	if (c->dead)
		bury_connections(c);
	finish_lost(c);
	send_queued(c);
}

/* What came for one stream of an HTTP/2 connection while libcurl (7.88) read for another can lie in
 * its buffers, with nothing left to poll for: about one event in two hundred waited for the next
 * request on that connection, seconds later.  A look now and then finds it. */
static int64_t wait_of(const struct client *c, int64_t timeout_ms)
{
	int64_t now = io_monotonic_ms();
	int64_t wait = io_earlier(timeout_ms, c->n_calls > 0 ? PULSE_MS : LONGEST_WAIT_MS);

	if (c->broken)
		return 0;
	for (size_t i = 0; i < c->n_calls; i++)
		wait = io_earlier(wait, overdue_at(c->calls[i]) - now);
	return wait < 0 ? 0 : wait;
}

void client_wait(struct client *c, struct pollfd *fds, nfds_t n, int64_t timeout_ms)
{
	struct curl_waitfd extra[CLIENT_FDS];

	assert(n <= CLIENT_FDS);
	for (nfds_t i = 0; i < n; i++)
		extra[i] = (struct curl_waitfd){.fd = fds[i].fd, .events = CURL_WAIT_POLLIN};
	(void)curl_multi_poll(c->multi, extra, (unsigned)n, (int)wait_of(c, timeout_ms), NULL);
	for (nfds_t i = 0; i < n; i++)
		fds[i].revents = extra[i].revents ? POLLIN : 0;
}

int client_call(struct client *c, const struct client_request *request, struct client_reply *reply,
	struct err *err)
{
	struct client_call call = {.bytes = NULL};
	CURLcode result = CURLE_OK;
	int rc = -1;

	if (c->single)
		curl_easy_reset(c->single);
	else
		c->single = curl_easy_init();
	if (!c->single)
		abort(); /* out of memory, as in base/xalloc.h */
	if (call_prepare(&call, c->single, &c->access, request, err) == 0) {
		result = curl_easy_perform(c->single);
		rc = call_finish(&call, result, err);
		*reply = call.reply;
		call.reply = (struct client_reply){.status = 0};
	}
	curl_easy_reset(c->single);
	call_clear(&call);
	return rc;
}

void client_reply_clear(struct client_reply *reply)
{
	buf_clear(&reply->body);
	*reply = (struct client_reply){.status = 0};
}

int client_verdict(const struct client_reply *reply, struct err *err)
{
	return verdict_of(reply->status, buf_text(&reply->body), reply->body.len, err);
}
