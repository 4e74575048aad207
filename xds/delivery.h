/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/delivery.h - what a client is owed, put into responses and handed to its call.  What that is,
 * xds/stream.h says; what becomes of a response, xds/rpc.h.
 * Threads: the one of its call, with the lock of what the serving threads share.
 */
#ifndef WASMXDS_XDS_DELIVERY_H
#define WASMXDS_XDS_DELIVERY_H

#include "base/err.h"
#include "xds/rpc.h"
#include "xds/loader.h"
#include "xds/metrics.h"
#include "xds/stream.h"

/* The way to one client. */
struct delivery {
	struct rpc *rpc;             /* borrowed */
	struct stream *stream;       /* borrowed */
	struct loader *loader;       /* borrowed */
	struct xds_metrics *metrics; /* borrowed */
};

/* Sends the next of what the client lacks, unless something is on its way.  What cannot be sent is
 * logged and passed over; a response that cannot be encoded ends the call. */
void delivery_flush(const struct delivery *d);

/* Sends the one response of a call that has only one: all that the request names and we have.
 * Nothing to have ends it with NOT_FOUND.  ERR_INVALID: a ceiling is passed. */
int delivery_answer(const struct delivery *d, const struct stream_request *req, struct err *err)
	__attribute__((warn_unused_result));

#endif
