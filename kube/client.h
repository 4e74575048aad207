/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube/client.h - HTTP to one API server: requests side by side, streams among them, over few
 * connections (HTTP/2 where the server speaks it), and one at a time for who wants to wait.
 * Says who we are on each request, reading a token's file anew, since it rotates.  Redirects are
 * not followed; nothing is tried again.  Knows no kind of object.
 *
 * Messages hold no token, no key and no body that was sent.
 * Threads: the one that owns it; callbacks run in it, within client_step().
 */
#ifndef WASMXDS_KUBE_CLIENT_H
#define WASMXDS_KUBE_CLIENT_H

#include <poll.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "kube/credentials.h"

struct client;      /* opaque */
struct client_call; /* opaque: a request under way */

/* What is zero has the meaning named; all pointers are borrowed until client_send() returns. */
struct client_request {
	const char *method;       /* NULL: GET */
	const char *path;         /* "/apis/...?limit=500", encoded */
	const char *content_type; /* of body: "application/merge-patch+json" */
	const char *body;         /* NULL: none */
	size_t body_len;
	int64_t timeout_ms; /* until the answer is whole; 0: CLIENT_TIMEOUT_MS */
	int64_t idle_ms;    /* 0: timeout_ms holds; else the answer may take as long as it likes,
			       but not so long without a byte, and CLIENT_TIMEOUT_MS for the first */
};

#define CLIENT_TIMEOUT_MS 15000

/* An answer, whatever its status. */
struct client_reply {
	long status;
	struct buf body;        /* owned; empty of a stream that was answered 200 */
	int64_t retry_after_ms; /* what the server asks for; 0: nothing */
};

/* Takes bytes of a stream's answer, if that is 200.  Returns 0, or -1 with err to end it.  Calls
 * nothing of the client. */
typedef int client_bytes(void *arg, const char *bytes, size_t n, struct err *err);

/* Called once for each call that is not cancelled, which is over then.  reply is borrowed; err is
 * NULL where there is a whole answer, else ERR_TRANSIENT (connection, time), ERR_INVALID (too
 * large), or what client_bytes said.  May send and cancel. */
typedef void client_done(void *arg, const struct client_reply *reply, const struct err *err);

/* Makes a client; access is taken over.  No connection is made yet.  ERR_INVALID: files or texts of
 * access that cannot be used. */
int client_new(struct client **out, struct credentials *access, struct err *err)
	__attribute__((warn_unused_result));
void client_free(struct client *c); /* calls nothing back; NULL is fine */
static inline void auto_client(struct client **c)
{
	client_free(*c);
}

/* Starts a request; the answer is kept whole, up to LIMIT_KUBE_REPLY_BYTES.  What goes wrong comes
 * to done().  The call is borrowed, until done() or client_cancel(). */
struct client_call *client_send(
	struct client *c, const struct client_request *request, client_done *done, void *arg);

/* The same for an answer that is handed over as it comes.  At most LIMIT_KUBE_OPENING of these wait
 * for their first byte at a time; others are sent when those have it, and their time counts from
 * then. */
struct client_call *client_stream(struct client *c, const struct client_request *request,
	client_bytes *bytes, client_done *done, void *arg);

/* Ends a call without done(). */
void client_cancel(struct client *c, struct client_call *call);

/* Returns when client_step() has something to do, when one of the caller's fds is ready, as their
 * revents say, or after timeout_ms at the latest.  At most CLIENT_FDS of them. */
void client_wait(struct client *c, struct pollfd *fds, nfds_t n, int64_t timeout_ms);
#define CLIENT_FDS 8

/* Moves everything that can be moved, and calls back. */
void client_step(struct client *c);

/* Sends one request and waits for its answer, apart from all others: nothing is called back.  The
 * reply, zeroed before, is the caller's to clear.  Codes as of client_done. */
int client_call(struct client *c, const struct client_request *request, struct client_reply *reply,
	struct err *err) __attribute__((warn_unused_result));

void client_reply_clear(struct client_reply *reply);
static inline void auto_client_reply(struct client_reply *reply)
{
	client_reply_clear(reply);
}

/* Says what an answer means: 0 for 2xx, else -1 with the message of the server's Status, shortened
 * and quoted.  404: ERR_NOT_FOUND; 401, 403: ERR_DENIED; 409, 410: ERR_CONFLICT; 408, 429, 5xx:
 * ERR_TRANSIENT; others: ERR_INVALID. */
int client_verdict(const struct client_reply *reply, struct err *err)
	__attribute__((warn_unused_result));

#endif
