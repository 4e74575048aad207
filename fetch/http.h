/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/http.h - a module by http or https GET.
 * Each redirect is a request of its own with a handle of its own, so that no credential, cookie or
 * connection state of one server reaches another: userinfo in a Location is dropped, and that of
 * the uri goes to its own server only.  Bodies other than that of a 200 are not read.
 * The proxy variables of libcurl's environment (http_proxy, HTTPS_PROXY, NO_PROXY ...) hold, since
 * platforms rely on them.
 * Threads: none of its own; fetch_setup() comes first.
 */
#ifndef WASMXDS_FETCH_HTTP_H
#define WASMXDS_FETCH_HTTP_H

#include <stdbool.h>

#include <curl/curl.h>

#include "base/err.h"
#include "fetch/fetch.h"
#include "fetch/sink.h"

/* Fetches request->uri by the scheme of request->source into sink.  ERR_INVALID: no URL, too large,
 * too many redirects, one from https to http, most of 4xx; ERR_NOT_FOUND: 404, 410; ERR_DENIED:
 * 401, 403, 407; ERR_TRANSIENT: 408, 425, 429, 5xx, whatever fails on the network, TLS included;
 * ERR_FULL.  Messages do not repeat the uri: the caller names it. */
int http_fetch(const struct fetch_options *options, const struct fetch_request *request,
	struct sink *sink, struct err *err) __attribute__((warn_unused_result));

/* Returns the URL as a message may show it: no userinfo, no query, no fragment, printable ASCII, at
 * most LIMIT_SOURCE_BYTES.  Never NULL; the caller frees it. */
char *http_label(const char *url);

/* Returns what a final status means; ERR_NONE is for 200 alone. */
enum err_code http_status_verdict(long status);

/* Returns what libcurl's result means. */
enum err_code http_curl_verdict(CURLcode result);

bool http_is_redirect(long status);

/* Resolves a Location header against the URL that sent it.  ERR_INVALID: no URL, neither http nor
 * https, or from https to http.  The caller frees *out. */
int http_redirect_target(char **out, const char *from, const char *location, struct err *err)
	__attribute__((warn_unused_result));

#endif
