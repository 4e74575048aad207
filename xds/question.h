/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/question.h - a look at what the serving threads own, taken by one of them for another.
 * Threads: question_wait() from any but the serving ones, question_answer() from a serving one.  A
 * question has a lock of its own, held while look() runs, so that whoever gave up waiting cannot be
 * looked for.
 */
#ifndef WASMXDS_XDS_QUESTION_H
#define WASMXDS_XDS_QUESTION_H

#include <stdbool.h>
#include <stdint.h>

#include "xds/loader.h"
#include "xds/metrics.h"
#include "xds/session.h"

/* All that the serving threads own. */
struct xds_view {
	const struct session_group *sessions; /* the first of all groups */
	struct catalog *catalog;
	struct loader *loader;
	const struct refusals *refusals;
	const struct xds_metrics *metrics;
};

typedef void question_look(void *arg, const struct xds_view *view);

struct question; /* opaque, counted by its two sides */

/* Makes a question for look(arg, view), never NULL; one reference for each side. */
struct question *question_new(question_look *look, void *arg);

/* Waits for the answer; false when it did not come in time: look() will then not be called.  Gives
 * up the asker's reference. */
bool question_wait(struct question *q, int64_t timeout_ms);

/* Calls look(), unless nobody waits any more, and gives up the answerer's reference. */
void question_answer(struct question *q, const struct xds_view *view);

/* Gives up the answerer's reference with no answer; for inboxes. */
void question_drop(void *q);

#endif
