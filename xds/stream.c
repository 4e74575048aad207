/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/stream.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"

void stream_init(struct stream *s, enum stream_variant variant, struct catalog *catalog,
	struct refusals *refusals)
{
	*s = (struct stream){
		.variant = variant,
		.catalog = catalog,
		.refusals = refusals,
		.node = xstrdup(""),
	};
}

static struct stream_state pair_hash(const char *name, const char *version)
{
	AUTO(hasher) struct hasher *h = hasher_new();
	struct digest d;
	char low[17];

	hasher_update(h, name, strlen(name) + 1);
	hasher_update(h, version, strlen(version));
	hasher_final(h, &d);
	(void)snprintf(low, sizeof(low), "%.16s", d.hex + 16);
	d.hex[16] = '\0';
	return (struct stream_state){.sum = {strtoull(d.hex, NULL, 16), strtoull(low, NULL, 16)}};
}

static void state_add(struct stream_state *state, const char *name, const char *version)
{
	if (!version)
		return;
	struct stream_state pair = pair_hash(name, version);

	state->sum[0] += pair.sum[0];
	state->sum[1] += pair.sum[1];
}

static void state_subtract(struct stream_state *state, const char *name, const char *version)
{
	if (!version)
		return;
	struct stream_state pair = pair_hash(name, version);

	state->sum[0] -= pair.sum[0];
	state->sum[1] -= pair.sum[1];
}

static void state_text(const struct stream_state *state, char out[DIGEST_HEX_LEN + 1])
{
	(void)snprintf(
		out, DIGEST_HEX_LEN + 1, "%016" PRIx64 "%016" PRIx64, state->sum[0], state->sum[1]);
}

static const char *current_version(const struct subscription *sub)
{
	const struct payload *payload = sub->resource->payload;

	return payload ? payload_record(payload)->version : NULL;
}

static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/* Changes what the client is known to hold; version NULL: nothing is known. */
static void set_held(struct subscription *sub, const char *version)
{
	struct stream *s = sub->stream;
	char *held = xstrdup_null(version);

	state_subtract(&s->held, sub->resource->name, sub->held);
	state_add(&s->held, sub->resource->name, held);
	free(sub->held);
	sub->held = held;
}

static void leave_queue(struct subscription *sub)
{
	struct subscription_queue *q = sub->queue;

	if (!q)
		return;
	if (sub->qprev)
		sub->qprev->qnext = sub->qnext;
	else
		q->first = sub->qnext;
	if (sub->qnext)
		sub->qnext->qprev = sub->qprev;
	else
		q->last = sub->qprev;
	sub->queue = NULL;
}

static void join_queue(struct subscription *sub, struct subscription_queue *q)
{
	leave_queue(sub);
	sub->queue = q;
	sub->qprev = q->last;
	sub->qnext = NULL;
	if (q->last)
		q->last->qnext = sub;
	else
		q->first = sub;
	q->last = sub;
}

void stream_touch(struct subscription *sub)
{
	if (!sub->queue)
		join_queue(sub, &sub->stream->pending);
}

static struct subscription *subscribe(struct stream *s, const char *name)
{
	struct subscription *sub = xcalloc(1, sizeof(*sub));
	struct resource *r = catalog_require(s->catalog, name);

	sub->stream = s;
	sub->resource = r;
	sub->next = r->first;
	if (r->first)
		r->first->prev = sub;
	r->first = sub;
	map_put(&s->subscriptions, name, sub);
	stream_touch(sub);
	return sub;
}

static void unlink_subscription(void *p)
{
	struct subscription *sub = p;
	struct resource *r = sub->resource;
	struct stream *s = sub->stream;

	leave_queue(sub);
	set_held(sub, NULL);
	if (sub->prev)
		sub->prev->next = sub->next;
	else
		r->first = sub->next;
	if (sub->next)
		sub->next->prev = sub->prev;
	catalog_release(s->catalog, r);
	free(sub->held);
	free(sub->sent);
	free(sub->refused);
	free(sub->reason);
	free(sub);
}

