/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube/election.h - who of several controllers may write: the decisions of leader election by a
 * coordination.k8s.io/v1 Lease.  Pure: no socket, no clock; time is passed in, in ms of a clock
 * that only moves forward.
 *
 * Clocks of two machines are never compared.  Who holds counts from the moment before it asked for
 * what was granted, and for `deadline`; who waits counts from when it saw the Lease as it is, and
 * for the longer `duration` that stands in it.  Each write names the resourceVersion that it is
 * based on, so that of two only one succeeds.  A Lease that somebody deletes while it is held says
 * nothing to a candidate that starts after that: the store's own lock is the second guard.
 *
 *	       free, or expired for us          granted
 *	READ ──────────────────────► REPLACE ────────────► held ──► REPLACE, each `renew`
 *	 ▲ │ held by another              │ conflict, lost      │ another holds it, or no grant for
 *	 └─┘ again after `retry`          └──────► READ         └──► lost, for good    `deadline`
 */
#ifndef WASMXDS_KUBE_ELECTION_H
#define WASMXDS_KUBE_ELECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"

#define ELECTION_TIMEOUT_MS 3000 /* two requests fit between a renewal and the deadline */

struct election_terms {
	int64_t duration_ms; /* a Lease that was not renewed for so long is free */
	int64_t deadline_ms; /* who could not renew for so long holds it no more; well below it */
	int64_t renew_ms;    /* between two renewals */
	int64_t retry_ms;    /* between two looks at a Lease that another holds, and two tries */
};
#define ELECTION_TERMS                                                                         \
	{                                                                                      \
		.duration_ms = 15000, .deadline_ms = 10000, .renew_ms = 2000, .retry_ms = 1000 \
	}

/* A Lease as it was read. */
struct election_lease {
	char holder[LIMIT_LEASE_TEXT + 1];  /* "": nobody */
	char version[LIMIT_LEASE_TEXT + 1]; /* resourceVersion; opaque */
	char uid[LIMIT_LEASE_TEXT + 1];
	char acquired[LIMIT_LEASE_TEXT + 1]; /* acquireTime; "": none */
	int64_t duration_ms;                 /* 0: none */
	int64_t transitions;
};

enum election_action {
	ELECTION_WAIT,    /* until wake_at */
	ELECTION_READ,    /* GET the Lease */
	ELECTION_CREATE,  /* POST election_body(); ELECTION_REPLACE where it is there already */
	ELECTION_REPLACE, /* PUT election_body() */
};

struct election_step {
	enum election_action action;
	int64_t wake_at; /* WAIT */
};

struct election {
	struct election_terms terms;
	char identity[LIMIT_LEASE_TEXT + 1];
	struct election_lease seen; /* as last heard of */
	int64_t seen_at;            /* when seen.version was first heard of */
	bool fresh;         /* seen, or that there is none, is what a write may be based on */
	bool absent;        /* there is no Lease */
	bool released;      /* given up, for good */
	bool lost;          /* held before, and no more, for good */
	int64_t asked_at;   /* when the request under way was sent; -1: there is none */
	int64_t held_until; /* exclusive; 0: never held */
	int64_t next_at;    /* no request before */
};

/* identity must differ from that of every other process, also of an earlier one in the same pod.
 * ERR_INVALID: it is empty or too long. */
int election_init(struct election *e, const struct election_terms *terms, const char *identity,
	struct err *err) __attribute__((warn_unused_result));

/* What to do now; with a request under way, to wait. */
struct election_step election_next(const struct election *e, int64_t now);

/* The request that election_next() wanted goes out now; without an answer within
 * ELECTION_TIMEOUT_MS it failed. */
void election_asked(struct election *e, int64_t now);

/* It was answered: by the Lease as it was read, by the Lease as we wrote it, by there being none,
 * by what somebody else did in between; or not at all, also where nobody knows whether it was done.
 * A server that wants to be left alone says for how long. */
void election_read(struct election *e, const struct election_lease *lease, int64_t now);
void election_written(struct election *e, const struct election_lease *lease, int64_t now);
void election_absent(struct election *e, int64_t now);
void election_conflicted(struct election *e, int64_t now);
void election_failed(struct election *e, int64_t retry_after_ms, int64_t now);

/* Whether this process may write now. */
bool election_held(const struct election *e, int64_t now);

/* Whether it held the Lease and may not write any more, for good: it should end. */
bool election_lost(const struct election *e, int64_t now);

/* Gives up: election_held() is false from now on, and election_body() says that nobody holds the
 * Lease, so that another may take it at once. */
void election_release(struct election *e);

/* Appends the Lease to send: held by us, or by nobody once released.  wall is the time as RFC 3339
 * with microseconds, which nobody compares with another clock. */
int election_body(struct buf *out, const struct election *e, const char *namespace,
	const char *name, const char *wall, struct err *err) __attribute__((warn_unused_result));

/* Reads a Lease.  ERR_INVALID: it is none, or a field is longer than one could be. */
int election_parse(struct election_lease *out, const char *text, size_t n, struct err *err)
	__attribute__((warn_unused_result));

#endif
