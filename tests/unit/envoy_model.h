/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/envoy_model.h - Envoys on a stream, as Envoy 1.40 was seen to behave: what they want,
 * hold and answer.  One that is offered the bytes of its last offer ACKs them and does nothing: it
 * keeps what it ran, even where it refused those bytes before.  The promises that a client can see
 * are asserted here; the game is in test_stream_model.c.
 */
#ifndef WASMXDS_TESTS_UNIT_ENVOY_MODEL_H
#define WASMXDS_TESTS_UNIT_ENVOY_MODEL_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "base/map.h"
#include "xds/stream.h"

#define NAMES 5
#define VERSIONS 4 /* from 1; 0: none */
#define QUEUE 64

struct request {
	char nonce[24];
	char info[DIGEST_HEX_LEN + 1];
	bool names[NAMES];
	bool gone[NAMES];
	unsigned held[NAMES];
	bool refuses;
	int about; /* name that the answered response was about; -1: it answers none */
	unsigned version;
	unsigned life;
};

struct response {
	struct stream_response said;
	bool empty; /* it only moves version_info on */
	unsigned name;
	unsigned version;
	unsigned life;       /* of the subscription */
	bool covered[NAMES]; /* by its version_info, as the server means it */
};

struct envoy {
	unsigned id;
	char node[16];
	struct stream stream; /* the server's side */
	struct request up[QUEUE];
	struct response down[QUEUE];
	size_t n_up, n_down;

	/* the client's side */
	bool wants[NAMES];
	unsigned running[NAMES];
	unsigned offered[NAMES];  /* the bytes of the last offer */
	unsigned accepted[NAMES]; /* as Delta reports it */
	unsigned credit[NAMES];   /* times that it may be sent what it has, for it asked again */
	char info[DIGEST_HEX_LEN + 1];
	char nonce[24];
	bool covered[NAMES]; /* by info */
	bool exact;          /* info stands for all that the server knows it to hold */

	/* what the server can know */
	bool subscribed[NAMES];
	unsigned life[NAMES]; /* counts the subscriptions to a name */
	bool refused[NAMES][VERSIONS + 1];
	struct map nonces; /* of this stream */
};

static inline bool envoy_is_sotw(const struct envoy *e)
{
	return e->id % 2 == 0;
}

/* Whether it refuses a version, always or never. */
static inline bool envoy_refuses(const struct envoy *e, unsigned name, unsigned version)
{
	return (e->id * 7 + name * 3 + version * 5) % 4 == 0;
}

/* Versions are hashes of resources that hold their name, so two names share none. */
static inline void version_text(char out[16], unsigned name, unsigned version)
{
	(void)snprintf(out, 16, "%02x%02x", name + 1, version);
}

static inline void name_text(char out[16], unsigned name)
{
	(void)snprintf(out, 16, "a/%u", name);
}

/* Returns its next request, which says already what every one says. */
static inline struct request *envoy_ask(struct envoy *e)
{
	struct request *up;

	assert(e->n_up < QUEUE);
	up = &e->up[e->n_up++];
	*up = (struct request){.about = -1};
	if (!envoy_is_sotw(e))
		return up;
	memcpy(up->names, e->wants, sizeof(up->names));
	memcpy(up->info, e->info, sizeof(up->info));
	memcpy(up->nonce, e->nonce, sizeof(up->nonce));
	return up;
}

static inline void envoy_forget(struct envoy *e, unsigned name)
{
	e->running[name] = 0;
	e->offered[name] = 0;
	e->accepted[name] = 0;
	e->exact = false;
}

static inline void envoy_want_anew(struct envoy *e, unsigned name)
{
	envoy_forget(e, name);
	e->wants[name] = true;
	e->credit[name]++;
	envoy_ask(e)->names[name] = true;
}

