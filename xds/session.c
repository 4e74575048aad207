/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "xds/discovery.h"
#include "xds/grpc.h"
#include "xds/rate.h"
#include "xds/reply.h"

#define SILENCE_MS 30000 /* a stream on which nothing was ever asked is ended */
#define IDLE_REQUEST_MS 100
#define IDLE_REQUEST_BURST 200

struct method {
	const char *path;
	const char *name;
	enum stream_variant variant;
	bool any_type; /* ADS: other types are asked for on the stream too */
	bool once;     /* one request, one response */
};

#define ECDS "/envoy.service.extension.v3.ExtensionConfigDiscoveryService/"
#define ADS "/envoy.service.discovery.v3.AggregatedDiscoveryService/"
#define METHOD(service, name) service name, name

static const struct method methods[] = {
	{METHOD(ECDS, "StreamExtensionConfigs"), STREAM_SOTW, false, false},
	{METHOD(ECDS, "DeltaExtensionConfigs"), STREAM_DELTA, false, false},
	{METHOD(ECDS, "FetchExtensionConfigs"), STREAM_SOTW, false, true},
	{METHOD(ADS, "StreamAggregatedResources"), STREAM_SOTW, true, false},
	{METHOD(ADS, "DeltaAggregatedResources"), STREAM_DELTA, true, false},
};

struct session {
	struct session_group *group; /* borrowed */
	struct session *prev, *next; /* of the group's list */
	struct session *next_woken;
	struct session *next_due;
	const struct method *method; /* NULL: not ours */
	struct stream stream;
	grpc_call *call;            /* owned */
	char *peer;                 /* owned by gRPC */
	grpc_byte_buffer *incoming; /* owned; the message that recv brought */
	grpc_byte_buffer *outgoing; /* owned; the message that send takes away; NULL: none */
	struct op recv, send, close, status;
	unsigned pending; /* operations under way */
	int cancelled;    /* written by gRPC with close */
	struct visitor visitor;
	struct rate idle_requests; /* that neither answer nor change anything */
	int64_t opened_ms;
	bool sending;
	bool due;    /* in the group's list */
	bool listen; /* the next message is wanted, and is asked for when it is its turn */
	bool woken;
	bool finished; /* a status was sent, or the client is gone */
};

static const struct method *find_method(const char *path)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strcmp(methods[i].path, path) == 0)
			return &methods[i];
	}
	return NULL;
}

static struct session *stream_session(struct stream *stream)
{
	return (struct session *)(void *)((char *)stream - offsetof(struct session, stream));
}

/* For an operation that counts as pending already. */
static void hand_over(struct session *s, const grpc_op *ops, size_t n, struct op *op)
{
	grpc_call_error e = grpc_call_start_batch(s->call, ops, n, op, NULL);

	assert(e == GRPC_CALL_OK);
	(void)e;
}

static void start_batch(struct session *s, const grpc_op *ops, size_t n, struct op *op)
{
	s->pending++;
	hand_over(s, ops, n, op);
}

static void session_free(struct session *s)
{
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
	gpr_free(s->peer);
	grpc_call_unref(s->call);
	free(s);
	if (group->world->n == 0)
		group->world->emptied(group->world->arg);
}

/* Every done() ends here: the operation came back. */
static void settle(struct session *s)
{
	if (--s->pending == 0)
		session_free(s);
}

/* Leaves to session_send() what the session has to start. */
static void make_due(struct session *s)
{
	struct session_group *group = s->group;

	s->pending++;
	if (s->due)
		return;
	s->due = true;
	s->next_due = group->due;
	group->due = s;
}

static void send_outgoing(struct session *s)
{
	grpc_byte_buffer *message = STEAL(s->outgoing);
	grpc_op op = {.op = GRPC_OP_SEND_MESSAGE};

	if (!message)
		return;
	op.data.send_message.send_message = message;
	hand_over(s, &op, 1, &s->send);
	grpc_byte_buffer_destroy(message);
}

