/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/log.h>
#include <grpc/support/time.h>

#include "base/auto.h"
#include "base/inbox.h"
#include "base/io.h"
#include "base/lend.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "store/watch.h"
#include "xds/keeper.h"
#include "xds/session.h"

#define TICK_MS 1000

struct xds_server {
	grpc_completion_queue *queue; /* owned */
	grpc_server *server;          /* owned */
	struct catalog catalog;
	struct loader loader;
	struct refusals *refusals; /* owned */
	struct keeper *keeper;     /* owned; NULL: they are forgotten with the process */
	struct gate *gate;         /* owned; NULL: clients need no certificate */
	struct tls *tls;           /* owned; NULL: plain text */
	struct session_group group;
	struct xds_metrics metrics;
	pthread_t thread;
	char *listen; /* owned; as asked for */
	int port;     /* as bound */

	/* a new call under way to us */
	struct op accept;
	grpc_call *call;
	grpc_call_details details;
	grpc_metadata_array metadata;

	/* from the watch's thread: names that changed, and a call that is never made, on which an
	 * empty batch rings the queue at once */
	struct store_watch *watch; /* owned */
	struct inbox *changes;     /* owned; of char * */
	struct inbox *questions;   /* owned; of struct question */
	atomic_bool rescan;        /* names were lost: compare all */
	atomic_bool rung;          /* the ring is on its way */
	grpc_channel *bell_channel;
	grpc_call *bell;
	struct op ring;

	struct op shutdown;
	bool stopping;
};

static void ring(struct xds_server *x)
{
	if (!atomic_exchange(&x->rung, true))
		(void)grpc_call_start_batch(x->bell, NULL, 0, &x->ring, NULL);
}

static void on_store_changed(void *arg, const char *name)
{
	struct xds_server *x = arg;
	char *copy = xstrdup_null(name);

	if (!copy || !inbox_push(x->changes, copy)) {
		free(copy);
		atomic_store(&x->rescan, true);
	}
	ring(x);
}

static void on_ring(struct op *op, bool ok)
{
	struct xds_server *x = op->owner;
	const struct xds_view view = {.sessions = &x->group,
		.catalog = &x->catalog,
		.loader = &x->loader,
		.metrics = &x->metrics};
	struct question *question;
	char *name;

	(void)ok;
	atomic_store(&x->rung, false);
	if (atomic_exchange(&x->rescan, false))
		loader_rescan(&x->loader);
	while ((name = inbox_try_pop(x->changes))) {
		loader_reload(&x->loader, name);
		free(name);
	}
	while ((question = inbox_try_pop(x->questions)))
		question_answer(question, &view);
}

bool xds_server_authenticates(const struct xds_server *x)
{
	return x->gate != NULL;
}

bool xds_server_ask(struct xds_server *x, question_look *look, void *arg, int64_t timeout_ms)
{
	struct question *question = question_new(look, arg);

	if (!inbox_push(x->questions, question))
		question_drop(question);
	ring(x);
	return question_wait(question, timeout_ms);
}

static void on_resource_changed(void *arg, struct resource *r)
{
	(void)arg;
	session_resource_changed(r);
}

static void accept_next(struct xds_server *x)
{
	grpc_call_error e;

	grpc_call_details_init(&x->details);
	grpc_metadata_array_init(&x->metadata);
	e = grpc_server_request_call(
		x->server, &x->call, &x->details, &x->metadata, x->queue, x->queue, &x->accept);
	if (e != GRPC_CALL_OK)
		log_error("no more calls are accepted", LOG_INT("code", e));
}

static void on_accept(struct op *op, bool ok)
{
	struct xds_server *x = op->owner;
	AUTO(free) char *method = NULL;

	if (ok) {
		method = xstrndup((const char *)GRPC_SLICE_START_PTR(x->details.method),
			GRPC_SLICE_LENGTH(x->details.method));
		session_start(&x->group, x->call, method);
	}
	grpc_call_details_destroy(&x->details);
	grpc_metadata_array_destroy(&x->metadata);
	if (ok)
		accept_next(x);
}

