/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/curl.h - the set-up of libcurl, for all who speak HTTP by it: before their first handle.
 * Threads: any.
 */
#ifndef WASMXDS_BASE_CURL_H
#define WASMXDS_BASE_CURL_H

#include "base/err.h"

/* Sets libcurl up, unless somebody did before; each call wants a curl_teardown().
 * ERR_TRANSIENT. */
int curl_setup(struct err *err) __attribute__((warn_unused_result));
void curl_teardown(void);

#endif
