/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/report.h - what the server says of itself: every proxy and what it runs, and its metrics.
 * Pure: from a view to text.  Threads: a serving one, inside a question.
 */
#ifndef WASMXDS_XDS_REPORT_H
#define WASMXDS_XDS_REPORT_H

#include <stdint.h>

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "base/err.h"
#include "xds/question.h"

/* Returns {"clients": [...], "extensions": [...]}; ages are seconds before now (ms, the clock of
 * io_monotonic_ms()).  A client is one stream.  The caller deletes it. */
cJSON *report_clients(const struct xds_view *view, int64_t now);

/* Appends all metrics in Prometheus' text format, 0.0.4.  ERR_INVALID: over out's ceiling. */
int report_metrics(struct buf *out, const struct xds_view *view, struct err *err)
	__attribute__((warn_unused_result));

/* As /clients, `wasmxds status` and the metrics spell it: "SYNCED"; never NULL. */
const char *report_sync_name(enum stream_sync sync);

#endif