static void receive(struct session *s)
{
	grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};

	if (!s->listen)
		return;
	s->listen = false;
	op.data.recv_message.recv_message = &s->incoming;
	hand_over(s, &op, 1, &s->recv);
}

/* The message goes first, so that what gRPC has to say of its window for the next request goes
 * with it. */
void session_send(struct session_group *group)
{
	while (group->due) {
		struct session *s = group->due;

		group->due = s->next_due;
		s->due = false;
		send_outgoing(s);
		receive(s);
	}
}

static void finish(struct session *s, grpc_status_code code, const char *text)
{
	grpc_slice details = grpc_slice_from_copied_string(text);
	grpc_op op = {.op = GRPC_OP_SEND_STATUS_FROM_SERVER};

	if (s->finished)
		return;
	s->finished = true;
	send_outgoing(s); /* the status is the last of a call */
	op.data.send_status_from_server.status = code;
	op.data.send_status_from_server.status_details = &details;
	start_batch(s, &op, 1, &s->status);
	grpc_slice_unref(details);
}

static void listen_on(struct session *s)
{
	s->listen = true;
	make_due(s);
}

/* Has the module's bytes of r at hand; false, with a line in the log, where they cannot be had. */
static bool load(struct session *s, struct resource *r)
{
	struct err err;

	if (loader_blob(s->group->world->loader, r, &err))
		return true;
	s->group->world->metrics->modules_unusable++;
	log_error("module not served", LOG_STR("name", r->name),
		LOG_STR("digest", payload_record(r->payload)->served.hex), LOG_ERR(&err));
	return false;
}

static void start_send(struct session *s, const struct reply *reply)
{
	struct xds_metrics *metrics = s->group->world->metrics;

	s->outgoing = reply_buffer(reply);
	make_due(s);
	s->sending = true;
	metrics->responses++;
	metrics->response_bytes += reply->bytes;
}

/* With full state, the rest of what is subscribed goes into the same response. */
static int add_others(
	struct session *s, struct reply *reply, struct subscription *sub, struct err *err)
{
	struct subscription *other;
	size_t at = 0;

	while ((other = stream_also(sub, &at))) {
		if (load(s, other->resource) &&
			reply_add(reply, other->resource, s->stream.variant, NULL, err) < 0)
			return -1;
	}
	return 0;
}

/* Starts to send the resource of sub.  False: it cannot be sent. */
static bool send_resource(struct session *s, struct subscription *sub)
{
	AUTO(reply) struct reply reply = {0};
	struct resource *r = sub->resource;
	struct stream_response response;
	struct err err;

	if (!load(s, r))
		return false;
	stream_sent(sub, &response);
	if (reply_add(&reply, r, s->stream.variant, &response, &err) < 0 ||
		add_others(s, &reply, sub, &err) < 0) {
		finish(s, GRPC_STATUS_INTERNAL, err.msg);
		return true;
	}
	start_send(s, &reply);
	log_debug("resource sent", LOG_STR("node", s->stream.node), LOG_STR("name", r->name),
		LOG_STR("version", sub->sent), LOG_STR("nonce", response.nonce));
	return true;
}

static void send_mark(struct session *s, const struct stream_response *response)
{
	AUTO(reply) struct reply reply = {0};
	struct err err;

	if (reply_mark(&reply, response, &err) < 0) {
		finish(s, GRPC_STATUS_INTERNAL, err.msg);
		return;
	}
	start_send(s, &reply);
	log_debug("version moved on", LOG_STR("node", s->stream.node),
		LOG_STR("version", response->version), LOG_STR("nonce", response->nonce));
}

static void flush(struct session *s)
{
	struct stream_response mark;
	struct subscription *sub;

	s->stream.now = io_monotonic_ms();
	if (!s->sending && !s->finished && stream_mark(&s->stream, &mark))
		send_mark(s, &mark);
	while (!s->sending && !s->finished && (sub = stream_next(&s->stream))) {
		if (!send_resource(s, sub))
			stream_skip(sub);
	}
}

