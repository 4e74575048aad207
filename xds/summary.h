/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/summary.h - how every extension stands with those who subscribe to it, as /summary gives it
 * to the controller: small however many proxies there are.  One line of JSON for each extension
 * that is served and that somebody subscribes to:
 *	{"name": "ns/n", "version": "...", "connected": 3, "acked": 2, "nacked": 1,
 *	 "node": "...", "reason": "..."}
 * node and reason are of one refusal, the same one as long as it lasts.  Then one for each that
 *this process heard itself, of whatever version, by its key (store/refusals.h), so that others
 *learn it:
 *	{"refusal": "...", "reason": "..."}
 * Counting a fleet takes long, so it is done in parts, and the serving thread does other work in
 * between.
 * Pure.  Threads: the serving one, inside questions; summary_clear() from any.
 */
#ifndef WASMXDS_XDS_SUMMARY_H
#define WASMXDS_XDS_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/refusals.h"
#include "xds/catalog.h"

struct summary {
	char **names; /* owned, and each of them; what is to be counted */
	size_t n;
	size_t at;      /* the next one; n: all are done */
	size_t refusal; /* of refusals_next(); the next one */
	bool done;
};

/* Notes what is to be counted; s is zeroed. */
void summary_begin(struct summary *s, const struct catalog *catalog);
void summary_clear(struct summary *s);
static inline void auto_summary(struct summary *s)
{
	summary_clear(s);
}

/* Appends lines until about so many subscriptions are counted, or refusals told, or s is done.
 * ERR_INVALID: over out's ceiling. */
int summary_go_on(struct summary *s, const struct catalog *catalog, const struct refusals *refusals,
	size_t part, struct buf *out, struct err *err) __attribute__((warn_unused_result));

#endif
