/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/subscription.h"

#include <stdlib.h>

#include "base/xalloc.h"

const char *subscription_version(const struct subscription *sub)
{
	const struct payload *payload = sub->resource->payload;

	return payload && !sub->denied ? payload_record(payload)->version : NULL;
}

void subscription_hold(struct subscription *sub, const char *version)
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

void subscription_leave(struct subscription *sub)
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

void subscription_join(struct subscription *sub, struct subscription_queue *q)
{
	subscription_leave(sub);
	sub->queue = q;
	sub->qprev = q->last;
	sub->qnext = NULL;
	if (q->last)
		q->last->qnext = sub;
	else
		q->first = sub;
	q->last = sub;
}

bool subscription_refused(const struct subscription *sub, const char *version)
{
	const struct stream *s = sub->stream;

	if (subscription_same(version, sub->refused))
		return true;
	return s->who && refusals_find(s->refusals, s->who, sub->resource->name, version);
}

const char *subscription_due(const struct subscription *sub)
{
	const char *version = subscription_version(sub);

	return version && !subscription_refused(sub, version) ? version : NULL;
}