static inline void envoy_want_no_more(struct envoy *e, unsigned name)
{
	envoy_forget(e, name);
	e->wants[name] = false;
	if (envoy_is_sotw(e))
		(void)envoy_ask(e);
	else
		envoy_ask(e)->gone[name] = true;
}

static inline void envoy_accept_info(struct envoy *e, const struct response *down)
{
	memcpy(e->info, down->said.version, sizeof(e->info));
	memcpy(e->covered, down->covered, sizeof(e->covered));
	e->exact = true;
}

/* Returns whether it takes the response. */
static inline bool envoy_apply(struct envoy *e, const struct response *down)
{
	unsigned name = down->name;
	bool repeated = e->offered[name] == down->version;

	if (!e->wants[name])
		return true;
	if (repeated) {
		CU_ASSERT_TRUE(e->credit[name] > 0);
		if (e->credit[name] > 0)
			e->credit[name]--;
	}
	e->offered[name] = down->version;
	if (!repeated && envoy_refuses(e, name, down->version))
		return false;
	if (!repeated)
		e->running[name] = down->version;
	e->accepted[name] = down->version;
	return true;
}

/* Reads a response; returns whether it took it. */
static inline bool envoy_read(struct envoy *e)
{
	struct response down;
	struct request *up;
	bool taken;

	if (e->n_down == 0)
		return true;
	down = e->down[0];
	memmove(e->down, e->down + 1, --e->n_down * sizeof(e->down[0]));
	taken = down.empty || envoy_apply(e, &down);
	memcpy(e->nonce, down.said.nonce, sizeof(e->nonce));
	if (taken)
		envoy_accept_info(e, &down);
	else
		e->exact = false;
	up = envoy_ask(e);
	memcpy(up->nonce, down.said.nonce, sizeof(up->nonce));
	up->refuses = !taken;
	up->about = down.empty ? -1 : (int)down.name;
	up->version = down.version;
	up->life = down.life;
	return taken;
}

/* SotW: whether its info must be recognised, once all is settled. */
static inline bool envoy_must_be_recognised(const struct envoy *e, const unsigned current[NAMES])
{
	unsigned wanted = 0;
	bool refused = false;

	for (unsigned i = 0; i < NAMES; i++) {
		bool refuses = e->refused[i][current[i]];

		if (e->wants[i] && !current[i])
			return false;
		if ((e->wants[i] && !refuses) != e->covered[i])
			return false;
		wanted += e->wants[i];
		refused |= e->wants[i] && refuses;
	}
	/* where the only one is refused, there is nothing that could be sent again */
	return e->exact && !(refused && wanted == 1);
}

/* SotW: whether info covers just what it wants, and it has not got all of that: it dropped a name
 * and wants it anew, and the response that would have moved info on was lost with the stream. */
static inline bool envoy_is_lost(const struct envoy *e)
{
	bool lacks = false;

	for (unsigned i = 0; i < NAMES; i++) {
		if (e->covered[i] && !e->wants[i])
			return false;
		lacks |= e->covered[i] && !e->offered[i];
	}
	return lacks;
}

/* Its first request after the stream broke.  known: the server must recognise it. */
static inline void envoy_return(struct envoy *e, bool known)
{
	struct request *up;

	for (unsigned i = 0; i < NAMES; i++) {
		bool untold = e->offered[i] != e->accepted[i] && !e->refused[i][e->offered[i]];

		e->credit[i] = untold || (envoy_is_sotw(e) && !(known && e->covered[i]));
	}
	e->n_up = 0;
	e->n_down = 0;
	e->nonce[0] = '\0';
	/* No server can tell this from a client that has it all: the model's Envoy then sends none.
	 */
	if (envoy_is_lost(e)) {
		e->info[0] = '\0';
		memset(e->covered, 0, sizeof(e->covered));
	}
	up = envoy_ask(e);
	memcpy(up->names, e->wants, sizeof(up->names));
	if (!envoy_is_sotw(e))
		memcpy(up->held, e->accepted, sizeof(up->held));
}

#endif
