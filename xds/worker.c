/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/worker.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "xds/grpc.h"

#define TICK_MS 1000

static void accept_next(struct worker *w)
{
	grpc_call_error e;

	grpc_call_details_init(&w->details);
	grpc_metadata_array_init(&w->metadata);
	e = grpc_server_request_call(
		w->server, &w->call, &w->details, &w->metadata, w->queue, w->queue, &w->accept);
	if (e != GRPC_CALL_OK)
		log_error("no more calls are accepted", LOG_INT("code", e));
}

static void on_accept(struct op *op, bool ok)
{
	struct worker *w = op->owner;
	AUTO(free) char *method = NULL;

	/* a call that came in while the server ended */
	if (ok && w->group.world->ended) {
		grpc_call_unref(w->call);
		ok = false;
	}
	if (ok) {
		method = xstrndup((const char *)GRPC_SLICE_START_PTR(w->details.method),
			GRPC_SLICE_LENGTH(w->details.method));
		session_start(&w->group, w->call, method);
	}
	grpc_call_details_destroy(&w->details);
	grpc_metadata_array_destroy(&w->metadata);
	if (ok)
		accept_next(w);
}

static void on_ring(struct op *op, bool ok)
{
	struct worker *w = op->owner;

	(void)ok;
	atomic_store(&w->rung, false);
	if (w->rang)
		w->rang(w->arg);
	session_flush_woken(&w->group);
}

void worker_ring(struct worker *w)
{
	if (!atomic_exchange(&w->rung, true))
		(void)grpc_call_start_batch(w->bell, NULL, 0, &w->ring, NULL);
}

static void wake(void *arg)
{
	worker_ring(arg);
}

void worker_init(
	struct worker *w, pthread_mutex_t *lock, struct session_world *world, grpc_channel *bells)
{
	grpc_slice method = grpc_slice_from_static_string("/bell");

	w->lock = lock;
	w->queue = grpc_completion_queue_create_for_next(NULL);
	w->group = (struct session_group){.world = world, .wake = wake, .arg = w};
	w->accept = (struct op){on_accept, w};
	w->ring = (struct op){on_ring, w};
	w->bell = grpc_channel_create_call(bells, NULL, GRPC_PROPAGATE_DEFAULTS, w->queue, method,
		NULL, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
}

void worker_clear(struct worker *w)
{
	grpc_call_unref(w->bell);
	grpc_completion_queue_destroy(w->queue);
}

void worker_accept(struct worker *w, grpc_server *server)
{
	w->server = server;
	accept_next(w);
}

static void handle(struct worker *w, const grpc_event *event, bool tick)
{
	struct op *op = event->tag;

	(void)pthread_mutex_lock(w->lock);
	if (event->type == GRPC_OP_COMPLETE)
		op->done(op, event->success != 0);
	if (tick && w->tick)
		w->tick(w->arg);
	if (tick)
		session_tick(&w->group);
	(void)pthread_mutex_unlock(w->lock);
	session_send(&w->group);
	if (tick && w->tidy)
		w->tidy(w->arg);
}

static void *serve(void *arg)
{
	struct worker *w = arg;
	int64_t tick_at = io_monotonic_ms() + TICK_MS;

	for (;;) {
		gpr_timespec until = gpr_time_add(
			gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(TICK_MS, GPR_TIMESPAN));
		grpc_event event = grpc_completion_queue_next(w->queue, until, NULL);
		bool tick = io_monotonic_ms() >= tick_at;

		if (event.type == GRPC_QUEUE_SHUTDOWN)
			return NULL;
		handle(w, &event, tick);
		if (tick)
			tick_at = io_monotonic_ms() + TICK_MS;
	}
}

int worker_start(struct worker *w, struct err *err)
{
	if (pthread_create(&w->thread, NULL, serve, w) != 0)
		return err_set(err, ERR_TRANSIENT, "cannot start a thread");
	w->started = true;
	return 0;
}

void worker_join(struct worker *w)
{
	if (w->started)
		(void)pthread_join(w->thread, NULL);
	else
		(void)serve(w);
}
