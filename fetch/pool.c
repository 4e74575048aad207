/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/pool.h"

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/xalloc.h"
#include "fetch/host_slots.h"
#include "fetch/scratch.h"
#include "fetch/task.h"

#define DONE_FULL_PAUSE_NS 10000000L
#define VISITS (LIMIT_REDIRECTS + 3) /* servers of one fetch that are counted beside its first */
#define MS 1000
#define NS_PER_MS 1000000

/* One download, and the jobs that wait for it. */
struct flight {
	struct host_turn turn;   /* first, so that one is the other */
	char *key;               /* owned */
	char *host;              /* owned */
	struct fetch_pool *pool; /* borrowed */
	struct host_turn visits[VISITS];
	size_t n_visits;
	int64_t shut_until;      /* its host is left alone until then; 0: it is run */
	struct fetch_job *first; /* owned, and all behind it; it is the one that is run */
	struct fetch_job *last;
};

struct fetch_pool {
	const struct fetch_options *options; /* borrowed */
	struct inbox *done;                  /* borrowed */
	atomic_bool stopping;
	pthread_t *threads; /* owned */
	int n_threads;      /* running */
	pthread_mutex_t lock;
	pthread_cond_t ready; /* a flight can start, or the pool stops */

	/* guarded by lock */
	struct host_slots slots;
	struct host_turn *shut; /* flights whose host is left alone, to be handed back, by next */
	struct map flights;     /* by key, owned: those that wait or run */
	size_t n_jobs;          /* taken over and not yet handed back */
};

/* A job is handed over even where its reader is behind: its submitter waits for it. */
static void hand_over(struct fetch_pool *pool, struct fetch_job *job)
{
	const struct timespec pause = {.tv_nsec = DONE_FULL_PAUSE_NS};

	while (!inbox_push(pool->done, job)) {
		if (atomic_load(&pool->stopping)) {
			fetch_job_free(job);
			break;
		}
		(void)nanosleep(&pause, NULL);
	}
	pthread_mutex_lock(&pool->lock);
	pool->n_jobs--;
	pthread_mutex_unlock(&pool->lock);
}

static struct flight *flight_new(struct fetch_pool *pool, const struct fetch_job *job, char *key)
{
	struct flight *f = xcalloc(1, sizeof(*f));

	f->pool = pool;
	f->key = key;
	f->host = fetch_host(job->request.source, job->request.uri);
	return f;
}

static void flight_free(void *flight)
{
	struct flight *f = flight;

	while (f->first) {
		struct fetch_job *job = f->first;

		f->first = job->next;
		fetch_job_free(job);
	}
	free(f->key);
	free(f->host);
	free(f);
}

static void flight_add(struct flight *f, struct fetch_job *job)
{
	job->next = NULL;
	if (f->last)
		f->last->next = job;
	else
		f->first = job;
	f->last = job;
}

/* The turn of a flight, which is its first member. */
static struct flight *flight_of(struct host_turn *turn)
{
	return (struct flight *)turn;
}

/* Waits until somebody calls, or until at (ms). */
static void wait_until(struct fetch_pool *pool, int64_t at)
{
	const struct timespec until = {.tv_sec = at / MS, .tv_nsec = (long)(at % MS) * NS_PER_MS};

	if (at == INT64_MAX)
		pthread_cond_wait(&pool->ready, &pool->lock);
	else
		(void)pthread_cond_timedwait(&pool->ready, &pool->lock, &until);
}

/* Returns a flight whose host is left alone, or the next one that has a slot, or NULL. */
static struct host_turn *next_turn(struct fetch_pool *pool, int64_t *wake_at)
{
	struct host_turn *turn = pool->shut;

	if (!turn)
		return host_slots_next(&pool->slots, io_monotonic_ms(), wake_at);
	pool->shut = turn->next;
	return turn;
}

/* Returns the next flight, or NULL when the pool stops. */
static struct flight *take_flight(struct fetch_pool *pool)
{
	struct host_turn *turn = NULL;
	int64_t wake_at = INT64_MAX;

