/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook/doorman.h - shows those connections the door that are slow or too many (webhook/peers.h).
 * Threads: any; it has one of its own, which looks around.
 */
#ifndef WASMXDS_WEBHOOK_DOORMAN_H
#define WASMXDS_WEBHOOK_DOORMAN_H

#include <stdint.h>

#include "base/err.h"
#include "webhook/peers.h"

struct doorman; /* opaque */

/* Returns NULL with ERR_TRANSIENT where no thread can be had. */
struct doorman *doorman_start(const struct peers_limits *limits, struct err *err);
void doorman_stop(struct doorman *d); /* when nobody is there any more */

/* Lets peer in, whose socket is fd, and another out where there are too many. */
void doorman_enter(struct doorman *d, struct peer *peer, int fd);

/* Forgets peer, before its socket is closed. */
void doorman_leave(struct doorman *d, struct peer *peer);

/* Takes in what peer does now. */
void doorman_note(struct doorman *d, struct peer *peer, enum peer_state state);

/* Returns how many are there, and how many were shown out so far. */
size_t doorman_inside(struct doorman *d);
uint64_t doorman_evicted(struct doorman *d);

#endif
