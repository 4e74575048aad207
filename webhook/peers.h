/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook/peers.h - who is connected, since when they owe us something, and who goes first when
 * there are too many.  libmicrohttpd's own timeout starts anew with every byte.
 * Pure: time is passed in, and nothing is closed here.
 * Threads: none of its own; the caller's lock.
 */
#ifndef WASMXDS_WEBHOOK_PEERS_H
#define WASMXDS_WEBHOOK_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum peer_state {
	PEER_NEW,     /* has not sent a whole head yet, nor ended its handshake maybe */
	PEER_IDLE,    /* was answered before, and may send another head */
	PEER_SENDING, /* its head is here, its body not all */
	PEER_WAITING, /* for our answer */
	PEER_GONE,    /* was told to go */
};

struct peer {
	enum peer_state state;
	int64_t since_ms; /* that it is in it */
	int fd;           /* borrowed */
	struct peer *older;
	struct peer *newer;
};

struct peers_limits {
	size_t max;      /* connections; beyond that, one goes for each that comes */
	int64_t new_ms;  /* for the first head, and the handshake */
	int64_t idle_ms; /* between an answer and the next head */
	int64_t body_ms; /* for a body */
};

struct peers {
	struct peers_limits limits;
	struct peer *oldest; /* by when they came; borrowed, as all */
	struct peer *newest;
	size_t n;
};

void peers_add(struct peers *p, struct peer *peer, int fd, int64_t now);
void peers_remove(struct peers *p, struct peer *peer);
void peer_is_now(struct peer *peer, enum peer_state state, int64_t now);

/* Returns whether peer has been given all the time that it gets. */
bool peers_overdue(const struct peers *p, const struct peer *peer, int64_t now);

/* Returns who should go where there are more than max: who has been new for longest, else idle for
 * longest; NULL: nobody.  Never one that is being answered. */
struct peer *peers_surplus(const struct peers *p);

#endif
