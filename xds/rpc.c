/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/rpc.h"

#include <assert.h>

#include "base/auto.h"
#include "xds/grpc.h"

/* For an operation that counts as pending already. */
static void hand_over(struct rpc *r, const grpc_op *ops, size_t n, struct op *op)
{
	grpc_call_error e = grpc_call_start_batch(r->call, ops, n, op, NULL);

	assert(e == GRPC_CALL_OK);
	(void)e;
}

static void start_batch(struct rpc *r, const grpc_op *ops, size_t n, struct op *op)
{
	rpc_hold(r);
	hand_over(r, ops, n, op);
}

static void on_recv(struct op *op, bool ok)
{
	struct rpc *r = op->owner;
	grpc_byte_buffer *message = STEAL(r->incoming);

	r->events->received(r, ok ? message : NULL);
	if (message)
		grpc_byte_buffer_destroy(message);
	rpc_let_go(r);
}

static void on_send(struct op *op, bool ok)
{
	struct rpc *r = op->owner;

	r->sending = false;
	r->events->sent(r, ok);
	rpc_let_go(r);
}

static void on_close(struct op *op, bool ok)
{
	struct rpc *r = op->owner;

	(void)ok;
	r->finished = true;
	r->events->closed(r);
	rpc_let_go(r);
}

/* Of what nobody waits for. */
static void on_done(struct op *op, bool ok)
{
	(void)ok;
	rpc_let_go(op->owner);
}

void rpc_init(
	struct rpc *r, grpc_call *call, const struct rpc_events *events, struct rpc_queue *due)
{
	grpc_op close = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
	grpc_op metadata = {.op = GRPC_OP_SEND_INITIAL_METADATA};

	*r = (struct rpc){.events = events,
		.call = call,
		.peer = grpc_call_get_peer(call),
		.due = due,
		.recv = {on_recv, r},
		.send = {on_send, r},
		.close = {on_close, r},
		.metadata = {on_done, r},
		.status = {on_done, r}};
	close.data.recv_close_on_server.cancelled = &r->cancelled;
	start_batch(r, &close, 1, &r->close);
	start_batch(r, &metadata, 1, &r->metadata);
}

void rpc_clear(struct rpc *r)
{
	gpr_free(r->peer);
	grpc_call_unref(r->call);
}

void rpc_hold(struct rpc *r)
{
	r->pending++;
}

void rpc_let_go(struct rpc *r)
{
	if (--r->pending == 0)
		r->events->ended(r);
}

/* Leaves to rpc_start_due() an operation, which counts from now on. */
static void make_due(struct rpc *r)
{
	rpc_hold(r);
	if (r->queued)
		return;
	r->queued = true;
	r->next_due = r->due->first;
	r->due->first = r;
}

void rpc_listen(struct rpc *r)
{
	r->listening = true;
	make_due(r);
}

void rpc_send(struct rpc *r, grpc_byte_buffer *message)
{
	r->outgoing = message;
	r->sending = true;
	make_due(r);
}

static void start_send(struct rpc *r)
{
	grpc_byte_buffer *message = STEAL(r->outgoing);
	grpc_op op = {.op = GRPC_OP_SEND_MESSAGE};

	if (!message)
		return;
	op.data.send_message.send_message = message;
	hand_over(r, &op, 1, &r->send);
	grpc_byte_buffer_destroy(message);
}

static void start_recv(struct rpc *r)
{
	grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};

	if (!r->listening)
		return;
	r->listening = false;
	op.data.recv_message.recv_message = &r->incoming;
	hand_over(r, &op, 1, &r->recv);
}

void rpc_finish(struct rpc *r, grpc_status_code code, const char *text)
{
	grpc_slice details = grpc_slice_from_copied_string(text);
	grpc_op op = {.op = GRPC_OP_SEND_STATUS_FROM_SERVER};

	if (!r->finished) {
		r->finished = true;
		start_send(r); /* the status is the last of a call */
		op.data.send_status_from_server.status = code;
		op.data.send_status_from_server.status_details = &details;
		start_batch(r, &op, 1, &r->status);
	}
	grpc_slice_unref(details);
}

/* The message goes first, so that what gRPC has to say of its window for the next request goes
 * with it. */
void rpc_start_due(struct rpc_queue *due)
{
	while (due->first) {
		struct rpc *r = due->first;

		due->first = r->next_due;
		r->queued = false;
		start_send(r);
		start_recv(r);
	}
}
