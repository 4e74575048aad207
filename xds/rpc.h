/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/rpc.h - the operations of one gRPC call on the server's side: one message in and one message
 * out at a time, and the status that ends it.  Knows nothing of what the messages say.
 * A call ends when nothing of it is under way any more and nobody holds it.
 * Threads: each call has one, which alone starts its operations; with the lock of what the serving
 * threads share (xds/worker.h), but for rpc_start_due().  rpc_hold() and rpc_let_go() from any
 * of them, with the lock.
 */
#ifndef WASMXDS_XDS_RPC_H
#define WASMXDS_XDS_RPC_H

#include <stdbool.h>

#include "xds/grpc.h"

/* What the completion queue hands back: done() is called with whether the operation succeeded. */
struct op {
	void (*done)(struct op *op, bool ok);
	void *owner; /* borrowed */
};

struct rpc;

/* What its owner is told. */
struct rpc_events {
	/* a message, borrowed; NULL: there will be no more */
	void (*received)(struct rpc *r, grpc_byte_buffer *message);
	void (*sent)(struct rpc *r, bool ok); /* the message is out; not ok: the client is gone */
	void (*closed)(struct rpc *r);        /* the client is gone, or has the status */
	void (*ended)(struct rpc *r);         /* the last: the owner clears and frees it */
};

/* Calls of one thread that have something to start. */
struct rpc_queue {
	struct rpc *first;
};

struct rpc {
	const struct rpc_events *events; /* borrowed */
	grpc_call *call;                 /* owned */
	char *peer;                      /* owned by gRPC; "ipv4:10.0.0.7:41234" */
	struct rpc_queue *due;           /* borrowed; of its thread */
	struct rpc *next_due;
	grpc_byte_buffer *incoming; /* owned; the message that recv brought */
	grpc_byte_buffer *outgoing; /* owned; the message that send takes away; NULL: none */
	struct op recv, send, close, metadata, status;
	unsigned pending; /* operations that are under way or due, and who holds it */
	int cancelled;    /* written by gRPC with close */
	bool queued;      /* in due */
	bool listening;   /* the next message is wanted, and is asked for when it is its turn */
	bool sending;     /* a message is on its way out */
	bool finished;    /* a status was sent, or the client is gone */
};

/* Takes the call over and answers its metadata; what is started later waits in due for
 * rpc_start_due(). */
void rpc_init(
	struct rpc *r, grpc_call *call, const struct rpc_events *events, struct rpc_queue *due);
void rpc_clear(struct rpc *r);

/* Keeps it from ending until rpc_let_go(), which may end it. */
void rpc_hold(struct rpc *r);
void rpc_let_go(struct rpc *r);

/* Asks for the next message; not while one is asked for. */
void rpc_listen(struct rpc *r);

/* Sends the message, which is taken over; not while one is on its way. */
void rpc_send(struct rpc *r, grpc_byte_buffer *message);

/* Sends the status, and a message that is due before it; nothing where that was done, or the client
 * is gone. */
void rpc_finish(struct rpc *r, grpc_status_code code, const char *text);

/* Hands to gRPC, without the lock, what is due: much of what becomes of it becomes of it here. */
void rpc_start_due(struct rpc_queue *due);

#endif
