/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/method.h - the gRPC methods that are served, and what may be asked for by each.
 * Pure.  Threads: any.
 */
#ifndef WASMXDS_XDS_METHOD_H
#define WASMXDS_XDS_METHOD_H

#include <stdbool.h>

#include "base/err.h"
#include "xds/stream.h"

struct method {
	const char *path; /* "/package.Service/Method" */
	const char *name; /* "Method" */
	enum stream_variant variant;
	bool any_type; /* ADS: other types are asked for on the stream too */
	bool once;     /* one request, one response */
};

/* Returns the method of a path, or NULL where it is not ours. */
const struct method *method_find(const char *path);

/* Says whether a request for type_url is for us; on ADS, what is not is left to silence: this
 * server knows of nothing else.  ERR_INVALID: the method has one type only, and this is not it. */
int method_check_type(const struct method *m, const char *type_url, bool *ours, struct err *err)
	__attribute__((warn_unused_result));

#endif
