/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/lend.h - constant bytes for the C libraries that take a pointer to non-const and only read.
 */
#ifndef WASMXDS_BASE_LEND_H
#define WASMXDS_BASE_LEND_H

static inline void *lend(const void *bytes)
{
	union {
		const void *in;
		void *out;
	} u = {.in = bytes};

	return u.out;
}

#endif
