/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "base/xalloc.h"
#include "xds/subscription.h"
#include "xds/verdict.h"

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

void stream_touch(struct subscription *sub)
{
	sub->skipped = false;
	if (!sub->queue)
		subscription_join(sub, &sub->stream->pending);
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

	/* what is on its way may be accepted all the same */
	s->vague = s->vague || sub->sent;
	subscription_leave(sub);
	subscription_hold(sub, NULL);
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

const char *stream_refusal(const struct subscription *sub)
{
	const struct stream *s = sub->stream;
	const char *version = subscription_version(sub);

	if (!version)
		return NULL;
	if (subscription_same(version, sub->refused))
		return sub->reason;
	return s->who ? refusals_find(s->refusals, s->who, sub->resource->name, version) : NULL;
}

enum stream_sync stream_sync_of(const struct subscription *sub)
{
	const char *version = subscription_version(sub);

	if (sub->denied)
		return STREAM_DENIED;
	if (!version)
		return STREAM_MISSING;
	if (subscription_refused(sub, version))
		return STREAM_REFUSED;
	return subscription_same(version, sub->held) ? STREAM_SYNCED : STREAM_STALE;
}

/* A first SotW request with a version comes from a client that was connected before: it holds what
 * it asks for, if that comes to the version that it reports. */
static void recognise(struct stream *s, const char *version)
{
	struct subscription *sub;
	const char *name;
	size_t at = 0;
	size_t n = 0;
	struct holdings state = {0};
	char text[DIGEST_HEX_LEN + 1];
	const char *last = NULL;

	while ((sub = map_next(&s->subscriptions, &at, &name))) {
		const char *current = subscription_due(sub);

		n += current != NULL;
		last = current ? current : last;
		holdings_add(&state, name, current);
	}
	holdings_text(&state, text);
	s->vague =
		!subscription_same(version, text) && (n != 1 || !subscription_same(version, last));
	if (s->vague)
		return;
	at = 0;
	while ((sub = map_next(&s->subscriptions, &at, &name)))
		subscription_hold(sub, subscription_due(sub));
	s->told = s->held;
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
	if (n > 0 && !holdings_equal(&s->told, &s->held))
		s->vague = true;
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
		subscription_hold(sub, NULL);
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
			subscription_hold(sub, version);
	}
}

/* Who a client is, for what is remembered of it, is first of all who its certificate says it is. */
static void learn_node(struct stream *s, const char *node)
{
	if (s->node[0] != '\0' || node[0] == '\0')
		return;
	free(s->node);
	s->node = utf8_copy(node, LIMIT_XDS_NODE_BYTES);
	s->who = xasprintf("%s\n%s", s->identity ? s->identity : "", s->node);
}

static bool answers_mark(struct stream *s, const struct stream_request *req)
{
	bool answers = s->mark != 0 && verdict_nonce(req) == s->mark;

	if (answers)
		s->mark = 0;
	return answers;
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
	verdict_take(s, req, verdict);
	changed = s->variant == STREAM_SOTW ? replace_names(s, req) : change_names(s, req);
	verdict->idle = verdict->kind == STREAM_NO_VERDICT && !changed && !answers_mark(s, req);
	if (!s->started && (req->n_names > 0 || req->version[0] != '\0')) {
		s->started = true;
		if (s->variant == STREAM_DELTA)
			learn_held(s, req);
		else if (req->version[0] != '\0' && req->nonce[0] == '\0')
			recognise(s, req->version);
	}
	return 0;
}
