/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/rest.h - discovery as JSON over HTTP: one request in, one response out.
 * Envoy's REST subscription wants exactly one resource in a response, polls, and says of what it
 * holds only the version; it never reports a NACK.  The module goes in base64, so each response is
 * a copy: for proxies that cannot use gRPC, not for a fleet.  Pure.
 */
#ifndef WASMXDS_XDS_REST_H
#define WASMXDS_XDS_REST_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/record.h"

struct rest_request {
	char *name;    /* owned; of the one resource */
	char *version; /* owned; that the client holds; "" for none */
	char *node;    /* owned; node.id; "" where not given */
};

/* Reads a DiscoveryRequest in JSON.  ERR_INVALID: not one, another type_url, or not one name. */
int rest_request_parse(struct rest_request *out, const char *text, size_t n, struct err *err)
	__attribute__((warn_unused_result));
void rest_request_clear(struct rest_request *req);
static inline void auto_rest_request(struct rest_request *req)
{
	rest_request_clear(req);
}

/* Appends the DiscoveryResponse with the resource of r around the module's bytes.  ERR_INVALID: r
 * does not decode, or over out's ceiling. */
int rest_response(struct buf *out, const struct record *r, const uint8_t *module, struct err *err)
	__attribute__((warn_unused_result));

#endif
