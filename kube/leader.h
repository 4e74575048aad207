/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube/leader.h - holds a Lease, or waits for it: the shell around kube/election.h.  Works while
 * the owner's loop runs client_wait() and client_step(); times are those of io_monotonic_ms().
 * Threads: the client's.
 */
#ifndef WASMXDS_KUBE_LEADER_H
#define WASMXDS_KUBE_LEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct client;
struct leader; /* opaque */

struct leader_options {
	const char *namespace;
	const char *name;     /* of the Lease */
	const char *identity; /* NULL: the host's name and a random number */
};

/* Borrows client.  ERR_INVALID: identity. */
struct leader *leader_new(
	struct client *client, const struct leader_options *options, struct err *err);

/* Cancels what is under way; does not release.  NULL is fine. */
void leader_free(struct leader *l);
static inline void auto_leader(struct leader **l)
{
	leader_free(*l);
}

/* Sends what is due.  To be called whenever leader_due() has come, and after client_step(). */
void leader_step(struct leader *l);

/* When to call leader_step() again, if nothing is answered before. */
int64_t leader_due(const struct leader *l);

/* Whether this process may write now: to be asked before each write. */
bool leader_held(const struct leader *l);

/* Whether it may not write any more, for good: the process should end with exit code 1. */
bool leader_lost(struct leader *l);

/* Nothing is written any more from here on: gives the Lease back, so that a standby need not wait,
 * and waits for the answer for at most timeout_ms. */
void leader_release(struct leader *l, int64_t timeout_ms);

/* Who holds the Lease as far as is known, for logs; "" nobody or not known; borrowed. */
const char *leader_holder(const struct leader *l);

#endif
