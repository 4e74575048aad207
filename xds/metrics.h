/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/metrics.h - what the server counts.
 * Threads: written by the one that serves; others read it through xds/question.h.
 */
#ifndef WASMXDS_XDS_METRICS_H
#define WASMXDS_XDS_METRICS_H

#include <stdint.h>

struct xds_metrics {
	uint64_t streams;         /* opened, ever */
	uint64_t streams_refused; /* over a limit, or not allowed */
	uint64_t streams_broken;  /* ended because the client broke a rule */
	uint64_t requests;
	uint64_t responses;
	uint64_t response_bytes;
	uint64_t acks;
	uint64_t nacks;
	uint64_t records_unusable; /* reads of a record that failed */
	uint64_t modules_unusable; /* modules that could not be served */
};

#endif