/* The queue may only end when nobody starts an operation any more. */
static void end_queue(void *arg)
{
	struct xds_server *x = arg;

	if (!x->stopping || x->group.first)
		return;
	grpc_server_destroy(x->server);
	grpc_completion_queue_shutdown(x->queue);
}

static void on_shutdown(struct op *op, bool ok)
{
	struct xds_server *x = op->owner;

	(void)ok;
	x->stopping = true;
	end_queue(x);
}

static void tick(struct xds_server *x)
{
	bool policy_changed = x->gate && gate_refresh(x->gate);

	loader_tick(&x->loader);
	session_tick(&x->group, policy_changed);
	if (x->keeper)
		keeper_tick(x->keeper);
}

static void *serve(void *arg)
{
	struct xds_server *x = arg;
	int64_t tick_at = io_monotonic_ms() + TICK_MS;

	for (;;) {
		gpr_timespec until = gpr_time_add(
			gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(TICK_MS, GPR_TIMESPAN));
		grpc_event event = grpc_completion_queue_next(x->queue, until, NULL);
		struct op *op = event.tag;

		if (event.type == GRPC_QUEUE_SHUTDOWN)
			return NULL;
		if (event.type == GRPC_OP_COMPLETE)
			op->done(op, event.success != 0);
		if (!x->stopping && io_monotonic_ms() >= tick_at) {
			tick(x);
			tick_at = io_monotonic_ms() + TICK_MS;
		}
	}
}

/* gRPC says much at every level; what it says before it aborts must be seen. */
static void log_grpc(gpr_log_func_args *args)
{
	if (strstr(args->message, "assertion failed"))
		log_error("grpc", LOG_STR("text", args->message));
	else
		log_debug("grpc", LOG_STR("text", args->message));
}

static grpc_arg int_arg(const char *key, int value)
{
	return (grpc_arg){.type = GRPC_ARG_INTEGER, .key = lend(key), .value.integer = value};
}

/* What one connection may cost, and when a dead or noisy one is closed. */
static grpc_server *server_create(void)
{
	grpc_arg args[] = {
		int_arg(GRPC_ARG_ALLOW_REUSEPORT, 0),
		int_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, (int)LIMIT_XDS_REQUEST_BYTES),
		int_arg(GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, -1),
		int_arg(GRPC_ARG_MAX_METADATA_SIZE, (int)LIMIT_XDS_METADATA_BYTES),
		int_arg(GRPC_ARG_MAX_CONCURRENT_STREAMS, LIMIT_XDS_CONNECTION_STREAMS),
		int_arg(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 20000),
		int_arg(GRPC_ARG_KEEPALIVE_TIME_MS, 60000),
		int_arg(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20000),
		int_arg(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
		int_arg(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5000),
		int_arg(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 10),
	};
	const grpc_channel_args channel_args = {sizeof(args) / sizeof(args[0]), args};

	return grpc_server_create(&channel_args, NULL);
}

static int bind_port(struct xds_server *x, const struct xds_options *options, struct err *err)
{
	grpc_server_credentials *credentials;

	if (options->tls.cert) {
		x->tls = tls_new(&options->tls, err);
		if (!x->tls)
			return -1;
	}
	if (options->tls.client_ca) {
		x->gate = gate_new(options->policy, err);
		if (!x->gate)
			return -1;
	}
	credentials = x->tls ? tls_credentials(x->tls) : grpc_insecure_server_credentials_create();
	x->server = server_create();
	grpc_server_register_completion_queue(x->server, x->queue, NULL);
	x->port = grpc_server_add_http2_port(x->server, options->listen, credentials);
	grpc_server_credentials_release(credentials);
	if (x->port == 0)
		return err_set(err, ERR_CONFLICT,
			"cannot listen on \"%s\": it must be ADDRESS:PORT with a free port",
			options->listen);
	return 0;
}

