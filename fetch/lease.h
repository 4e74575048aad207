/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/lease.h - something that holds for a time: one thread gets it, and all others share it.
 * While it is being got anew the old one is used for as long as it holds; a failure is remembered
 * for a moment, so that a hundred callers do not all run into it.
 * Threads: every function from any thread, but for lease_init() and lease_clear().  The lock is not
 * held while the value is got.
 */
#ifndef WASMXDS_FETCH_LEASE_H
#define WASMXDS_FETCH_LEASE_H

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#include "base/err.h"

/* Until when a value is used: it is got anew after fresh_until, and dead after expires. */
struct lease_terms {
	time_t fresh_until; /* LEASE_FOR_EVER: always */
	time_t expires;
};

#define LEASE_FOR_EVER ((time_t)0)

/* What a kind of value can do. */
struct lease_kind {
	/* Gets a value anew, on the heap. */
	void *(*get)(void *arg, struct lease_terms *terms, struct err *err);
	void (*copy)(void *out, const void *value);
	void (*free)(void *value);
};

struct lease {
	const struct lease_kind *kind;
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool busy;                /* guarded by lock, as all below; one thread gets the value */
	void *value;              /* owned; NULL: none yet */
	struct lease_terms terms; /* of value */
	struct err failed;        /* why it could not be got */
	time_t failed_until;      /* failed stands in for the value */
};

void lease_init(struct lease *l, const struct lease_kind *kind);
void lease_clear(struct lease *l);

/* Copies the value into out, got with arg where need be.  Errors are those of kind->get. */
int lease_get(struct lease *l, void *arg, void *out, struct err *err)
	__attribute__((warn_unused_result));

/* What a caller does, as the lease stands.  Pure. */
enum lease_step { LEASE_USE, LEASE_WAIT, LEASE_RENEW, LEASE_FAIL };
enum lease_step lease_judge(const struct lease *l, time_t now);

/* The terms of what expires then: got anew five minutes before, or after half of the time that is
 * left where that is less than ten.  Pure. */
struct lease_terms lease_terms_until(time_t expires, time_t now);

#endif
