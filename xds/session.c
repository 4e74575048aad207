/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>

#include "base/auto.h"
#include "base/lend.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "xds/discovery.h"

struct session {
	struct session_group *group; /* borrowed */
	struct session *prev, *next; /* of the group's list */
	struct stream stream;
	grpc_call *call;            /* owned */
	char *peer;                 /* owned by gRPC */
	grpc_byte_buffer *incoming; /* owned; the message that recv brought */
	struct op recv, send, close, status;
	unsigned pending; /* operations under way */
	int cancelled;    /* written by gRPC with close */
	bool any_type;    /* ADS: other types are asked for on the stream too */
	bool sending;
	bool finished; /* a status was sent, or the client is gone */
};

static const struct method {
	const char *path;
	enum stream_variant variant;
	bool any_type;
} methods[] = {
	{"/envoy.service.extension.v3.ExtensionConfigDiscoveryService/StreamExtensionConfigs",
		STREAM_SOTW, false},
	{"/envoy.service.extension.v3.ExtensionConfigDiscoveryService/DeltaExtensionConfigs",
		STREAM_DELTA, false},
	{"/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources",
		STREAM_SOTW, true},
	{"/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources",
		STREAM_DELTA, true},
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

static void start_batch(struct session *s, const grpc_op *ops, size_t n, struct op *op)
{
	grpc_call_error e = grpc_call_start_batch(s->call, ops, n, op, NULL);

	assert(e == GRPC_CALL_OK);
	(void)e;
	s->pending++;
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
	stream_clear(&s->stream);
	gpr_free(s->peer);
	grpc_call_unref(s->call);
	free(s);
	if (!group->first && group->emptied)
		group->emptied(group->arg);
}

/* Every done() ends here: the operation came back. */
static void settle(struct session *s)
{
	if (--s->pending == 0)
		session_free(s);
}

static void finish(struct session *s, grpc_status_code code, const char *text)
{
	grpc_slice details = grpc_slice_from_copied_string(text);
	grpc_op op = {.op = GRPC_OP_SEND_STATUS_FROM_SERVER};

	if (s->finished)
		return;
	s->finished = true;
	op.data.send_status_from_server.status = code;
	op.data.send_status_from_server.status_details = &details;
	start_batch(s, &op, 1, &s->status);
	grpc_slice_unref(details);
}

static void receive(struct session *s)
{
	grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};

	op.data.recv_message.recv_message = &s->incoming;
	start_batch(s, &op, 1, &s->recv);
}

static void release_payload(void *payload)
{
	payload_unref(payload);
}

static void release_blob(void *blob)
{
	blob_unref(blob);
}

static grpc_slice lend_part(struct payload *payload, const struct buf *part)
{
	return grpc_slice_new_with_user_data(
		part->data, part->len, release_payload, payload_ref(payload));
}

static grpc_slice lend_blob(struct blob *blob)
{
	return grpc_slice_new_with_user_data(
		lend(blob_bytes(blob)), blob_size(blob), release_blob, blob_ref(blob));
}

/* Starts to send the resource of sub; the module and the record go by reference.  False: it cannot
 * be sent. */
static bool send_resource(struct session *s, struct subscription *sub)
{
	AUTO(buf) struct buf front = BUF_INIT(LIMIT_RECORD_BYTES);
	AUTO(buf) struct buf back = BUF_INIT(LIMIT_RECORD_BYTES);
	struct resource *r = sub->resource;
	const struct record *record = payload_record(r->payload);
	grpc_op op = {.op = GRPC_OP_SEND_MESSAGE};
	struct stream_response response;
	grpc_slice slices[5];
	struct err err;

	if (!loader_blob(s->group->loader, r, &err)) {
		log_error("module not served", LOG_STR("name", r->name),
			LOG_STR("digest", record->served.hex), LOG_ERR(&err));
		return false;
	}
	stream_sent(sub, &response);
	if (discovery_response_encode(&front, &back, s->stream.variant, record, &response, &err) <
		0) {
		finish(s, GRPC_STATUS_INTERNAL, err.msg);
		return true;
	}
	slices[0] = grpc_slice_from_copied_buffer(front.data, front.len);
	slices[1] = lend_part(r->payload, &record->head);
	slices[2] = lend_blob(r->blob);
	slices[3] = lend_part(r->payload, &record->tail);
	slices[4] = grpc_slice_from_copied_buffer(back.data, back.len);
	op.data.send_message.send_message = grpc_raw_byte_buffer_create(slices, 5);
	for (size_t i = 0; i < 5; i++)
		grpc_slice_unref(slices[i]);
	start_batch(s, &op, 1, &s->send);
	grpc_byte_buffer_destroy(op.data.send_message.send_message);
	s->sending = true;
	log_debug("resource sent", LOG_STR("node", s->stream.node), LOG_STR("name", r->name),
		LOG_STR("version", record->version), LOG_STR("nonce", response.nonce));
	return true;
}

