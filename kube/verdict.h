/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube/verdict.h - what an answer of the API server means, in its own words.  Pure.
 */
#ifndef WASMXDS_KUBE_VERDICT_H
#define WASMXDS_KUBE_VERDICT_H

#include <stddef.h>

#include "base/err.h"

/* Returns 0 for 2xx, else -1 with the message of the Status that body holds, shortened and without
 * control characters; where there is none, the status alone.  Codes as client_verdict(). */
int verdict_of(long status, const char *body, size_t n, struct err *err)
	__attribute__((warn_unused_result));

#endif
