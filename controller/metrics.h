/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/metrics.h - what the controller counts, and how Prometheus is told.
 * Threads: counted by the controller's, read by any.
 */
#ifndef WASMXDS_CONTROLLER_METRICS_H
#define WASMXDS_CONTROLLER_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "controller/status.h"
#include "fetch/fetch.h"

#define METRICS_SOURCES (FETCH_OCI + 1)
#define METRICS_ERRORS (ERR_FULL + 1)

struct metrics {
	atomic_uint_fast64_t reconciles;
	atomic_uint_fast64_t extensions[STATUS_REASONS];               /* now, by what is said */
	atomic_uint_fast64_t fetches[METRICS_SOURCES][METRICS_ERRORS]; /* by enum err_code */
	atomic_uint_fast64_t
		unchanged[METRICS_SOURCES]; /* asked, and not fetched; in fetches too */
	atomic_uint_fast64_t records_put;
	atomic_uint_fast64_t records_deleted;
	atomic_uint_fast64_t store_bytes;
	atomic_uint_fast64_t source_failures; /* of reading manifests, or of the API server */
	atomic_uint_fast64_t status_waiting;  /* extensions whose status is to be written */
	atomic_bool leads;                    /* holds the Lease, or needs none */
	atomic_bool ready;                    /* all extensions were listed */
	atomic_int_fast64_t turned_at;        /* ms; when the loop last came round */
};

static inline void metrics_add(atomic_uint_fast64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static inline void metrics_set(atomic_uint_fast64_t *gauge, uint64_t value)
{
	atomic_store_explicit(gauge, value, memory_order_relaxed);
}

/* Appends all in Prometheus' text format, 0.0.4.  ERR_INVALID: over out's ceiling. */
int metrics_report(struct buf *out, const struct metrics *m, struct err *err)
	__attribute__((warn_unused_result));

#endif
