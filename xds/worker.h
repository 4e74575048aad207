/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/worker.h - one of the threads that serve: its completion queue, and the sessions whose calls
 * it accepted.  A call's operations are started by its worker only.  What the workers share is
 * guarded by one lock, which is held while an operation that came back is handled, but not while
 * responses go out: that is what the time is spent on, and what runs side by side.
 * Threads: worker_ring() from any; the rest from the one that starts and stops the server.
 */
#ifndef WASMXDS_XDS_WORKER_H
#define WASMXDS_XDS_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"
#include "xds/grpc.h"
#include "xds/session.h"

struct worker {
	pthread_mutex_t *lock;        /* borrowed; guards what the workers share */
	grpc_completion_queue *queue; /* owned */
	struct session_group group;
	void (*rang)(void *arg); /* with the lock, after a ring; NULL: nothing to do */
	void (*tick)(void *arg); /* with the lock, about once a second; NULL */
	void (*tidy)(void *arg); /* without the lock, after each tick; NULL */
	void *arg;
	pthread_t thread;
	bool started;

	/* a new call under way to us */
	grpc_server *server; /* borrowed */
	struct op accept;
	grpc_call *call;
	grpc_call_details details;
	grpc_metadata_array metadata;

	/* a call that is never made, on which an empty batch rings the queue at once */
	grpc_call *bell;
	struct op ring;
	atomic_bool rung; /* the ring is on its way */
};

/* Makes the queue and its bell, a call of the channel; w stays where it is. */
void worker_init(
	struct worker *w, pthread_mutex_t *lock, struct session_world *world, grpc_channel *bells);

/* Frees the queue, which has ended. */
void worker_clear(struct worker *w);

/* Accepts calls of the server, which was started. */
void worker_accept(struct worker *w, grpc_server *server);

/* Starts the thread.  ERR_TRANSIENT. */
int worker_start(struct worker *w, struct err *err) __attribute__((warn_unused_result));

/* Returns when the queue has ended; where the thread was never started, empties it. */
void worker_join(struct worker *w);

/* Has the thread call rang(), and look at the sessions that others woke. */
void worker_ring(struct worker *w);

#endif
