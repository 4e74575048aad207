/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube/leader.h - holds a Lease, or waits for it: the shell around kube/election.h.  Works while
 * its owner's loop runs client_wait() and client_step(); times are those of io_monotonic_ms().
 * Threads: the client's.
 */
#ifndef WASMXDS_KUBE_LEADER_H
#define WASMXDS_KUBE_LEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct client;
struct election_terms;
struct leader; /* opaque */

struct leader_options {
	const char *namespace;
	const char *name;                   /* of the Lease */
	const char *identity;               /* NULL: the host's name and a random number */
	const struct election_terms *terms; /* NULL: ELECTION_TERMS */
};

/* Borrows client; options only for the call.  ERR_INVALID: identity. */
struct leader *leader_new(
	struct client *client, const struct leader_options *options, struct err *err);

/* Cancels what is under way; does not release.  NULL is fine. */
void leader_free(struct leader *l);
static inline void auto_leader(struct leader **l)
{
	leader_free(*l);
}

/* Sends what is due: to be called when leader_due() has come, and after client_step(). */
void leader_step(struct leader *l);

/* When to call leader_step() again, if nothing is answered before. */
int64_t leader_due(const struct leader *l);

/* Whether this process may write now: to be asked before each write. */
bool leader_held(const struct leader *l);

/* Whether it held the Lease and may not write any more, for good: the process should end with exit
 * code 1. */
bool leader_lost(const struct leader *l);

/* Nothing is written any more from here on: gives the Lease back where we hold it, so that a
 * standby need not wait.  Returns within timeout_ms, whatever came of it. */
void leader_release(struct leader *l, int64_t timeout_ms);

/* For logs; borrowed. */
const char *leader_identity(const struct leader *l);
const char *leader_holder(const struct leader *l); /* as far as is known; "": nobody */

/* What the last request came to: code ERR_NONE where it went well.  Borrowed. */
const struct err *leader_trouble(const struct leader *l);

#endif
