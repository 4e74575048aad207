/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/proxies.h - what the xds pods say of their proxies (xds/summary.h), added up.  Pure.
 * Small: what is kept of an extension is some numbers and one refusal, however many proxies there
 * are; and of what they refused since their pods began, LIMIT_REFUSALS.
 */
#ifndef WASMXDS_CONTROLLER_PROXIES_H
#define WASMXDS_CONTROLLER_PROXIES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "controller/conditions.h"
#include "store/refusals.h"

struct proxies; /* opaque: one round of asking every pod */

struct proxies *proxies_new(void); /* never NULL */
void proxies_free(struct proxies *p);
static inline void auto_proxies(struct proxies **p)
{
	proxies_free(*p);
}

/* One pod's answer, which is read as it comes. */
struct proxies_reader {
	struct proxies *into; /* borrowed */
	struct buf line;
	size_t bytes;
};

void proxies_reader_init(struct proxies_reader *r, struct proxies *into);
void proxies_reader_clear(struct proxies_reader *r);
static inline void auto_proxies_reader(struct proxies_reader *r)
{
	proxies_reader_clear(r);
}

/* Takes n more bytes in.  ERR_INVALID: that is no summary, or more than one could be; what was read
 * before is counted all the same. */
int proxies_read(struct proxies_reader *r, const char *bytes, size_t n, struct err *err)
	__attribute__((warn_unused_result));

/* The answer is whole.  ERR_INVALID: it ends within a line. */
int proxies_read_end(const struct proxies_reader *r, struct err *err)
	__attribute__((warn_unused_result));

/* Every pod was asked, and answered: what was not said is not there. */
void proxies_complete(struct proxies *p);

/* Fills out with what is known of the extension called name, of which version is served; p NULL:
 * nothing is.  Texts are borrowed from p. */
void proxies_count(const struct proxies *p, const char *name, const char *version,
	struct conditions_proxies *out);

/* Returns what the pods heard refused, of whatever version; NULL: nothing.  Borrowed. */
const struct refusals *proxies_refusals(const struct proxies *p);

/* Calls changed() for each extension of which now says something else than before (NULL: nothing
 * yet), or returns true: then all may have changed, and it was called for none. */
bool proxies_compare(const struct proxies *before, const struct proxies *now,
	void (*changed)(void *arg, const char *name), void *arg);

#endif
