/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/backoff.h - how long to wait before a failed fetch is tried again.  Pure.
 */
#ifndef WASMXDS_CONTROLLER_BACKOFF_H
#define WASMXDS_CONTROLLER_BACKOFF_H

#include <stdint.h>

#include "base/err.h"

#define BACKOFF_FIRST_MS 500
#define BACKOFF_MOST_MS 60000      /* what may pass by itself */
#define BACKOFF_UNLIKELY_MS 300000 /* what needs somebody to change something at the source */

/* Milliseconds to wait after the attempts-th failure (from 1) in a row: exponential with full
 * jitter, so that many that failed together do not come back together.  What is not worth a quick
 * try (ERR_INVALID, ERR_UNVERIFIED, ERR_DENIED) waits long.  random is any number. */
int64_t backoff_delay_ms(enum err_code code, unsigned attempts, uint32_t random);

#endif