/* It stays until it was looked at, as with an operation under way. */
static void wake(struct session *s)
{
	struct session_group *group = s->group;

	if (s->woken)
		return;
	s->woken = true;
	s->pending++;
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
		flush(s);
		settle(s);
		s = next;
	}
}

static void log_verdict(
	const struct session *s, const struct stream_verdict *verdict, const char *reason)
{
	s->group->world->metrics->acks += verdict->kind == STREAM_ACK;
	s->group->world->metrics->nacks += verdict->kind == STREAM_NACK;
	if (verdict->kind == STREAM_ACK)
		log_info("ack", LOG_STR("node", s->stream.node), LOG_STR("peer", s->peer),
			LOG_STR("name", verdict->name), LOG_STR("version", verdict->version));
	if (verdict->kind == STREAM_NACK)
		log_warn("nack", LOG_STR("node", s->stream.node), LOG_STR("peer", s->peer),
			LOG_STR("name", verdict->name), LOG_STR("version", verdict->version),
			LOG_STR("reason", reason));
}

/* On ADS, what is not ours is left to silence: this server knows of nothing else. */
static int check_type(const struct session *s, const char *type_url, bool *ours, struct err *err)
{
	*ours = strcmp(type_url, STREAM_TYPE_URL) == 0 ||
		(!s->method->any_type && type_url[0] == '\0');
	if (!*ours && !s->method->any_type)
		return err_set(err, ERR_INVALID,
			"type_url must be %s on this service, not \"%.200s\"", STREAM_TYPE_URL,
			type_url);
	return 0;
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
	flush(s);
	return 0;
}

static bool may_have(const struct session *s, const char *name)
{
	return !s->stream.allows || s->stream.allows(s->stream.grant, name);
}

/* One request, one response with all that it names and we have; nothing to have is NOT_FOUND. */
static int on_only_request(struct session *s, const struct stream_request *req, struct err *err)
{
	AUTO(reply) struct reply reply = {0};
	struct stream_response response = {.nonce = "1"};

	for (size_t i = 0; i < req->n_names && i < LIMIT_XDS_NAMES; i++) {
		struct resource *r = catalog_find(s->group->world->catalog, req->names[i]);
		bool first = reply.n == 0;

		if (!r || !r->payload || !may_have(s, r->name) || !load(s, r))
			continue;
		if (first)
			(void)snprintf(response.version, sizeof(response.version), "%s",
				payload_record(r->payload)->version);
		if (reply_add(&reply, r, STREAM_SOTW, first ? &response : NULL, err) < 0)
			return -1;
		catalog_release(s->group->world->catalog, r);
	}
	if (reply.n == 0)
		finish(s, GRPC_STATUS_NOT_FOUND, "no extension of these names");
	else
		start_send(s, &reply);
	return 0;
}

static int on_message(struct session *s, const uint8_t *bytes, size_t n, struct err *err)
{
	AUTO(discovery_request) struct discovery_request req = {0};
	bool ours;

	s->group->world->metrics->requests++;
	if (discovery_request_decode(&req, s->stream.variant, bytes, n, err) < 0 ||
		check_type(s, req.type_url, &ours, err) < 0)
		return -1;
	if (!ours)
		return 0;
	return s->method->once ? on_only_request(s, &req.stream, err)
			       : on_stream_request(s, &req.stream, err);
}

/* Reads the message that came, as one piece. */
static int take_message(struct session *s, struct err *err)
{
	grpc_byte_buffer *message = STEAL(s->incoming);
	grpc_byte_buffer_reader reader;
	grpc_slice slice;
	int result;

	if (!grpc_byte_buffer_reader_init(&reader, message)) {
		grpc_byte_buffer_destroy(message);
		return err_set(err, ERR_INVALID, "a message that cannot be decompressed");
	}
	slice = grpc_byte_buffer_reader_readall(&reader);
	result = on_message(s, GRPC_SLICE_START_PTR(slice), GRPC_SLICE_LENGTH(slice), err);
	grpc_slice_unref(slice);
	grpc_byte_buffer_reader_destroy(&reader);
	grpc_byte_buffer_destroy(message);
	return result;
}

