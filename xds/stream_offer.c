/* SPDX-License-Identifier: Apache-2.0 */
/* The half of xds/stream.h that says what is sent; what comes in is xds/stream.c. */
#include "xds/stream.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/xalloc.h"
#include "xds/subscription.h"

static bool lacks(const struct subscription *sub)
{
	const char *version = subscription_due(sub);

	return version && !sub->skipped && !subscription_same(version, sub->held);
}

static bool is_carried(const struct subscription *sub)
{
	return subscription_version(sub) && !sub->skipped;
}

struct subscription *stream_carried(struct stream *s, size_t *at)
{
	struct subscription *sub;
	const char *name;

	while (s->full_state && (sub = map_next(&s->subscriptions, at, &name))) {
		if (is_carried(sub))
			return sub;
	}
	return NULL;
}

/* With full state, version_info is moved on (see stream_mark()) by all that there is: an Envoy that
 * wants full state refuses a response with nothing in it. */
static struct subscription *moves_on(struct stream *s)
{
	struct subscription *sub;
	size_t at = 0;

	while (s->vague && (sub = stream_carried(s, &at))) {
		if (subscription_due(sub))
			return sub;
	}
	return NULL;
}

struct subscription *stream_next(struct stream *s)
{
	if (s->variant == STREAM_SOTW && s->awaited.first)
		return NULL;
	while (s->pending.first && !lacks(s->pending.first))
		subscription_leave(s->pending.first);
	return s->pending.first ? s->pending.first : moves_on(s);
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
		const char *version = is_carried(other) ? subscription_due(other) : NULL;

		holdings_add(state, name, version ? version : other->held);
	}
}

static void set_sent(struct subscription *sub, const char *version, uint64_t nonce)
{
	struct stream *s = sub->stream;

	subscription_join(sub, &s->awaited);
	sub->sent = xstrdup(version);
	sub->secret = payload_record(sub->resource->payload)->secret;
	sub->nonce = nonce;
	sub->since = s->now;
}

static uint64_t next_nonce(struct stream *s, struct stream_response *out)
{
	s->last_nonce++;
	(void)snprintf(out->nonce, sizeof(out->nonce), "%" PRIu64, s->last_nonce);
	return s->last_nonce;
}

/* For the only name of a stream, its version stands for all. */
static void set_version(struct stream_response *out, const char *version)
{
	(void)snprintf(out->version, sizeof(out->version), "%s", version);
}

void stream_sent(struct subscription *sub, struct stream_response *out)
{
	struct stream *s = sub->stream;
	const char *version = subscription_version(sub);

	assert(version && !sub->sent);
	set_sent(sub, version, next_nonce(s, out));
	if (s->variant == STREAM_SOTW)
		next_state(sub, &s->next);
	if (s->variant == STREAM_DELTA || s->subscriptions.n == 1)
		set_version(out, version);
	else
		holdings_text(&s->next, out->version);
}

bool stream_mark(struct stream *s, struct stream_response *out)
{
	bool owed = s->vague || (s->subscriptions.n > 1 && !holdings_equal(&s->told, &s->held));
	const struct subscription *only;
	const char *name;
	size_t at = 0;

	if (!owed || s->variant == STREAM_DELTA || s->awaited.first ||
		(s->full_state && s->subscriptions.n > 0))
		return false;
	s->mark = next_nonce(s, out);
	s->told = s->held;
	s->vague = false;
	only = s->subscriptions.n == 1 ? map_next(&s->subscriptions, &at, &name) : NULL;
	if (only && only->held)
		set_version(out, only->held);
	else
		holdings_text(&s->held, out->version);
	return true;
}

struct subscription *stream_also(struct subscription *sub, size_t *at)
{
	struct subscription *other;

	do {
		other = stream_carried(sub->stream, at);
	} while (other == sub);
	if (other && !other->sent && lacks(other))
		set_sent(other, subscription_version(other), sub->nonce);
	return other;
}

void stream_skip(struct subscription *sub)
{
	sub->skipped = true;
	subscription_leave(sub);
}
