/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/session.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "xds/delivery.h"
#include "xds/discovery.h"
#include "xds/method.h"
#include "xds/rate.h"
#include "xds/verdict.h"

#define SILENCE_MS 30000 /* a stream on which nothing was ever asked is ended */
#define IDLE_REQUEST_MS 100
#define IDLE_REQUEST_BURST 200

struct session {
	struct rpc rpc;
	struct stream stream;
	struct delivery delivery;    /* from the stream to the call */
	struct session_group *group; /* borrowed */
	struct session *prev, *next; /* of the group's list */
	struct session *next_woken;
	const struct method *method; /* NULL: not ours */
	struct visitor visitor;
	struct rate idle_requests; /* that neither answer nor change anything */
	int64_t opened_ms;
	bool woken; /* in the group's list */
	bool heard; /* it asked for something */
};

static struct session *rpc_session(struct rpc *rpc)
{
	return (struct session *)(void *)((char *)rpc - offsetof(struct session, rpc));
}

static struct session *stream_session(struct stream *stream)
{
	return (struct session *)(void *)((char *)stream - offsetof(struct session, stream));
}

static void log_verdict(
	const struct session *s, const struct stream_verdict *verdict, const char *reason)
{
	s->group->world->metrics->acks += verdict->kind == STREAM_ACK;
	s->group->world->metrics->nacks += verdict->kind == STREAM_NACK;
	if (verdict->kind == STREAM_ACK)
		log_info("ack", LOG_STR("node", s->stream.node), LOG_STR("peer", s->rpc.peer),
			LOG_STR("name", verdict->name), LOG_STR("version", verdict->version));
	if (verdict->kind == STREAM_NACK)
		log_warn("nack", LOG_STR("node", s->stream.node), LOG_STR("peer", s->rpc.peer),
			LOG_STR("name", verdict->name), LOG_STR("version", verdict->version),
			LOG_STR("reason", verdict->secret ? VERDICT_WITHHELD : reason));
}

static int on_stream_request(struct session *s, const struct stream_request *req, struct err *err)
{
	struct stream_verdict verdict;

	s->stream.now = io_monotonic_ms();
	if (stream_on_request(&s->stream, req, &verdict, err) < 0)
		return -1;
	log_verdict(s, &verdict, req->reason);
	if (verdict.idle &&
		!rate_take(&s->idle_requests, s->stream.now, IDLE_REQUEST_MS, IDLE_REQUEST_BURST))
		return err_set(err, ERR_INVALID, "too many requests that say nothing new");
	delivery_flush(&s->delivery);
	return 0;
}

/* A stream counts from its first request: a flood of those that never say anything is not worth a
 * line each. */
static void hear(struct session *s)
{
	s->group->world->metrics->requests++;
	if (s->heard)
		return;
	s->heard = true;
	log_info("stream opened", LOG_STR("peer", s->rpc.peer),
		LOG_STR("identity", s->stream.identity), LOG_STR("method", s->method->name));
}

static int on_request(struct session *s, const uint8_t *bytes, size_t n, struct err *err)
{
	AUTO(discovery_request) struct discovery_request req = {0};
	bool ours;

	hear(s);
	if (discovery_request_decode(&req, s->stream.variant, bytes, n, err) < 0 ||
		method_check_type(s->method, req.type_url, &ours, err) < 0)
		return -1;
	if (!ours)
		return 0;
	return s->method->once ? delivery_answer(&s->delivery, &req.stream, err)
			       : on_stream_request(s, &req.stream, err);
}

/* Reads the message as one piece. */
static int read_message(struct session *s, grpc_byte_buffer *message, struct err *err)
{
	grpc_byte_buffer_reader reader;
	grpc_slice slice;
	int result;

	if (!grpc_byte_buffer_reader_init(&reader, message))
		return err_set(err, ERR_INVALID, "a message that cannot be decompressed");
	slice = grpc_byte_buffer_reader_readall(&reader);
	result = on_request(s, GRPC_SLICE_START_PTR(slice), GRPC_SLICE_LENGTH(slice), err);
	grpc_slice_unref(slice);
	grpc_byte_buffer_reader_destroy(&reader);
	return result;
}

static void on_received(struct rpc *rpc, grpc_byte_buffer *message)
{
	struct session *s = rpc_session(rpc);
	struct err err;

	if (!message) {
		rpc_finish(rpc, GRPC_STATUS_OK, "");
	} else if (read_message(s, message, &err) < 0) {
		s->group->world->metrics->streams_broken++;
		log_warn("stream ended", LOG_STR("node", s->stream.node),
			LOG_STR("peer", rpc->peer), LOG_ERR(&err));
		rpc_finish(rpc, GRPC_STATUS_INVALID_ARGUMENT, err.msg);
	} else if (!rpc->finished && !s->method->once) {
		rpc_listen(rpc);
	}
}

static void on_sent(struct rpc *rpc, bool ok)
{
	const struct session *s = rpc_session(rpc);

	if (s->method->once)
		rpc_finish(rpc, GRPC_STATUS_OK, "");
	else if (ok)
		delivery_flush(&s->delivery);
}

