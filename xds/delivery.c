/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/delivery.h"

#include <stdio.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/map.h"
#include "xds/reply.h"

/* Has the module's bytes of r at hand; false, with a line in the log, where they cannot be had. */
static bool load(const struct delivery *d, struct resource *r)
{
	struct err err;

	if (loader_blob(d->loader, r, &err))
		return true;
	d->metrics->modules_unusable++;
	log_error("module not served", LOG_STR("name", r->name),
		LOG_STR("digest", payload_record(r->payload)->served.hex), LOG_ERR(&err));
	return false;
}

static void send_reply(const struct delivery *d, const struct reply *reply)
{
	rpc_send(d->rpc, reply_buffer(reply));
	d->metrics->responses++;
	d->metrics->response_bytes += reply->bytes;
}

/* reply_add(), within the ceiling for a whole response. */
static int add(const struct delivery *d, struct reply *reply, const struct resource *r,
	const struct stream_response *response, struct err *err)
{
	if (reply_add(reply, r, d->stream->variant, response, err) < 0)
		return -1;
	if (reply->bytes > LIMIT_XDS_RESPONSE_BYTES)
		return err_set(err, ERR_INVALID,
			"a response of more than %d bytes: ask for less at a time",
			LIMIT_XDS_RESPONSE_BYTES);
	return 0;
}

/* With full state, what a response carries must be known before it is given a version. */
static void skip_what_cannot_be_sent(const struct delivery *d)
{
	struct subscription *sub;
	size_t at = 0;

	while ((sub = stream_carried(d->stream, &at))) {
		if (!load(d, sub->resource))
			stream_skip(sub);
	}
}

/* With full state, the rest of what is subscribed goes into the same response. */
static int add_others(
	const struct delivery *d, struct reply *reply, struct subscription *sub, struct err *err)
{
	struct subscription *other;
	size_t at = 0;

	while ((other = stream_also(sub, &at))) {
		if (add(d, reply, other->resource, NULL, err) < 0)
			return -1;
	}
	return 0;
}

/* Starts to send the resource of sub.  False: it cannot be sent. */
static bool send_resource(const struct delivery *d, struct subscription *sub)
{
	AUTO(reply) struct reply reply = {0};
	struct resource *r = sub->resource;
	struct stream_response response;
	struct err err;

	if (!load(d, r))
		return false;
	skip_what_cannot_be_sent(d);
	stream_sent(sub, &response);
	if (add(d, &reply, r, &response, &err) < 0 || add_others(d, &reply, sub, &err) < 0) {
		rpc_finish(d->rpc, GRPC_STATUS_INTERNAL, err.msg);
		return true;
	}
	send_reply(d, &reply);
	log_debug("resource sent", LOG_STR("node", d->stream->node), LOG_STR("name", r->name),
		LOG_STR("version", sub->sent), LOG_STR("nonce", response.nonce));
	return true;
}

static void send_mark(const struct delivery *d, const struct stream_response *response)
{
	AUTO(reply) struct reply reply = {0};
	struct err err;

	if (reply_mark(&reply, response, &err) < 0) {
		rpc_finish(d->rpc, GRPC_STATUS_INTERNAL, err.msg);
		return;
	}
	send_reply(d, &reply);
	log_debug("version moved on", LOG_STR("node", d->stream->node),
		LOG_STR("version", response->version), LOG_STR("nonce", response->nonce));
}

static bool may_send(const struct delivery *d)
{
	return !d->rpc->sending && !d->rpc->finished;
}

void delivery_flush(const struct delivery *d)
{
	struct stream_response mark;
	struct subscription *sub;

	d->stream->now = io_monotonic_ms();
	if (may_send(d) && stream_mark(d->stream, &mark))
		send_mark(d, &mark);
	while (may_send(d) && (sub = stream_next(d->stream))) {
		if (!send_resource(d, sub))
			stream_skip(sub);
	}
}

static bool may_have(const struct stream *s, const char *name)
{
	return !s->allows || s->allows(s->grant, name);
}

static int add_named(
	const struct delivery *d, struct reply *reply, const char *name, struct err *err)
{
	struct resource *r = catalog_find(d->stream->catalog, name);
	struct stream_response response = {.nonce = "1"};
	int rc;

	if (!r || !r->payload || !may_have(d->stream, r->name) || !load(d, r))
		return 0;
	(void)snprintf(response.version, sizeof(response.version), "%s",
		payload_record(r->payload)->version);
	rc = add(d, reply, r, reply->n == 0 ? &response : NULL, err);
	catalog_release(d->stream->catalog, r);
	return rc;
}

int delivery_answer(const struct delivery *d, const struct stream_request *req, struct err *err)
{
	AUTO(reply) struct reply reply = {0};
	AUTO(map) struct map named = {0};

	for (size_t i = 0; i < req->n_names && i < LIMIT_XDS_NAMES; i++) {
		if (map_put(&named, req->names[i], req->names[i]))
			continue;
		if (add_named(d, &reply, req->names[i], err) < 0)
			return -1;
	}
	if (reply.n == 0)
		rpc_finish(d->rpc, GRPC_STATUS_NOT_FOUND, "no extension of these names");
	else
		send_reply(d, &reply);
	return 0;
}
