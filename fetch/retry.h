/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/retry.h - whether and when an exchange is tried again.  Pure: time and chance are passed
 * in.
 */
#ifndef WASMXDS_FETCH_RETRY_H
#define WASMXDS_FETCH_RETRY_H

#include <stdbool.h>
#include <stdint.h>

struct retry_policy {
	int tries;        /* in a row without progress; 0 or less: one */
	int64_t first_ms; /* the most that is waited before the second try; doubles with each */
	int64_t most_ms;  /* and the ceiling of that, also for what a server may ask for */
};

/* What is known when a try has failed. */
struct retry_state {
	int failed;             /* tries in a row without progress, this one included */
	int64_t retry_after_ms; /* what the server asked for; 0: nothing */
	int64_t left_ms;        /* until the deadline; 0: there is none */
	uint32_t random;
};

/* Returns how many ms to wait before another try, or -1 for none: tries are used up, the server
 * asks for more than the policy's ceiling, or the wait would pass the deadline.  Full jitter:
 * anything from 0 to the backoff, but never less than what the server asked for. */
int64_t retry_wait_ms(const struct retry_policy *policy, const struct retry_state *state);

/* Reads a Retry-After header, seconds or an HTTP date, at now (seconds since 1970).  Returns ms, at
 * least 1 and at most LIMIT_RETRY_AFTER_MS, or 0 where it is neither or is over. */
int64_t retry_after_ms(const char *value, int64_t now);

#endif
