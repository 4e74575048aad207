/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook/resolver.h - what images lead to, found out by threads of its own, within a budget, and
 * remembered for a while.  The same image asked for by many at once is looked up once.  One host
 * has a few of the threads at most, so that a dead registry does not hold the others up.
 * Threads: resolver_peek() and resolver_ask() from any.
 */
#ifndef WASMXDS_WEBHOOK_RESOLVER_H
#define WASMXDS_WEBHOOK_RESOLVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "fetch/fetch.h"
#include "webhook/judge.h"

struct resolver_options {
	struct fetch_options fetch; /* what it borrows outlives the resolver */
	int workers;                /* threads, at most LIMIT_FETCH_WORKERS */
	int64_t budget_ms;          /* from the question to the answer */
	uint64_t hash_max;          /* bytes that are read to learn a digest */
	uint64_t module_max;        /* bytes of a module that is looked at though its digest is
				     * known; 0: none is */
	int64_t good_ms;            /* how long a digest is remembered */
	int64_t bad_ms;             /* how long it is remembered that none was to be had */
};

struct resolver; /* opaque */

/* What somebody wants to know; embedded in what waits for it. */
struct resolver_question {
	enum fetch_source source; /* not FETCH_LOCAL_FS */
	const char *uri;          /* borrowed until the answer */
	bool wants_module;        /* a small one is looked at though its digest is known */

	/* Called once by a thread of the resolver, with no lock held. */
	void (*answer)(struct resolver_question *q, const struct finding *found);
	struct resolver_question *next; /* the resolver's */
};

/* Counts since the start. */
struct resolver_counts {
	uint64_t cached;                /* questions that needed no look-up */
	uint64_t by_code[ERR_FULL + 1]; /* look-ups by how they ended; ERR_NONE: with a digest */
};

/* Starts the threads.  Returns NULL with ERR_TRANSIENT where they cannot be had. */
struct resolver *resolver_start(const struct resolver_options *options, struct err *err);

/* Gives up what is under way, answers every question, and frees. */
void resolver_stop(struct resolver *r);

/* Copies what is remembered into out; returns whether that is enough for q. */
bool resolver_peek(struct resolver *r, const struct resolver_question *q, struct finding *out);

/* Has q answered, within the budget or little later; ERR_TRANSIENT in the finding where it was not
 * enough. */
void resolver_ask(struct resolver *r, struct resolver_question *q);

void resolver_count(struct resolver *r, struct resolver_counts *out);

#endif
