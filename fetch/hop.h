/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/hop.h - one request to one server, by libcurl: no redirect, no retry.  Part of
 * fetch/exchange.h, and used by nothing else.
 * Threads: none of its own.
 */
#ifndef WASMXDS_FETCH_HOP_H
#define WASMXDS_FETCH_HOP_H

#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

#include "base/err.h"
#include "fetch/exchange.h"
#include "fetch/resume.h"

/* All pointers are borrowed. */
struct hop {
	const struct fetch_task *task;
	const struct exchange_request *request;
	const char *url;
	const char *const *origin_headers; /* NULL: url is not their origin */
	struct resume
		*resume; /* possible: asks for what is behind the sink's bytes; kept up to date */
	int64_t timeout_ms; /* 0: none */
};

/* Asks, and reads the answer's body where the request takes it.  0: an answer came, whatever its
 * status; -1: none, or not all of it (ERR_TRANSIENT), or one that is refused.  reply, which is
 * empty, holds what there was of it. */
int hop_run(struct exchange_reply *reply, struct hop *hop, struct err *err)
	__attribute__((warn_unused_result));

/* Returns whether the request lists status as no error. */
bool hop_accepts(const struct exchange_request *request, long status);

/* Returns whether only what is behind the sink's bytes is asked for. */
bool hop_is_ranged(const struct hop *hop);

/* Returns what decides for this hop; borrowed. */
const struct guard *hop_guard(const struct hop *hop);

/* Returns what libcurl's result means. */
enum err_code hop_curl_verdict(CURLcode result);

#endif