static void on_recv(struct op *op, bool ok)
{
	struct session *s = op->owner;
	struct err err;

	if (!ok || !s->incoming) {
		finish(s, GRPC_STATUS_OK, "");
	} else if (take_message(s, &err) < 0) {
		s->group->world->metrics->streams_broken++;
		log_warn("stream ended", LOG_STR("node", s->stream.node), LOG_STR("peer", s->peer),
			LOG_ERR(&err));
		finish(s, GRPC_STATUS_INVALID_ARGUMENT, err.msg);
	} else if (!s->finished && !s->method->once) {
		listen_on(s);
	}
	settle(s);
}

static void on_send(struct op *op, bool ok)
{
	struct session *s = op->owner;

	s->sending = false;
	if (s->method->once)
		finish(s, GRPC_STATUS_OK, "");
	else if (ok)
		flush(s);
	settle(s);
}

static void on_close(struct op *op, bool ok)
{
	struct session *s = op->owner;

	(void)ok;
	s->finished = true;
	log_info("stream closed", LOG_STR("node", s->stream.node), LOG_STR("peer", s->peer));
	settle(s);
}

static void on_status(struct op *op, bool ok)
{
	(void)ok;
	settle(op->owner);
}

/* With a gate, what the client may have depends on its certificate. */
static void admit(struct session *s)
{
	if (!s->group->world->gate)
		return;
	gate_admit(s->group->world->gate, s->call, &s->visitor);
	s->stream.identity = s->visitor.n > 0 ? s->visitor.names[0] : NULL;
	s->stream.allows = grant_allows;
	s->stream.grant = s->visitor.grant;
}

static struct session *session_new(struct session_group *group, grpc_call *call, const char *path)
{
	struct session_world *world = group->world;
	struct session *s = xcalloc(1, sizeof(*s));

	s->group = group;
	s->call = call;
	s->method = find_method(path);
	s->peer = grpc_call_get_peer(call);
	s->opened_ms = io_monotonic_ms();
	s->recv = (struct op){on_recv, s};
	s->send = (struct op){on_send, s};
	s->close = (struct op){on_close, s};
	s->status = (struct op){on_status, s};
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
	log_warn("stream refused", LOG_STR("peer", s->peer),
		LOG_STR("identity", s->stream.identity), LOG_STR("why", why));
	finish(s, code, why);
}

void session_start(struct session_group *group, grpc_call *call, const char *path)
{
	struct session *s = session_new(group, call, path);
	grpc_op close = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
	grpc_op metadata = {.op = GRPC_OP_SEND_INITIAL_METADATA};

	close.data.recv_close_on_server.cancelled = &s->cancelled;
	start_batch(s, &close, 1, &s->close);
	start_batch(s, &metadata, 1, &s->status);
	group->world->metrics->streams++;
	if (!s->method) {
		finish(s, GRPC_STATUS_UNIMPLEMENTED, "no such method");
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
	log_info("stream opened", LOG_STR("peer", s->peer), LOG_STR("identity", s->stream.identity),
		LOG_STR("method", s->method->name));
	listen_on(s);
}

void session_tick(struct session_group *group)
{
	struct session_world *world = group->world;
	bool policy_changed = group->policies != world->policies;
	int64_t now = io_monotonic_ms();

	group->policies = world->policies;
	/* finish() only starts an operation; nothing is freed before its tag comes back */
	for (struct session *s = group->first; s; s = s->next) {
		if (s->finished)
			continue;
		if (s->stream.requests == 0 && now - s->opened_ms > SILENCE_MS)
			finish(s, GRPC_STATUS_DEADLINE_EXCEEDED, "nothing was asked for");
		else if (policy_changed && !gate_still_admits(world->gate, &s->visitor))
			finish(s, GRPC_STATUS_UNAVAILABLE, "the policy changed: come again");
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
			.peer = s->peer,
			.method = s->method->name,
			.opened_ms = s->opened_ms};
	return s;
}