static void unsubscribe(struct stream *s, const char *name)
{
	struct subscription *sub = map_take(&s->subscriptions, name);

	if (sub)
		unlink_subscription(sub);
}

void stream_clear(struct stream *s)
{
	map_clear(&s->subscriptions, unlink_subscription);
	free(s->node);
	s->node = NULL;
}

static int check_names(const struct stream *s, char **names, size_t n, struct err *err)
{
	size_t total = s->variant == STREAM_DELTA ? s->subscriptions.n + n : n;

	if (total > LIMIT_XDS_NAMES)
		return err_set(err, ERR_INVALID,
			"%zu names on one stream, and at most %d are allowed", total,
			LIMIT_XDS_NAMES);
	for (size_t i = 0; i < n; i++) {
		if (strlen(names[i]) > LIMIT_XDS_NAME_BYTES)
			return err_set(err, ERR_INVALID,
				"a resource name of %zu bytes, and at most %d are allowed",
				strlen(names[i]), LIMIT_XDS_NAME_BYTES);
	}
	return 0;
}

/* The subscription that the request's nonce answers, or NULL: the first request, one that only
 * changes the names, a stale nonce, or one of a resource that it no longer wants. */
static struct subscription *answered(const struct stream *s, const struct stream_request *req)
{
	char *end = NULL;
	uint64_t nonce = strtoull(req->nonce, &end, 10);

	if (req->nonce[0] == '\0' || *end != '\0')
		return NULL;
	for (struct subscription *sub = s->awaited.first; sub; sub = sub->qnext) {
		if (sub->nonce == nonce)
			return sub;
	}
	return NULL;
}

static void judge(
	struct stream *s, const struct stream_request *req, struct stream_verdict *verdict)
{
	struct subscription *sub = answered(s, req);
	char *sent;

	if (!sub)
		return;
	leave_queue(sub);
	sent = STEAL(sub->sent);
	verdict->kind = req->refuses ? STREAM_NACK : STREAM_ACK;
	(void)snprintf(verdict->name, sizeof(verdict->name), "%s", sub->resource->name);
	(void)snprintf(verdict->version, sizeof(verdict->version), "%s", sent);
	free(STEAL(sub->refused));
	free(STEAL(sub->reason));
	set_held(sub, req->refuses || sub->again ? NULL : sent);
	sub->again = false;
	stream_touch(sub);
	if (!req->refuses) {
		free(sent);
		return;
	}
	sub->refused = sent;
	sub->reason = xstrndup(req->reason, LIMIT_XDS_REASON_BYTES);
	if (s->node[0] != '\0')
		refusals_add(s->refusals, s->node, sub->resource->name, sent, sub->reason);
}

static bool refused(const struct subscription *sub, const char *version)
{
	const struct stream *s = sub->stream;

	if (same(version, sub->refused))
		return true;
	return s->node[0] != '\0' &&
	       refusals_find(s->refusals, s->node, sub->resource->name, version);
}

/* A first SotW request with a version comes from a client that was connected before: it holds what
 * it asks for, if that comes to the version that it reports. */
static void recognise(struct stream *s, const char *version)
{
	struct subscription *sub;
	const char *name;
	size_t at = 0;
	struct stream_state state = {0};
	char text[DIGEST_HEX_LEN + 1];
	const char *current = NULL;

	while ((sub = map_next(&s->subscriptions, &at, &name))) {
		current = current_version(sub);
		if (current && !refused(sub, current))
			state_add(&state, name, current);
	}
	state_text(&state, text);
	if (strcmp(text, version) != 0 && (s->subscriptions.n != 1 || !same(current, version)))
		return;
	at = 0;
	while ((sub = map_next(&s->subscriptions, &at, &name))) {
		current = current_version(sub);
		if (current && !refused(sub, current))
			set_held(sub, current);
	}
}

/* A SotW request names all that the client wants.  What it left out is forgotten, so that it is
 * sent again when the client asks for it later. */
