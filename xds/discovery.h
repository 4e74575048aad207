/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/discovery.h - discovery requests and responses as they are on the wire.
 * A response is encoded around its resource: the record's head and tail and the module's bytes are
 * never copied for a client.  Pure.
 */
#ifndef WASMXDS_XDS_DISCOVERY_H
#define WASMXDS_XDS_DISCOVERY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/record.h"
#include "xds/stream.h"

/* A request with the message that it borrows from. */
struct discovery_request {
	struct stream_request stream; /* what xds/stream.h takes */
	const char *type_url;         /* borrowed; "" where not given */
	void *message;                /* owned */
	enum stream_variant variant;
};

/* Decodes n bytes.  ERR_INVALID: not such a message. */
int discovery_request_decode(struct discovery_request *out, enum stream_variant variant,
	const uint8_t *bytes, size_t n, struct err *err) __attribute__((warn_unused_result));
void discovery_request_clear(struct discovery_request *req);
static inline void auto_discovery_request(struct discovery_request *req)
{
	discovery_request_clear(req);
}

/* Encodes what stands before and behind the resource of r in a response that carries it alone; the
 * response is front, r's head, the module, r's tail, back.  ERR_INVALID: a ceiling is passed. */
int discovery_response_encode(struct buf *front, struct buf *back, enum stream_variant variant,
	const struct record *r, const struct stream_response *response, struct err *err)
	__attribute__((warn_unused_result));

/* Encodes a whole SotW response with nothing in it (stream_mark()).  ERR_INVALID: a ceiling is
 * passed. */
int discovery_mark_encode(struct buf *out, const struct stream_response *response, struct err *err)
	__attribute__((warn_unused_result));

/* Encodes what stands around one more resource of a SotW response: messages merge where their bytes
 * are put together, so any number may follow what discovery_response_encode() began. */
int discovery_more_encode(struct buf *front, struct buf *back, const struct record *r,
	struct err *err) __attribute__((warn_unused_result));

#endif
