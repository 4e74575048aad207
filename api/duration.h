/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/duration.h - durations as Go and Kubernetes write them: "500ms", "1.5s", "1h30m".  Pure.
 */
#ifndef WASMXDS_API_DURATION_H
#define WASMXDS_API_DURATION_H

#include <stdint.h>

#include "base/err.h"

/* Reads text into whole milliseconds, 1 to LIMIT_DURATION_MS.  ERR_INVALID reads well behind a
 * field's name. */
int duration_parse(int64_t *out_ms, const char *text, struct err *err)
	__attribute__((warn_unused_result));

#endif
