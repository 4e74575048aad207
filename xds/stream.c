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

static const char *current_version(const struct subscription *sub)
{
	const struct payload *payload = sub->resource->payload;

	return payload && !sub->denied ? payload_record(payload)->version : NULL;
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

	if (s->variant == STREAM_SOTW) {
		holdings_subtract(&s->held, sub->resource->name, sub->held);
		holdings_add(&s->held, sub->resource->name, held);
	}
	free(sub->held);
	sub->held = held;
	if (!held)
		return;
	free(sub->good);
	sub->good = xstrdup(held);
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
	sub->denied = s->allows && !s->allows(s->grant, name);
	sub->since = s->now;
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
	free(sub->good);
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
	free(STEAL(s->node));
	free(STEAL(s->who));
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

/* The nonce that the request answers, or 0: the first request, or one that only changes the names.
 */
static uint64_t answered_nonce(const struct stream_request *req)
{
	char *end = NULL;
	uint64_t nonce = strtoull(req->nonce, &end, 10);

	return req->nonce[0] != '\0' && *end == '\0' ? nonce : 0;
}

/* The next subscription that was sent with nonce; they wait in the order of their nonces.  None: a
 * stale nonce, or the answer is about a resource that the client no longer wants. */
static struct subscription *find_awaited(const struct stream *s, uint64_t nonce)
{
	struct subscription *sub = s->awaited.first;

	while (sub && sub->nonce < nonce)
		sub = sub->qnext;
	return sub && sub->nonce == nonce ? sub : NULL;
}

static void accept(struct subscription *sub)
{
	char *sent = STEAL(sub->sent);

	free(STEAL(sub->refused));
	free(STEAL(sub->reason));
	set_held(sub, sent);
	free(sent);
}

static void refuse(struct subscription *sub, const char *reason)
{
	const struct stream *s = sub->stream;

	free(sub->refused);
	free(sub->reason);
	sub->refused = STEAL(sub->sent);
	sub->reason = xstrndup(reason, LIMIT_XDS_REASON_BYTES);
	set_held(sub, NULL);
	if (s->who)
		refusals_add(s->refusals, s->who, sub->resource->name, sub->refused, sub->reason);
}

/* Whether text holds name as a word of its own: "a/1" does not stand in "a/10" or "a/1.b". */
static bool mentions(const char *text, const char *name)
{
	static const char in_names[] = "abcdefghijklmnopqrstuvwxyz0123456789-./";

	for (const char *at = strstr(text, name); at; at = strstr(at + 1, name)) {
		const char *end = at + strlen(name);

		end += strspn(end, ".");
		if ((at == text || !strchr(in_names, at[-1])) && strspn(end, in_names) == 0)
			return true;
	}
	return false;
}

/* With full state, a refusal is about a response of many; Envoy's reason names the plugin, which
 * bears the resource's name.  Those that it does not name were taken. */
static bool blames_some(const struct stream *s, const char *reason)
{
	const struct subscription *sub;
	const char *name;
	size_t at = 0;

	while (s->full_state && (sub = map_next(&s->subscriptions, &at, &name))) {
		if ((sub->sent || current_version(sub)) && mentions(reason, name))
			return true;
	}
	return false;
}

static void note_verdict(struct stream_verdict *verdict, const struct subscription *sub, bool nack)
{
	if (verdict->kind == STREAM_NACK || (verdict->kind == STREAM_ACK && !nack))
		return;
	verdict->kind = nack ? STREAM_NACK : STREAM_ACK;
	(void)snprintf(verdict->name, sizeof(verdict->name), "%s", sub->resource->name);
	(void)snprintf(verdict->version, sizeof(verdict->version), "%s", sub->sent);
}

static void judge(
	struct stream *s, const struct stream_request *req, struct stream_verdict *verdict)
{
	uint64_t nonce = answered_nonce(req);
	struct subscription_queue judged = {0};
	bool some = req->refuses && blames_some(s, req->reason);
	struct subscription *sub;

	while (nonce != 0 && (sub = find_awaited(s, nonce))) {
		bool nack = req->refuses && (!some || mentions(req->reason, sub->resource->name));

		note_verdict(verdict, sub, nack);
		join_queue(sub, &judged);
		sub->since = s->now;
		if (nack)
			refuse(sub, req->reason);
		else
			accept(sub);
	}
	while (judged.first)
		join_queue(judged.first, &s->pending);
}

static bool refused(const struct subscription *sub, const char *version)
{
	const struct stream *s = sub->stream;

	if (same(version, sub->refused))
		return true;
	return s->who && refusals_find(s->refusals, s->who, sub->resource->name, version);
}

const char *stream_refusal(const struct subscription *sub)
{
	const struct stream *s = sub->stream;
	const char *version = current_version(sub);

	if (!version)
		return NULL;
	if (same(version, sub->refused))
		return sub->reason;
	return s->who ? refusals_find(s->refusals, s->who, sub->resource->name, version) : NULL;
}

enum stream_sync stream_sync_of(const struct subscription *sub)
{
	const char *version = current_version(sub);

	if (sub->denied)
		return STREAM_DENIED;
	if (!version)
		return STREAM_MISSING;
	if (refused(sub, version))
		return STREAM_REFUSED;
	return same(version, sub->held) ? STREAM_SYNCED : STREAM_STALE;
}

/* A first SotW request with a version comes from a client that was connected before: it holds what
 * it asks for, if that comes to the version that it reports. */
static void recognise(struct stream *s, const char *version)
{
	struct subscription *sub;
	const char *name;
	size_t at = 0;
	struct holdings state = {0};
	char text[DIGEST_HEX_LEN + 1];
	const char *current = NULL;

	while ((sub = map_next(&s->subscriptions, &at, &name))) {
		current = current_version(sub);
		if (current && !refused(sub, current))
			holdings_add(&state, name, current);
	}
	holdings_text(&state, text);
	if (strcmp(text, version) != 0 && (s->subscriptions.n != 1 || !same(current, version)))
		return;
	at = 0;
	while ((sub = map_next(&s->subscriptions, &at, &name))) {
		current = current_version(sub);
		if (current && !refused(sub, current))
			set_held(sub, current);
	}
}

/* Both return whether the names changed.
 * A SotW request names all that the client wants.  What it left out is forgotten, so that it is
 * sent again when the client asks for it later. */
static bool replace_names(struct stream *s, const struct stream_request *req)
{
	AUTO(free) struct subscription **gone = NULL;
	struct subscription *sub;
	const char *name;
	size_t at = 0;
	size_t n = 0;
	bool changed = false;

	for (size_t i = 0; i < req->n_names; i++) {
		sub = map_get(&s->subscriptions, req->names[i]);
		if (!sub) {
			sub = subscribe(s, req->names[i]);
			changed = true;
		}
		sub->seen = s->requests;
	}
	gone = xcalloc(s->subscriptions.n + 1, sizeof(struct subscription *));
	while ((sub = map_next(&s->subscriptions, &at, &name))) {
		if (sub->seen != s->requests)
			gone[n++] = sub;
	}
	for (size_t i = 0; i < n; i++)
		unsubscribe(s, gone[i]->resource->name);
	return changed || n > 0;
}

/* Delta: a name that is subscribed again wants its resource again, whatever it was sent before;
 * what is on its way now will arrive after the request, and so answers it. */
static bool change_names(struct stream *s, const struct stream_request *req)
{
	for (size_t i = 0; i < req->n_gone; i++)
		unsubscribe(s, req->gone[i]);
	for (size_t i = 0; i < req->n_names; i++) {
		struct subscription *sub = map_get(&s->subscriptions, req->names[i]);

		if (!sub) {
			(void)subscribe(s, req->names[i]);
			continue;
		}
		set_held(sub, NULL);
		stream_touch(sub);
	}
	return req->n_gone > 0 || req->n_names > 0;
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

/* Who a client is, for what is remembered of it, is first of all who its certificate says it is. */
static void learn_node(struct stream *s, const char *node)
{
	if (s->node[0] != '\0' || node[0] == '\0')
		return;
	free(s->node);
	s->node = xstrndup(node, LIMIT_XDS_NODE_BYTES);
	s->who = xasprintf("%s\n%s", s->identity ? s->identity : "", s->node);
}

int stream_on_request(struct stream *s, const struct stream_request *req,
	struct stream_verdict *verdict, struct err *err)
{
	bool changed;

	*verdict = (struct stream_verdict){.kind = STREAM_NO_VERDICT};
	if (check_names(s, req->names, req->n_names, err) < 0)
		return -1;
	s->requests++;
	learn_node(s, req->node);
	judge(s, req, verdict);
	changed = s->variant == STREAM_SOTW ? replace_names(s, req) : change_names(s, req);
	verdict->idle = verdict->kind == STREAM_NO_VERDICT && !changed;
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

/* What the client holds once it accepts what is sent to it now. */
static void next_state(const struct subscription *sub, struct holdings *state)
{
	struct stream *s = sub->stream;
	const struct subscription *other;
	const char *name;
	size_t at = 0;

	if (!s->full_state) {
		*state = s->held;
		holdings_subtract(state, sub->resource->name, sub->held);
		holdings_add(state, sub->resource->name, sub->sent);
		return;
	}
	*state = (struct holdings){0};
	while ((other = map_next(&s->subscriptions, &at, &name))) {
		const char *version = current_version(other);

		if (version && !refused(other, version))
			holdings_add(state, name, version);
	}
}

static void mark_sent(struct subscription *sub, const char *version, uint64_t nonce)
{
	struct stream *s = sub->stream;

	join_queue(sub, &s->awaited);
	sub->sent = xstrdup(version);
	sub->nonce = nonce;
	sub->since = s->now;
}

void stream_sent(struct subscription *sub, struct stream_response *out)
{
	struct stream *s = sub->stream;
	const char *version = current_version(sub);
	struct holdings state;

	assert(version && !sub->sent);
	mark_sent(sub, version, ++s->last_nonce);
	(void)snprintf(out->nonce, sizeof(out->nonce), "%" PRIu64, sub->nonce);
	if (s->variant == STREAM_DELTA || s->subscriptions.n == 1) {
		(void)snprintf(out->version, sizeof(out->version), "%s", version);
		return;
	}
	next_state(sub, &state);
	holdings_text(&state, out->version);
}

struct subscription *stream_also(struct subscription *sub, size_t *at)
{
	struct stream *s = sub->stream;
	struct subscription *other;
	const char *name;

	while (s->full_state && (other = map_next(&s->subscriptions, at, &name))) {
		const char *version = current_version(other);

		if (other == sub || !version)
			continue;
		if (!other->sent && lacks(other))
			mark_sent(other, version, sub->nonce);
		return other;
	}
	return NULL;
}

void stream_skip(struct subscription *sub)
{
	leave_queue(sub);
}