static void replace_names(struct stream *s, const struct stream_request *req)
{
	AUTO(free) struct subscription **gone = NULL;
	struct subscription *sub;
	const char *name;
	size_t at = 0;
	size_t n = 0;

	for (size_t i = 0; i < req->n_names; i++) {
		sub = map_get(&s->subscriptions, req->names[i]);
		if (!sub)
			sub = subscribe(s, req->names[i]);
		sub->seen = s->requests;
	}
	gone = xcalloc(s->subscriptions.n + 1, sizeof(struct subscription *));
	while ((sub = map_next(&s->subscriptions, &at, &name))) {
		if (sub->seen != s->requests)
			gone[n++] = sub;
	}
	for (size_t i = 0; i < n; i++)
		unsubscribe(s, gone[i]->resource->name);
}

/* Delta: a name that is subscribed again wants its resource again, whatever it was sent before. */
static void change_names(struct stream *s, const struct stream_request *req)
{
	for (size_t i = 0; i < req->n_gone; i++)
		unsubscribe(s, req->gone[i]);
	for (size_t i = 0; i < req->n_names; i++) {
		struct subscription *sub = map_get(&s->subscriptions, req->names[i]);

		if (!sub) {
			(void)subscribe(s, req->names[i]);
			continue;
		}
		sub->again = sub->sent != NULL;
		set_held(sub, NULL);
		stream_touch(sub);
	}
}

static void learn_held(struct stream *s, const struct stream_request *req)
{
	for (size_t i = 0; i < req->n_held; i++) {
		const char *version = NULL;
		const char *name = req->held(req, i, &version);
		struct subscription *sub = map_get(&s->subscriptions, name);

		if (sub)
			set_held(sub, version);
	}
}

int stream_on_request(struct stream *s, const struct stream_request *req,
	struct stream_verdict *verdict, struct err *err)
{
	*verdict = (struct stream_verdict){.kind = STREAM_NO_VERDICT};
	if (check_names(s, req->names, req->n_names, err) < 0)
		return -1;
	s->requests++;
	if (s->node[0] == '\0' && req->node[0] != '\0') {
		free(s->node);
		s->node = xstrndup(req->node, LIMIT_XDS_NODE_BYTES);
	}
	judge(s, req, verdict);
	if (s->variant == STREAM_SOTW)
		replace_names(s, req);
	else
		change_names(s, req);
	if (!s->started && req->n_names > 0) {
		s->started = true;
		if (s->variant == STREAM_DELTA)
			learn_held(s, req);
		else if (req->version[0] != '\0' && req->nonce[0] == '\0')
			recognise(s, req->version);
	}
	return 0;
}

static bool lacks(const struct subscription *sub)
{
	const char *version = current_version(sub);

	return version && !same(version, sub->held) && !refused(sub, version);
}

struct subscription *stream_next(struct stream *s)
{
	if (s->variant == STREAM_SOTW && s->awaited.first)
		return NULL;
	while (s->pending.first && !lacks(s->pending.first))
		leave_queue(s->pending.first);
	return s->pending.first;
}

void stream_sent(struct subscription *sub, struct stream_response *out)
{
	struct stream *s = sub->stream;
	const char *version = current_version(sub);
	struct stream_state state = s->held;

	assert(version && !sub->sent);
	join_queue(sub, &s->awaited);
	sub->sent = xstrdup(version);
	sub->nonce = ++s->last_nonce;
	(void)snprintf(out->nonce, sizeof(out->nonce), "%" PRIu64, sub->nonce);
	if (s->variant == STREAM_DELTA || s->subscriptions.n == 1) {
		(void)snprintf(out->version, sizeof(out->version), "%s", version);
		return;
	}
	state_subtract(&state, sub->resource->name, sub->held);
	state_add(&state, sub->resource->name, version);
	state_text(&state, out->version);
}

void stream_skip(struct subscription *sub)
{
	leave_queue(sub);
}