static void on_closed(struct rpc *rpc)
{
	const struct session *s = rpc_session(rpc);

	if (!s->heard)
		return;
	log_info("stream closed", LOG_STR("node", s->stream.node), LOG_STR("peer", rpc->peer));
}

static void session_free(struct rpc *rpc)
{
	struct session *s = rpc_session(rpc);
	struct session_group *group = s->group;

	if (s->prev)
		s->prev->next = s->next;
	else
		group->first = s->next;
	if (s->next)
		s->next->prev = s->prev;
	group->world->n--;
	stream_clear(&s->stream);
	visitor_clear(&s->visitor);
	rpc_clear(&s->rpc);
	free(s);
	if (group->world->n == 0)
		group->world->emptied(group->world->arg);
}

static const struct rpc_events events = {on_received, on_sent, on_closed, session_free};

/* With a gate, what the client may have depends on its certificate. */
static void admit(struct session *s)
{
	if (!s->group->world->gate)
		return;
	gate_admit(s->group->world->gate, s->rpc.call, &s->visitor);
	s->stream.identity = s->visitor.n > 0 ? s->visitor.names[0] : NULL;
	s->stream.allows = grant_allows;
	s->stream.grant = s->visitor.grant;
}

static struct session *session_new(struct session_group *group, grpc_call *call, const char *path)
{
	struct session_world *world = group->world;
	struct session *s = xcalloc(1, sizeof(*s));

	s->group = group;
	s->method = method_find(path);
	s->opened_ms = io_monotonic_ms();
	s->delivery = (struct delivery){&s->rpc, &s->stream, world->loader, world->metrics};
	rpc_init(&s->rpc, call, &events, &group->due);
	stream_init(&s->stream, s->method ? s->method->variant : STREAM_SOTW, world->catalog,
		world->refusals);
	admit(s);
	s->stream.full_state = world->full_state && s->stream.variant == STREAM_SOTW;
	s->next = group->first;
	if (s->next)
		s->next->prev = s;
	group->first = s;
	world->n++;
	return s;
}

static void turn_away(struct session *s, grpc_status_code code, const char *why)
{
	s->group->world->metrics->streams_refused++;
	log_warn("stream refused", LOG_STR("peer", s->rpc.peer),
		LOG_STR("identity", s->stream.identity), LOG_STR("why", why));
	rpc_finish(&s->rpc, code, why);
}

void session_start(struct session_group *group, grpc_call *call, const char *path)
{
	struct session *s = session_new(group, call, path);

	group->world->metrics->streams++;
	if (!s->method) {
		rpc_finish(&s->rpc, GRPC_STATUS_UNIMPLEMENTED, "no such method");
		return;
	}
	if (group->world->n > group->world->max) {
		turn_away(s, GRPC_STATUS_RESOURCE_EXHAUSTED, "too many streams");
		return;
	}
	if (group->world->gate && !s->visitor.grant) {
		turn_away(s, GRPC_STATUS_PERMISSION_DENIED,
			"the policy gives nothing to this certificate");
		return;
	}
	rpc_listen(&s->rpc);
}

/* It stays until it was looked at. */
static void wake(struct session *s)
{
	struct session_group *group = s->group;

	if (s->woken)
		return;
	s->woken = true;
	rpc_hold(&s->rpc);
	s->next_woken = group->woken;
	group->woken = s;
	group->wake(group->arg);
}

void session_resource_changed(struct resource *r)
{
	for (struct subscription *sub = r->first; sub; sub = sub->next) {
		stream_touch(sub);
		wake(stream_session(sub->stream));
	}
}

void session_flush_woken(struct session_group *group)
{
	struct session *s = STEAL(group->woken);

	while (s) {
		struct session *next = s->next_woken;

		s->woken = false;
		delivery_flush(&s->delivery);
		rpc_let_go(&s->rpc);
		s = next;
	}
}

void session_send(struct session_group *group)
{
	rpc_start_due(&group->due);
}

void session_tick(struct session_group *group)
{
	struct session_world *world = group->world;
	bool policy_changed = group->policies != world->policies;
	int64_t now = io_monotonic_ms();

	group->policies = world->policies;
	/* rpc_finish() only starts an operation; nothing is freed before its tag comes back */
	for (struct session *s = group->first; s; s = s->next) {
		if (s->rpc.finished)
			continue;
		if (!s->heard && now - s->opened_ms > SILENCE_MS)
			rpc_finish(&s->rpc, GRPC_STATUS_DEADLINE_EXCEEDED, "nothing was asked for");
		else if (policy_changed && !gate_still_admits(world->gate, &s->visitor))
			rpc_finish(
				&s->rpc, GRPC_STATUS_UNAVAILABLE, "the policy changed: come again");
	}
}

const struct session *session_next(
	const struct session_group *group, const struct session *s, struct session_info *info)
{
	do {
		group = s ? s->group : group;
		s = s ? s->next : group->first;
		while (!s && group->next) {
			group = group->next;
			s = group->first;
		}
	} while (s && !s->method);
	if (s)
		*info = (struct session_info){.stream = &s->stream,
			.identity = s->stream.identity,
			.peer = s->rpc.peer,
			.method = s->method->name,
			.opened_ms = s->opened_ms};
	return s;
}