static void bell_create(struct xds_server *x)
{
	grpc_slice method = grpc_slice_from_static_string("/bell");

	x->bell_channel =
		grpc_lame_client_channel_create("bell", GRPC_STATUS_UNAVAILABLE, "never called");
	x->bell = grpc_channel_create_call(x->bell_channel, NULL, GRPC_PROPAGATE_DEFAULTS, x->queue,
		method, NULL, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
}

static struct xds_server *server_new(void)
{
	struct xds_server *x = xcalloc(1, sizeof(*x));

	x->accept = (struct op){on_accept, x};
	x->ring = (struct op){on_ring, x};
	x->shutdown = (struct op){on_shutdown, x};
	catalog_init(&x->catalog);
	x->refusals = refusals_new(LIMIT_XDS_REFUSALS);
	x->changes = inbox_new(LIMIT_XDS_CHANGES, free);
	x->questions = inbox_new(LIMIT_XDS_QUESTIONS, question_drop);
	x->queue = grpc_completion_queue_create_for_next(NULL);
	bell_create(x);
	return x;
}

static void server_free(struct xds_server *x)
{
	grpc_call_unref(x->bell);
	grpc_channel_destroy(x->bell_channel);
	grpc_completion_queue_destroy(x->queue);
	catalog_clear(&x->catalog);
	loader_clear(&x->loader);
	keeper_close(x->keeper);
	refusals_free(x->refusals);
	gate_free(x->gate);
	tls_free(x->tls);
	inbox_free(x->changes);
	inbox_free(x->questions);
	free(x->listen);
	free(x);
	grpc_shutdown();
}

/* Where the thread was never started, nobody else empties the queue. */
static void abandon(struct xds_server *x)
{
	store_watch_stop(x->watch);
	if (x->server)
		grpc_server_shutdown_and_notify(x->server, x->queue, &x->shutdown);
	else
		grpc_completion_queue_shutdown(x->queue);
	(void)serve(x);
	server_free(x);
}

static int prepare(struct xds_server *x, const struct xds_options *options, struct err *err)
{
	if (options->state_dir) {
		x->keeper = keeper_open(options->state_dir, x->refusals, err);
		if (!x->keeper)
			return -1;
	}
	if (loader_init(&x->loader, options->store_dir, options->seal_key, &x->catalog, err) < 0)
		return -1;
	x->loader.changed = on_resource_changed;
	x->loader.metrics = &x->metrics;
	x->listen = xstrdup(options->listen);
	x->group = (struct session_group){.queue = x->queue,
		.catalog = &x->catalog,
		.refusals = x->refusals,
		.loader = &x->loader,
		.metrics = &x->metrics,
		.max = options->max_streams,
		.full_state = options->sotw_full_state,
		.emptied = end_queue,
		.arg = x};
	x->watch =
		store_watch_start(options->store_dir, options->poll_ms, on_store_changed, x, err);
	if (!x->watch || bind_port(x, options, err) < 0)
		return -1;
	x->group.gate = x->gate;
	loader_rescan(&x->loader);
	grpc_server_start(x->server);
	return 0;
}

struct xds_server *xds_server_start(const struct xds_options *options, struct err *err)
{
	struct xds_server *x;

	gpr_set_log_function(log_grpc);
	grpc_init();
	x = server_new();
	if (prepare(x, options, err) < 0) {
		abandon(x);
		return NULL;
	}
	accept_next(x);
	if (pthread_create(&x->thread, NULL, serve, x) != 0) {
		(void)err_set(err, ERR_TRANSIENT, "cannot start a thread");
		abandon(x);
		return NULL;
	}
	return x;
}

void xds_server_stop(struct xds_server *x)
{
	if (!x)
		return;
	store_watch_stop(x->watch);
	grpc_server_shutdown_and_notify(x->server, x->queue, &x->shutdown);
	grpc_server_cancel_all_calls(x->server);
	(void)pthread_join(x->thread, NULL);
	server_free(x);
}

char *xds_server_address(const struct xds_server *x)
{
	const char *colon = strrchr(x->listen, ':');
	int host = colon ? (int)(colon - x->listen) : (int)strlen(x->listen);

	return xasprintf("%.*s:%d", host, x->listen, x->port);
}
