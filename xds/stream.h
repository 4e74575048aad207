/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/stream.h - one client's stream as a state machine: requests in, decisions out.
 * Pure: no gRPC type, no socket, no clock.  Threads: those that serve, one at a time.
 *
 * A subscription is in one of these states, and moves as shown:
 *
 *	          a version that it lacks                    ACK
 *	  idle ───────────────────────────► sent ───────────────────────► idle, held = sent
 *	    ▲   (stream_next, stream_sent)    │  NACK
 *	    └─────────────────────────────────┘  held = nothing, and the version is refused: Envoy
 *runs the one before, but would take neither for new
 *
 * At most one version of a resource is on its way at a time; on a SotW stream at most one resource
 * is, so that each answer is about one.  Only what the client lacks is sent, one resource
 *in a response.  An unknown name is answered by silence, until its resource appears.
 */
#ifndef WASMXDS_XDS_STREAM_H
#define WASMXDS_XDS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "xds/catalog.h"
#include "xds/holdings.h"
#include "store/refusals.h"

#define STREAM_TYPE_URL "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig"

enum stream_variant { STREAM_SOTW, STREAM_DELTA };

struct subscription {
	struct resource *resource;          /* kept alive by this subscription */
	struct stream *stream;              /* back to its owner */
	struct subscription *prev, *next;   /* of the resource's subscribers */
	struct subscription *qprev, *qnext; /* of the queue that it is in */
	struct subscription_queue *queue;   /* the stream's pending or awaited; NULL: in neither */
	uint64_t seen;                      /* in the request of this number (SotW) */
	bool denied;                        /* the client may not have it: as if it did not exist */
	bool skipped;                       /* it cannot be sent, until it changes */
	bool secret;                        /* in what is on its way is a value of a Secret */
	uint64_t nonce;                     /* of what is on its way */
	char *held;    /* owned; version that the client has; NULL: none known */
	char *sent;    /* owned; version on its way; NULL: none */
	char *good;    /* owned; version that it accepted last; NULL: none known */
	char *refused; /* owned; version that it NACKed last; NULL: none */
	char *reason;  /* owned; the client's words for that */
	int64_t since; /* ms; when it was last sent something, or answered */
};

struct subscription_queue {
	struct subscription *first, *last;
};

/* A discovery request of either variant, decoded; all borrowed from the message. */
struct stream_request {
	const char *node;    /* id; "" where the request does not say */
	const char *nonce;   /* "" on the first */
	const char *version; /* SotW: the last that the client accepted */
	char **names;        /* SotW: all that it wants; Delta: to subscribe */
	size_t n_names;
	char **gone; /* Delta: to unsubscribe */
	size_t n_gone;
	const char *(*held)(const struct stream_request *req, size_t i, const char **version);
	size_t n_held; /* Delta: what it has from before; held() gives the i-th name */
	const void *message;
	bool refuses; /* it carries an error_detail */
	const char *reason;
};

enum stream_verdict_kind { STREAM_NO_VERDICT, STREAM_ACK, STREAM_NACK };

/* What a request said of something that was sent to it. */
struct stream_verdict {
	enum stream_verdict_kind kind;
	char name[LIMIT_XDS_NAME_BYTES + 1];
	char version[DIGEST_HEX_LEN + 1]; /* that it is about */
	bool secret;                      /* the reason may quote a value of a Secret */
	bool idle;                        /* the request answered nothing and changed nothing */
};

struct stream {
	enum stream_variant variant;
	struct catalog *catalog;   /* borrowed */
	struct refusals *refusals; /* borrowed */
	char *node;                /* owned; id, from the first request that gave it */
	const char *identity;      /* borrowed; from its certificate; NULL: none */
	char *who;                 /* owned; identity and node, for refusals; NULL: not known */
	struct map subscriptions;  /* name → struct subscription, owned */
	struct subscription_queue pending; /* may have something to send */
	struct subscription_queue awaited; /* on their way, by nonce; SotW: at most one */
	uint64_t last_nonce;               /* 0: nothing sent yet */
	uint64_t requests;
	bool (*allows)(const void *grant, const char *name); /* NULL: everything is allowed */
	const void *grant;                                   /* borrowed */
	bool full_state; /* SotW: each response carries all that is subscribed */
	int64_t now;     /* ms; the caller sets it before each call */
	/* SotW: what the client holds, what its version_info stands for, and what it will stand for
	 * once the client accepts what is on its way */
	struct holdings held, told, next;
	bool vague;    /* SotW: version_info may stand for what the client has not */
	uint64_t mark; /* nonce of a response with nothing in it, until it is answered */
	bool started;  /* the first request that says something was read */
};

void stream_init(struct stream *s, enum stream_variant variant, struct catalog *catalog,
	struct refusals *refusals);
void stream_clear(struct stream *s);

/* Takes a request in, and says what it answered.  ERR_INVALID: the client breaks a rule or a
 * ceiling, and the stream should end with the message. */
int stream_on_request(struct stream *s, const struct stream_request *req,
	struct stream_verdict *verdict, struct err *err) __attribute__((warn_unused_result));

/* The resource of sub changed: look at it again in stream_next(). */
void stream_touch(struct subscription *sub);

/* Returns the subscription whose resource should be sent now, or NULL.  The caller either sends it
 * (stream_sent) or cannot (stream_skip); nothing comes between. */
struct subscription *stream_next(struct stream *s);

/* What a response says beside the resource. */
struct stream_response {
	char nonce[24];
	char version[DIGEST_HEX_LEN + 1]; /* SotW: version_info; Delta: the resource's version */
};

/* Returns whether a response with nothing in it, out, is to be sent before anything else.  On SotW,
 * all that a client says when it comes back is its names and one version_info; a name that it
 * dropped, or a version that it refused, is still in that, until it accepts another.  Where it then
 * wants the name anew, and the stream breaks before it has it, nothing on the wire tells that it
 * has not; so version_info is moved on at once.  With full_state that takes a response with all in
 * it, which stream_next() has sent. */
bool stream_mark(struct stream *s, struct stream_response *out);

/* The resource of sub goes out now, with out. */
void stream_sent(struct subscription *sub, struct stream_response *out);

/* With full_state, what a response sent now would carry: start with *at = 0; returns the next
 * subscription, or NULL at the end.  What of it cannot be sent is to be skipped before. */
struct subscription *stream_carried(struct stream *s, size_t *at);

/* With full_state, what else the response carries: after stream_sent() for sub, start with *at = 0;
 * returns the next subscription, or NULL at the end. */
struct subscription *stream_also(struct subscription *sub, size_t *at);

/* How a subscription stands, as those who look after the fleet see it. */
enum stream_sync {
	STREAM_SYNCED,  /* the client has the current version */
	STREAM_STALE,   /* a newer one is on its way, or soon will be */
	STREAM_REFUSED, /* the client refused the current version */
	STREAM_MISSING, /* there is no such resource, or no more */
	STREAM_DENIED,  /* the client may not have it */
};
enum stream_sync stream_sync_of(const struct subscription *sub);

/* Returns why the client refused the current version, or NULL where it did not; borrowed. */
const char *stream_refusal(const struct subscription *sub);

/* The resource of sub cannot be sent; it is not tried again before it changes. */
void stream_skip(struct subscription *sub);

#endif