	pthread_mutex_lock(&pool->lock);
	while (!atomic_load(&pool->stopping) && !(turn = next_turn(pool, &wake_at)))
		wait_until(pool, wake_at);
	pthread_cond_signal(&pool->ready); /* there may be more */
	pthread_mutex_unlock(&pool->lock);
	return turn ? flight_of(turn) : NULL;
}

/* From here on no job joins the flight, and a worker hands it back. */
static void shut_out(struct fetch_pool *pool, struct flight *f, int64_t until)
{
	(void)map_take(&pool->flights, f->key);
	f->shut_until = until;
	f->turn.next = pool->shut;
	pool->shut = &f->turn;
}

static uint32_t random_number(void)
{
	uint32_t n = 0;

	(void)!getrandom(&n, sizeof(n), 0);
	return n;
}

/* From here on no job joins the flight, and its host's slot is another's. */
static void land(struct fetch_pool *pool, struct flight *f)
{
	const struct host_end how = {
		.answered = f->first->err.code != ERR_TRANSIENT,
		.retry_after_ms = f->first->retry_after_ms,
		.now = io_monotonic_ms(),
		.random = random_number(),
	};
	struct host_turn *turn;
	int64_t until = 0;

	pthread_mutex_lock(&pool->lock);
	(void)map_take(&pool->flights, f->key);
	for (size_t i = 0; i < f->n_visits; i++)
		host_slots_leave(&pool->slots, &f->visits[i]);
	turn = host_slots_give_back(&pool->slots, &f->turn, &how, &until);
	while (turn) {
		struct flight *waited = flight_of(turn);

		turn = turn->next;
		shut_out(pool, waited, until);
	}
	pthread_cond_signal(&pool->ready);
	pthread_mutex_unlock(&pool->lock);
}

static bool was_counted(const struct flight *f, const char *server)
{
	for (size_t i = 0; i < f->n_visits; i++) {
		if (host_turn_is_at(&f->visits[i], server))
			return true;
	}
	return strcmp(f->host, server) == 0 || f->n_visits == VISITS;
}

/* A redirect, or a realm of tokens, leads to another server: it has one more at work. */
static void on_server(void *arg, const char *server)
{
	struct flight *f = arg;

	if (was_counted(f, server))
		return;
	pthread_mutex_lock(&f->pool->lock);
	host_slots_visit(&f->pool->slots, server, &f->visits[f->n_visits++], io_monotonic_ms());
	pthread_mutex_unlock(&f->pool->lock);
}

static void fly(struct flight *f)
{
	struct fetch_options options = *f->pool->options;
	struct fetch_job *job = f->first;
	struct fetch_task task = {.options = &options,
		.request = &job->request,
		.on_server = on_server,
		.on_server_arg = f};

	if (f->turn.probe)
		options.retry.tries = 1;
	if (fetch_run(&job->result, &task, job->fd, &job->err) == 0)
		job->err.code = ERR_NONE;
	job->retry_after_ms = task.retry_after_ms;
	land(f->pool, f);
}

/* It is not asked, for what became of others. */
static void fail(struct flight *f)
{
	struct fetch_job *job = f->first;
	int64_t left = f->shut_until - io_monotonic_ms();

	(void)err_set(&job->err, ERR_TRANSIENT,
		"%s did not answer other fetches, and is left alone for a while", f->host);
	job->retry_after_ms = left > 0 ? left : 0;
	job->left_alone = true;
}

/* Gives job what became of the one that was run. */
static void share(const struct fetch_job *run, struct fetch_job *job)
{
	job->err = run->err;
	job->retry_after_ms = run->retry_after_ms;
	job->left_alone = run->left_alone;
	if (run->err.code != ERR_NONE)
		return;
	job->result = run->result;
	if (run->result.unchanged ||
		scratch_copy(job->fd, run->fd, run->result.size, &job->err) == 0)
		job->err.code = ERR_NONE;
}

/* A TLS handshake takes up 8 MiB for the system's authorities, and malloc keeps them for each
 * thread that ever made one. */
static void give_back_memory(struct fetch_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	bool idle = pool->n_jobs == 0;
	pthread_mutex_unlock(&pool->lock);
	if (idle)
		(void)malloc_trim(0);
}

