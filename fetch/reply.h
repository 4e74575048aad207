/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/reply.h - how the answer of fetch/exchange.h is filled.  Part of that, used by nothing
 * else.
 */
#ifndef WASMXDS_FETCH_REPLY_H
#define WASMXDS_FETCH_REPLY_H

#include <stdint.h>

#include <curl/curl.h>

#include "fetch/exchange.h"

/* Fills out, which is empty, with what the handle's last answer said; now is in seconds since 1970.
 */
void reply_collect(struct exchange_reply *out, CURL *curl, const char *url, int64_t now);

#endif
