/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook/desk.h - a review from its bytes to its answer: what can be said at once is, and what
 * has to be asked (the API server about the user, a registry about the module) waits apart from
 * whoever brought it.  Knows no HTTP but for the status of what is no review.
 * Threads: desk_open() and desk_work() from any; it has some of its own, which ask the API server.
 */
#ifndef WASMXDS_WEBHOOK_DESK_H
#define WASMXDS_WEBHOOK_DESK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "kube/credentials.h"
#include "webhook/judge.h"
#include "webhook/resolver.h"
#include "webhook/review.h"
#include "webhook/tally.h"

struct desk; /* opaque */

struct desk_options {
	struct judge_policy policy; /* what it points to outlives the desk */
	struct resolver_options resolver;
	struct tally *tally;             /* borrowed; outlives the desk */
	struct credentials *credentials; /* one for each worker; taken over */
	int workers;                     /* threads that ask the API server; 0: users are not
					  * asked about */
	int64_t budget_ms;               /* for all that is asked about one user */
};

/* One review on its way. */
struct ticket {
	struct desk *desk; /* borrowed */
	enum tally_path path;
	struct review review;              /* owned */
	struct judgement judgement;        /* owned */
	struct resolver_question question; /* its module's */
	int64_t began_us;
	int64_t deadline_ms; /* for what is asked about the user */
	unsigned status;     /* HTTP's; 0: not answered yet */
	bool is_review;      /* body is JSON, else a line of text */
	struct buf body;     /* owned; the answer */

	/* Called once after desk_work(), by any thread, when it is answered. */
	void (*done)(struct ticket *t);
};

/* Starts the threads.  ERR_INVALID: the credentials; ERR_TRANSIENT: no threads. */
struct desk *desk_start(const struct desk_options *options, struct err *err);

/* Answers all that is still there, and frees. */
void desk_stop(struct desk *d);

void ticket_init(struct ticket *t, enum tally_path path);
void ticket_clear(struct ticket *t);

/* Reads n bytes into t, which is fresh.  Returns whether t is answered; if not, desk_work() goes
 * on. */
bool desk_open(struct desk *d, struct ticket *t, const char *text, size_t n);

/* What its look-ups came to. */
void desk_count(struct desk *d, struct resolver_counts *out);

/* Has t answered: t->done() is called, maybe before this returns. */
void desk_work(struct desk *d, struct ticket *t);

#endif