static void *work(void *arg)
{
	struct fetch_pool *pool = arg;
	struct flight *f;

	while ((f = take_flight(pool))) {
		if (f->shut_until > 0)
			fail(f);
		else
			fly(f);
		for (struct fetch_job *job = f->first->next; job; job = job->next)
			share(f->first, job);
		while (f->first) {
			struct fetch_job *job = f->first;

			f->first = job->next;
			hand_over(pool, job);
		}
		flight_free(f);
		give_back_memory(pool);
	}
	return NULL;
}

/* Waits by the clock of io_monotonic_ms(). */
static void ready_init(pthread_cond_t *ready)
{
	pthread_condattr_t attributes;

	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(ready, &attributes);
	(void)pthread_condattr_destroy(&attributes);
}

struct fetch_pool *fetch_pool_start(
	const struct fetch_options *options, int workers, struct inbox *done, struct err *err)
{
	assert(workers > 0 && workers <= LIMIT_FETCH_WORKERS);
	const struct host_rules rules = {
		.each = options->host_connections,
		.workers = workers,
		.rate = options->host_rate,
		.failures = options->host_failures,
	};
	struct fetch_pool *pool = xcalloc(1, sizeof(*pool));

	pool->options = options;
	pool->done = done;
	(void)pthread_mutex_init(&pool->lock, NULL);
	ready_init(&pool->ready);
	host_slots_init(&pool->slots, &rules);
	pool->threads = xcalloc((size_t)workers, sizeof(*pool->threads));
	for (; pool->n_threads < workers; pool->n_threads++) {
		int rc = pthread_create(&pool->threads[pool->n_threads], NULL, work, pool);
		if (rc != 0) {
			errno = rc;
			(void)err_errno(err, ERR_TRANSIENT, "starting fetch worker %d of %d",
				pool->n_threads + 1, workers);
			fetch_pool_stop(pool);
			return NULL;
		}
	}
	return pool;
}

/* Two requests of one key bring the same bytes, to those who may have them: what one credential
 * opens is not handed to who came with another. */
static char *key_of(const struct fetch_request *request)
{
	struct digest config = {0};

	if (request->docker_config)
		digest_of(&config, request->docker_config, strlen(request->docker_config));
	return xasprintf("%d%s %s %s %s %s", (int)request->source, request->ask_only ? "?" : "",
		request->want.hex, config.hex, request->uri, request->known ? request->known : "");
}

static void submit_locked(struct fetch_pool *pool, struct fetch_job *job)
{
	AUTO(free) char *key = key_of(&job->request);
	struct flight *f = map_get(&pool->flights, key);

	if (!f) {
		f = flight_new(pool, job, STEAL(key));
		(void)map_put(&pool->flights, f->key, f);
		int64_t until = host_slots_wait(&pool->slots, f->host, &f->turn, io_monotonic_ms());
		if (until > 0)
			shut_out(pool, f, until);
		pthread_cond_signal(&pool->ready);
	}
	flight_add(f, job);
	pool->n_jobs++;
}

bool fetch_pool_submit(struct fetch_pool *pool, struct fetch_job *job)
{
	pthread_mutex_lock(&pool->lock);
	bool room = pool->n_jobs < LIMIT_FETCH_QUEUE;
	if (room)
		submit_locked(pool, job);
	pthread_mutex_unlock(&pool->lock);
	return room;
}

void fetch_pool_stop(struct fetch_pool *pool)
{
	struct host_turn *turn;

	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	atomic_store(&pool->stopping, true);
	pthread_cond_broadcast(&pool->ready);
	pthread_mutex_unlock(&pool->lock);
	for (int i = 0; i < pool->n_threads; i++)
		(void)pthread_join(pool->threads[i], NULL);
	host_slots_clear(&pool->slots);
	while ((turn = pool->shut)) {
		pool->shut = turn->next;
		flight_free(flight_of(turn));
	}
	map_clear(&pool->flights, flight_free);
	pthread_cond_destroy(&pool->ready);
	pthread_mutex_destroy(&pool->lock);
	free(pool->threads);
	free(pool);
}
