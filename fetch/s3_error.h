/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/s3_error.h - what S3's refusals mean, and what to do about them.  Pure.
 */
#ifndef WASMXDS_FETCH_S3_ERROR_H
#define WASMXDS_FETCH_S3_ERROR_H

#include <stdbool.h>

#include "base/err.h"

struct s3_refusal {
	long status;
	const char *code;   /* of the XML; NULL where there was none */
	const char *region; /* where the bucket says that it is; NULL: it does not */
	bool is_signed;
};

/* Fills err and returns -1.  ERR_NOT_FOUND: bucket or key; ERR_DENIED: whatever is wrong with the
 * credentials or the clock; ERR_TRANSIENT; ERR_INVALID: all else. */
int s3_refused(const struct s3_refusal *refusal, struct err *err);

#endif
