/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/server.h"

#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/inbox.h"
#include "base/io.h"
#include "base/lend.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/reclaim.h"
#include "base/xalloc.h"
#include "store/watch.h"
#include "xds/grpc.h"
#include "xds/keeper.h"
#include "xds/worker.h"

struct xds_server {
	struct worker workers[LIMIT_XDS_WORKERS]; /* the first looks after the rest as well */
	size_t n_workers;
	grpc_channel *bells; /* owned */
	grpc_server *server; /* owned */
	struct tls *tls;     /* owned; NULL: plain text */
	char *listen;        /* owned; as asked for */
	int port;            /* as bound */
	struct op shutdown;

	/* guarded by lock */
	pthread_mutex_t lock;
	struct session_world world;
	struct catalog catalog;
	struct loader loader;
	struct refusals *refusals; /* owned */
	struct keeper *keeper;     /* owned; NULL: they are forgotten with the process */
	struct gate *gate;         /* owned; NULL: clients need no certificate */
	struct xds_metrics metrics;
	bool alone; /* no other replica serves this store */
	bool stopping;

	/* the first worker's */
	struct reclaim reclaim; /* of what streams took */
	bool reclaim_due;

	/* for the first worker, from other threads: names that changed, and what they ask */
	struct store_watch *watch; /* owned */
	struct inbox *changes;     /* owned; of char * */
	struct inbox *questions;   /* owned; of struct question */
	atomic_bool rescan;        /* names were lost: compare all */
};

static void on_store_changed(void *arg, const char *name)
{
	struct xds_server *x = arg;
	char *copy = xstrdup_null(name);

	if (!copy || !inbox_push(x->changes, copy)) {
		free(copy);
		atomic_store(&x->rescan, true);
	}
	worker_ring(&x->workers[0]);
}

static void on_rang(void *arg)
{
	struct xds_server *x = arg;
	const struct xds_view view = {.sessions = &x->workers[0].group,
		.catalog = &x->catalog,
		.loader = &x->loader,
		.refusals = x->refusals,
		.metrics = &x->metrics};
	struct question *question;
	char *name;

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
	worker_ring(&x->workers[0]);
	return question_wait(question, timeout_ms);
}

static void on_resource_changed(void *arg, struct resource *r)
{
	(void)arg;
	session_resource_changed(r);
}

/* The queues may only end when nobody starts an operation any more. */
static void end_queues(void *arg)
{
	struct xds_server *x = arg;

	if (!x->stopping || x->world.n > 0)
		return;
	x->world.ended = true;
	grpc_server_destroy(x->server);
	for (size_t i = 0; i < x->n_workers; i++)
		grpc_completion_queue_shutdown(x->workers[i].queue);
}

static void on_shutdown(struct op *op, bool ok)
{
	struct xds_server *x = op->owner;

	(void)ok;
	x->stopping = true;
	end_queues(x);
}

/* Where the store is our state folder as well, nobody else writes down refusals there. */
static void heed(struct xds_server *x)
{
	if (!x->alone)
		loader_heed(&x->loader, x->refusals);
}

static void on_tick(void *arg)
{
	struct xds_server *x = arg;

	loader_tick(&x->loader);
	heed(x);
	if (x->gate && gate_refresh(x->gate))
		x->world.policies++;
	if (x->keeper)
		keeper_tick(x->keeper);
	x->reclaim_due =
		reclaim_due(&x->reclaim, x->metrics.streams - x->world.n, io_monotonic_ms());
}

/* What the connections of a fleet took, is between what those took that came after it. */
static void tidy_memory(void *arg)
{
	struct xds_server *x = arg;

	if (x->reclaim_due)
		(void)malloc_trim(0);
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
	for (size_t i = 0; i < x->n_workers; i++)
		grpc_server_register_completion_queue(x->server, x->workers[i].queue, NULL);
	x->port = grpc_server_add_http2_port(x->server, options->listen, credentials);
	grpc_server_credentials_release(credentials);
	if (x->port == 0)
		return err_set(err, ERR_CONFLICT,
			"cannot listen on \"%s\": it must be ADDRESS:PORT with a free port",
			options->listen);
	return 0;
}

/* As many as there are processors to run on. */
static size_t count_workers(void)
{
	cpu_set_t set;
	size_t n = sched_getaffinity(0, sizeof(set), &set) == 0 ? (size_t)CPU_COUNT(&set) : 1;

	return n < LIMIT_XDS_WORKERS ? n : LIMIT_XDS_WORKERS;
}

