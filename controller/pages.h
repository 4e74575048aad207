/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/pages.h - the controller's admin port: /livez, /readyz and /metrics.  Read-only, and
 * without a secret.
 *	/livez   503 where the controller's thread has not come round for a minute
 *	/readyz  200 also for one that stands by: it is ready to take over
 * Threads: libmicrohttpd's own; they read what the controller counts.
 */
#ifndef WASMXDS_CONTROLLER_PAGES_H
#define WASMXDS_CONTROLLER_PAGES_H

#include "base/err.h"
#include "controller/metrics.h"

struct pages; /* opaque */

/* Answers on listen; metrics must outlive it.  Errors are those of listener_start(). */
struct pages *pages_start(const char *listen, const struct metrics *metrics, struct err *err);
void pages_stop(struct pages *p); /* NULL is fine */

/* The address that is bound, with its real port; the caller frees it. */
char *pages_address(const struct pages *p);

#endif
