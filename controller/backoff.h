/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/backoff.h - how long to wait before a failed fetch is tried again.  Pure.
 */
#ifndef WASMXDS_CONTROLLER_BACKOFF_H
#define WASMXDS_CONTROLLER_BACKOFF_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define BACKOFF_FIRST_MS 500
#define BACKOFF_MOST_MS 60000      /* what may pass by itself */
#define BACKOFF_SOON_MS 8000       /* of that, where few extensions are looked after */
#define BACKOFF_UNLIKELY_MS 300000 /* what needs somebody to change something at the source */

/* Milliseconds to wait after the attempts-th failure (from 1) in a row: exponential with full
 * jitter, so that many that failed together do not come back together.  What is not worth a quick
 * try (ERR_INVALID, ERR_UNVERIFIED, ERR_DENIED) waits long.  random is any number. */
int64_t backoff_delay_ms(enum err_code code, unsigned attempts, uint32_t random);

/* The most that is waited for a source that may be well again, of so many extensions: seconds, so
 * that a recovery is soon seen; more where thousands that failed together would come too often.
 * How often the source itself is asked is the pool's to say (fetch/host_health.h). */
int64_t backoff_most_ms(size_t extensions);

#endif