static void workers_init(struct xds_server *x)
{
	struct worker *workers = x->workers;

	x->bells = grpc_lame_client_channel_create("bell", GRPC_STATUS_UNAVAILABLE, "never called");
	x->n_workers = count_workers();
	for (size_t i = 0; i < x->n_workers; i++) {
		worker_init(&workers[i], &x->lock, &x->world, x->bells);
		if (i > 0)
			workers[i - 1].group.next = &workers[i].group;
	}
	workers[0].rang = on_rang;
	workers[0].tick = on_tick;
	workers[0].tidy = tidy_memory;
	workers[0].arg = x;
}

static struct xds_server *server_new(void)
{
	struct xds_server *x = xcalloc(1, sizeof(*x));

	x->shutdown = (struct op){on_shutdown, x};
	(void)pthread_mutex_init(&x->lock, NULL);
	catalog_init(&x->catalog);
	x->refusals = refusals_new(LIMIT_REFUSALS);
	x->changes = inbox_new(LIMIT_XDS_CHANGES, free);
	x->questions = inbox_new(LIMIT_XDS_QUESTIONS, question_drop);
	workers_init(x);
	return x;
}

static void server_free(struct xds_server *x)
{
	for (size_t i = 0; i < x->n_workers; i++)
		worker_clear(&x->workers[i]);
	grpc_channel_destroy(x->bells);
	catalog_clear(&x->catalog);
	loader_clear(&x->loader);
	keeper_close(x->keeper);
	refusals_free(x->refusals);
	gate_free(x->gate);
	tls_free(x->tls);
	inbox_free(x->changes);
	inbox_free(x->questions);
	(void)pthread_mutex_destroy(&x->lock);
	free(x->listen);
	free(x);
	grpc_shutdown();
}

static int prepare(struct xds_server *x, const struct xds_options *options, struct err *err)
{
	x->alone = options->state_dir && strcmp(options->state_dir, options->store_dir) == 0;
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
	x->world = (struct session_world){.catalog = &x->catalog,
		.refusals = x->refusals,
		.loader = &x->loader,
		.metrics = &x->metrics,
		.max = options->max_streams,
		.full_state = options->sotw_full_state,
		.emptied = end_queues,
		.arg = x};
	x->watch =
		store_watch_start(options->store_dir, options->poll_ms, on_store_changed, x, err);
	if (!x->watch || bind_port(x, options, err) < 0)
		return -1;
	x->world.gate = x->gate;
	loader_rescan(&x->loader);
	heed(x);
	grpc_server_start(x->server);
	return 0;
}

static int start_workers(struct xds_server *x, struct err *err)
{
	for (size_t i = 0; i < x->n_workers; i++)
		worker_accept(&x->workers[i], x->server);
	for (size_t i = 0; i < x->n_workers; i++) {
		if (worker_start(&x->workers[i], err) < 0)
			return -1;
	}
	return 0;
}

/* OpenSSL and gRPC have buffers of 16 KiB and a little more for each connection, and use the first
 * page of most: mapped one by one, the rest never becomes resident.  gRPC's short-lived buffers are
 * smaller, by 100 bytes where there is TLS: a mapping for each record costs 40 % more processor
 * time.  The kernel allows some 65,000 mappings, of which others want some too. */
static void spare_memory(void)
{
	/* NOLINTBEGIN(concurrency-mt-unsafe): nothing else calls it, and others may allocate */
	(void)mallopt(M_MMAP_THRESHOLD, 16 * LIMIT_KIB);
	(void)mallopt(M_MMAP_MAX, LIMIT_XDS_MAPPINGS);
	/* NOLINTEND(concurrency-mt-unsafe) */
}

struct xds_server *xds_server_start(const struct xds_options *options, struct err *err)
{
	struct xds_server *x;

	if (grpc_library_load(err) < 0)
		return NULL;
	spare_memory();
	gpr_set_log_function(log_grpc);
	grpc_init();
	x = server_new();
	if (prepare(x, options, err) < 0 || start_workers(x, err) < 0) {
		xds_server_stop(x);
		return NULL;
	}
	return x;
}

void xds_server_stop(struct xds_server *x)
{
	if (!x)
		return;
	store_watch_stop(x->watch);
	if (x->server) {
		grpc_server_shutdown_and_notify(x->server, x->workers[0].queue, &x->shutdown);
		grpc_server_cancel_all_calls(x->server);
	}
	for (size_t i = 0; i < x->n_workers; i++) {
		if (!x->server)
			grpc_completion_queue_shutdown(x->workers[i].queue);
		worker_join(&x->workers[i]);
	}
	server_free(x);
}

char *xds_server_address(const struct xds_server *x)
{
	const char *colon = strrchr(x->listen, ':');
	int host = colon ? (int)(colon - x->listen) : (int)strlen(x->listen);

	return xasprintf("%.*s:%d", host, x->listen, x->port);
}
