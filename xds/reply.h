/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/reply.h - a response as gRPC slices: the few bytes that are a client's own are copied, the
 * record and the module go by reference and are let go of when gRPC has sent them.
 * Threads: those that serve, one at a time; gRPC lets go of slices from any.
 */
#ifndef WASMXDS_XDS_REPLY_H
#define WASMXDS_XDS_REPLY_H

#include <stddef.h>

#include "xds/catalog.h"
#include "xds/discovery.h"
#include "xds/grpc.h"

struct reply {
	grpc_slice *slices; /* owned */
	size_t n;
	size_t bytes;
};

void reply_clear(struct reply *reply);
static inline void auto_reply(struct reply *reply)
{
	reply_clear(reply);
}

/* Appends the resource of r, whose blob is loaded; the first with response, each further one with
 * NULL.  ERR_INVALID: a ceiling is passed. */
int reply_add(struct reply *reply, const struct resource *r, enum stream_variant variant,
	const struct stream_response *response, struct err *err)
	__attribute__((warn_unused_result));

/* Makes an empty reply a response with nothing in it.  ERR_INVALID: a ceiling is passed. */
int reply_mark(struct reply *reply, const struct stream_response *response, struct err *err)
	__attribute__((warn_unused_result));

/* Returns what gRPC sends; the caller destroys it. */
grpc_byte_buffer *reply_buffer(const struct reply *reply);

#endif