static void flush(struct session *s)
{
	struct subscription *sub;

	while (!s->sending && !s->finished && (sub = stream_next(&s->stream))) {
		if (!send_resource(s, sub))
			stream_skip(sub);
	}
}

void session_resource_changed(struct resource *r)
{
	for (struct subscription *sub = r->first; sub; sub = sub->next) {
		stream_touch(sub);
		flush(stream_session(sub->stream));
	}
}

static void log_verdict(
	const struct session *s, const struct stream_verdict *verdict, const char *reason)
{
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
	*ours = strcmp(type_url, STREAM_TYPE_URL) == 0 || (!s->any_type && type_url[0] == '\0');
	if (!*ours && !s->any_type)
		return err_set(err, ERR_INVALID,
			"type_url must be %s on this service, not \"%.200s\"", STREAM_TYPE_URL,
			type_url);
	return 0;
}

static int on_message(struct session *s, const uint8_t *bytes, size_t n, struct err *err)
{
	AUTO(discovery_request) struct discovery_request req = {0};
	struct stream_verdict verdict;
	bool ours;

	if (discovery_request_decode(&req, s->stream.variant, bytes, n, err) < 0 ||
		check_type(s, req.type_url, &ours, err) < 0)
		return -1;
	if (!ours)
		return 0;
	if (stream_on_request(&s->stream, &req.stream, &verdict, err) < 0)
		return -1;
	log_verdict(s, &verdict, req.stream.reason);
	return 0;
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
		log_warn("stream ended", LOG_STR("node", s->stream.node), LOG_STR("peer", s->peer),
			LOG_ERR(&err));
		finish(s, GRPC_STATUS_INVALID_ARGUMENT, err.msg);
	} else if (!s->finished) {
		flush(s);
		receive(s);
	}
	settle(s);
}

static void on_send(struct op *op, bool ok)
{
	struct session *s = op->owner;

	s->sending = false;
	if (ok)
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

void session_start(struct session_group *group, grpc_call *call, const char *path)
{
	const struct method *method = find_method(path);
	struct session *s = xcalloc(1, sizeof(*s));
	grpc_op close = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
	grpc_op metadata = {.op = GRPC_OP_SEND_INITIAL_METADATA};

	s->group = group;
	s->call = call;
	s->peer = grpc_call_get_peer(call);
	s->recv = (struct op){on_recv, s};
	s->send = (struct op){on_send, s};
	s->close = (struct op){on_close, s};
	s->status = (struct op){on_status, s};
	stream_init(&s->stream, method ? method->variant : STREAM_SOTW, group->catalog,
		group->refusals);
	s->next = group->first;
	if (s->next)
		s->next->prev = s;
	group->first = s;
	close.data.recv_close_on_server.cancelled = &s->cancelled;
	start_batch(s, &close, 1, &s->close);
	start_batch(s, &metadata, 1, &s->status);
	if (!method) {
		finish(s, GRPC_STATUS_UNIMPLEMENTED, "no such method");
		return;
	}
	s->any_type = method->any_type;
	log_info("stream opened", LOG_STR("peer", s->peer), LOG_STR("method", path));
	receive(s);
}
