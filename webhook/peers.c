/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/peers.h"

void peers_add(struct peers *p, struct peer *peer, int fd, int64_t now)
{
	*peer = (struct peer){.state = PEER_NEW, .since_ms = now, .fd = fd, .older = p->newest};
	*(p->newest ? &p->newest->newer : &p->oldest) = peer;
	p->newest = peer;
	p->n++;
}

void peers_remove(struct peers *p, struct peer *peer)
{
	*(peer->older ? &peer->older->newer : &p->oldest) = peer->newer;
	*(peer->newer ? &peer->newer->older : &p->newest) = peer->older;
	p->n--;
}

void peer_is_now(struct peer *peer, enum peer_state state, int64_t now)
{
	if (peer->state == PEER_GONE)
		return;
	peer->state = state;
	peer->since_ms = now;
}

bool peers_overdue(const struct peers *p, const struct peer *peer, int64_t now)
{
	int64_t waited = now - peer->since_ms;

	switch (peer->state) {
	case PEER_NEW:
		return waited >= p->limits.new_ms;
	case PEER_IDLE:
		return waited >= p->limits.idle_ms;
	case PEER_SENDING:
		return waited >= p->limits.body_ms;
	case PEER_WAITING:
	case PEER_GONE:
		return false;
	}
	return false;
}

static struct peer *longest(const struct peers *p, enum peer_state state)
{
	struct peer *found = NULL;

	for (struct peer *peer = p->oldest; peer; peer = peer->newer) {
		if (peer->state == state && (!found || peer->since_ms < found->since_ms))
			found = peer;
	}
	return found;
}

struct peer *peers_surplus(const struct peers *p)
{
	struct peer *peer;

	if (p->n <= p->limits.max)
		return NULL;
	peer = longest(p, PEER_NEW);
	return peer ? peer : longest(p, PEER_IDLE);
}
