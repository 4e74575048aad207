/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "base/xalloc.h"
#include "xds/subscription.h"

uint64_t verdict_nonce(const struct stream_request *req)
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
	struct stream *s = sub->stream;
	char *sent = STEAL(sub->sent);

	free(STEAL(sub->refused));
	free(STEAL(sub->reason));
	subscription_hold(sub, sent);
	s->told = s->next;
	s->vague = !holdings_equal(&s->told, &s->held);
	free(sent);
}

static void refuse(struct subscription *sub, const char *reason)
{
	const struct stream *s = sub->stream;

	free(sub->refused);
	free(sub->reason);
	sub->refused = STEAL(sub->sent);
	sub->reason = utf8_copy(reason, LIMIT_XDS_REASON_BYTES);
	subscription_hold(sub, NULL);
	if (s->who)
		refusals_add(s->refusals, s->who, sub->resource->name, sub->refused,
			sub->secret ? VERDICT_WITHHELD : sub->reason);
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
 * bears the resource's name.  Those that it does not name were taken, also where the one that it
 * names was deleted meanwhile. */
static bool blames_some(const struct stream *s, const char *reason)
{
	const char *name;
	size_t at = 0;

	while (s->full_state && map_next(&s->subscriptions, &at, &name)) {
		if (mentions(reason, name))
			return true;
	}
	return false;
}

static void note_verdict(struct stream_verdict *verdict, const struct subscription *sub, bool nack)
{
	if (verdict->kind == STREAM_NACK || (verdict->kind == STREAM_ACK && !nack))
		return;
	verdict->kind = nack ? STREAM_NACK : STREAM_ACK;
	verdict->secret = sub->secret;
	(void)snprintf(verdict->name, sizeof(verdict->name), "%s", sub->resource->name);
	(void)snprintf(verdict->version, sizeof(verdict->version), "%s", sub->sent);
}

void verdict_take(
	struct stream *s, const struct stream_request *req, struct stream_verdict *verdict)
{
	uint64_t nonce = verdict_nonce(req);
	struct subscription_queue judged = {0};
	bool some = req->refuses && blames_some(s, req->reason);
	struct subscription *sub;

	while (nonce != 0 && (sub = find_awaited(s, nonce))) {
		bool nack = req->refuses && (!some || mentions(req->reason, sub->resource->name));

		note_verdict(verdict, sub, nack);
		subscription_join(sub, &judged);
		sub->since = s->now;
		if (nack)
			refuse(sub, req->reason);
		else
			accept(sub);
	}
	while (judged.first)
		subscription_join(judged.first, &s->pending);
}
