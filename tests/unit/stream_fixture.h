/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/stream_fixture.h - one client of a small catalog, in words: lists are written
 * "a/1,a/2", what a Delta client holds "a/1=01,a/2=02", and what is sent to it reads "a/1 01".
 */
#ifndef WASMXDS_TESTS_UNIT_STREAM_FIXTURE_H
#define WASMXDS_TESTS_UNIT_STREAM_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "xds/stream.h"

#define CLIENT_NAMES 8

struct client {
	struct catalog catalog;
	struct refusals *refusals;         /* owned */
	struct stream stream;              /* the server's side of it */
	struct stream_verdict verdict;     /* on the last request */
	struct stream_response response;   /* the last that was sent */
	char names[256];                   /* SotW: that it wants */
	char accepted[DIGEST_HEX_LEN + 1]; /* SotW: version_info of the last ACK */
	char sent[LIMIT_XDS_NAME_BYTES + DIGEST_HEX_LEN + 2];
};

/* A request; what is NULL is not there. */
struct ask {
	const char *names;
	const char *gone;
	const char *held;
	const char *nonce;
	const char *version;
	const char *refuses; /* the reason */
	const char *node;    /* NULL: "node-1" */
};

/* A list taken apart. */
struct words {
	char *text; /* owned */
	char *items[CLIENT_NAMES];
	size_t n;
};

static inline struct words words_of(const char *list)
{
	struct words w = {.text = xstrdup(list ? list : "")};
	char *rest = w.text;

	while (rest && *rest && w.n < CLIENT_NAMES)
		w.items[w.n++] = strsep(&rest, ",");
	return w;
}

static inline void auto_words(struct words *w)
{
	free(w->text);
}

/* The i-th of what a Delta client holds: req->message is its struct words, "name\0version". */
static inline const char *words_held(
	const struct stream_request *req, size_t i, const char **version)
{
	const struct words *w = req->message;

	*version = w->items[i] + strlen(w->items[i]) + 1;
	return w->items[i];
}

static inline void client_begin(struct client *c, enum stream_variant variant)
{
	*c = (struct client){.refusals = refusals_new(16)};
	catalog_init(&c->catalog);
	stream_init(&c->stream, variant, &c->catalog, c->refusals);
}

static inline void client_end(struct client *c)
{
	stream_clear(&c->stream);
	catalog_clear(&c->catalog);
	refusals_free(c->refusals);
}

/* The stream breaks and another takes its place; the catalog and the refusals stay. */
static inline void client_reconnect(struct client *c)
{
	enum stream_variant variant = c->stream.variant;

	stream_clear(&c->stream);
	stream_init(&c->stream, variant, &c->catalog, c->refusals);
}

static inline struct payload *payload_of(const char *name, const char *version)
{
	struct record r = RECORD_INIT;

	r.name = xstrdup(name);
	r.version = xstrdup(version);
	return payload_new(&r);
}

static inline void client_publish(struct client *c, const char *name, const char *version)
{
	const struct resource *r = catalog_put(&c->catalog, payload_of(name, version));

	for (struct subscription *sub = r->first; sub; sub = sub->next)
		stream_touch(sub);
}

static inline int client_try(struct client *c, const struct ask *ask, struct err *err)
{
	AUTO(words) struct words names = words_of(ask->names);
	AUTO(words) struct words gone = words_of(ask->gone);
	AUTO(words) struct words held = words_of(ask->held);
	const struct stream_request req = {
		.node = ask->node ? ask->node : "node-1",
		.nonce = ask->nonce ? ask->nonce : "",
		.version = ask->version ? ask->version : "",
		.names = names.items,
		.n_names = names.n,
		.gone = gone.items,
		.n_gone = gone.n,
		.held = words_held,
		.n_held = held.n,
		.message = &held,
		.refuses = ask->refuses != NULL,
		.reason = ask->refuses ? ask->refuses : "",
	};

	for (size_t i = 0; i < held.n; i++)
		*strchr(held.items[i], '=') = '\0';
	return stream_on_request(&c->stream, &req, &c->verdict, err);
}

static inline void client_ask(struct client *c, const struct ask *ask)
{
	struct err err = {.msg = ""};

	if (ask->names && ask->names != c->names && c->stream.variant == STREAM_SOTW)
		(void)snprintf(c->names, sizeof(c->names), "%s", ask->names);
	CU_ASSERT_EQUAL(client_try(c, ask, &err), 0);
	CU_ASSERT_STRING_EQUAL(err.msg, "");
}

/* Asks for names in the way of a first request. */
static inline void client_want(struct client *c, const char *names)
{
	client_ask(c, &(struct ask){.names = names});
}

/* ACKs the last response, with the names that SotW repeats each time. */
static inline void client_accept(struct client *c)
{
	(void)snprintf(c->accepted, sizeof(c->accepted), "%s", c->response.version);
	client_ask(c, &(struct ask){.nonce = c->response.nonce,
			      .version = c->accepted,
			      .names = c->stream.variant == STREAM_SOTW ? c->names : NULL});
}

/* NACKs the last response: version_info stays that of the last ACK. */
static inline void client_refuse(struct client *c, const char *reason)
{
	client_ask(c, &(struct ask){.nonce = c->response.nonce,
			      .version = c->accepted,
			      .names = c->stream.variant == STREAM_SOTW ? c->names : NULL,
			      .refuses = reason});
}

/* Sends what is next, if anything.  Returns "name version", or "" for silence; borrowed. */
static inline const char *client_next(struct client *c)
{
	struct subscription *sub = stream_next(&c->stream);

	c->sent[0] = '\0';
	if (!sub)
		return c->sent;
	(void)snprintf(c->sent, sizeof(c->sent), "%s %s", sub->resource->name,
		payload_record(sub->resource->payload)->version);
	stream_sent(sub, &c->response);
	CU_ASSERT_STRING_NOT_EQUAL(c->response.nonce, "");
	return c->sent;
}

/* client_next() and client_accept() in one; for what is not the test's point. */
static inline const char *client_take(struct client *c)
{
	(void)client_next(c);
	if (c->sent[0] != '\0')
		client_accept(c);
	return c->sent;
}

/* Runs a promise that both variants make, on a stream of each. */
static inline void client_on_both(void (*promise)(struct client *c))
{
	static const enum stream_variant variants[] = {STREAM_SOTW, STREAM_DELTA};

	for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
		struct client c;

		client_begin(&c, variants[i]);
		promise(&c);
		client_end(&c);
	}
}

#endif
