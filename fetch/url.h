/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/url.h - what an exchange has to know of URLs.  Pure.
 */
#ifndef WASMXDS_FETCH_URL_H
#define WASMXDS_FETCH_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Returns the URL as a message may show it: no userinfo, no query, no fragment, printable ASCII, at
 * most LIMIT_SOURCE_BYTES.  Never NULL; the caller frees it. */
char *url_label(const char *url);

/* Resolves a Location header against the URL that sent it.  ERR_INVALID: no URL, neither http nor
 * https, or from https to http.  The caller frees *out, which holds no userinfo. */
int url_redirect_target(char **out, const char *from, const char *location, struct err *err)
	__attribute__((warn_unused_result));

/* Returns url with the userinfo of from, if there is any, in place of its own; the caller frees it.
 */
char *url_with_userinfo(const char *url, const char *from);

/* Returns whether scheme, host and port of both are the same. */
bool url_same_origin(const char *a, const char *b);

/* Returns the url's host, in lower case and without brackets, or NULL where it is no URL; the
 * caller frees it. */
char *url_host(const char *url);

/* Returns host[:port] of a URL with a scheme, as it stands there, in lower case and without
 * userinfo; never NULL, the caller frees it. */
char *url_server(const char *url);

/* Replaces each byte that is not printable ASCII by '?': for what a server chose, which may end up
 * in a status or on a terminal. */
void url_make_printable(char *text);

#endif
