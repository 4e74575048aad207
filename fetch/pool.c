/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/pool.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/xalloc.h"
#include "fetch/host_slots.h"
#include "fetch/scratch.h"
#include "fetch/task.h"

#define DONE_FULL_PAUSE_NS 10000000L

/* One download, and the jobs that wait for it. */
struct flight {
	struct host_turn turn;   /* first, so that one is the other */
	char *key;               /* owned */
	char *host;              /* owned */
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
	struct map flights; /* by key, owned: those that wait or run */
	size_t n_jobs;      /* taken over and not yet handed back */
};

struct fetch_job *fetch_job_new(
	enum fetch_source source, const char *uri, const struct digest *want, int fd)
{
	struct fetch_job *job = xcalloc(1, sizeof(*job));

	job->uri = xstrdup(uri);
	job->request.source = source;
	job->request.uri = job->uri;
	if (want)
		job->request.want = *want;
	job->fd = fd;
	return job;
}

void fetch_job_set_docker_config(struct fetch_job *job, const char *text)
{
	free(job->docker_config);
	job->docker_config = xstrdup(text);
	job->request.docker_config = job->docker_config;
}

void fetch_job_set_known(struct fetch_job *job, const char *revision)
{
	free(job->known);
	job->known = xstrdup(revision);
	job->request.known = job->known;
}

void fetch_job_free(void *job)
{
	struct fetch_job *j = job;

	if (!j)
		return;
	auto_fd(&j->fd);
	free(j->uri);
	if (j->docker_config)
		explicit_bzero(j->docker_config, strlen(j->docker_config));
	free(j->docker_config);
	free(j->known);
	free(j);
}

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

static struct flight *flight_new(const struct fetch_job *job, char *key)
{
	struct flight *f = xcalloc(1, sizeof(*f));

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

/* Returns the next flight, which has a slot of its host, or NULL when the pool stops. */
static struct flight *take_flight(struct fetch_pool *pool)
{
	struct host_turn *turn = NULL;

	pthread_mutex_lock(&pool->lock);
	while (!atomic_load(&pool->stopping) && !(turn = host_slots_next(&pool->slots)))
		pthread_cond_wait(&pool->ready, &pool->lock);
	pthread_mutex_unlock(&pool->lock);
	return (struct flight *)turn;
}

/* From here on no job joins the flight, and its host's slot is another's. */
static void land(struct fetch_pool *pool, struct flight *f)
{
	pthread_mutex_lock(&pool->lock);
	(void)map_take(&pool->flights, f->key);
	host_slots_give_back(&pool->slots, &f->turn);
	pthread_cond_signal(&pool->ready);
	pthread_mutex_unlock(&pool->lock);
}

static void fly(const struct fetch_pool *pool, struct fetch_job *job)
{
	struct fetch_task task = {.options = pool->options, .request = &job->request};

	if (fetch_run(&job->result, &task, job->fd, &job->err) == 0)
		job->err.code = ERR_NONE;
	job->retry_after_ms = task.retry_after_ms;
}

/* Gives job what became of the one that was run. */
static void share(const struct fetch_job *run, struct fetch_job *job)
{
	job->err = run->err;
	job->retry_after_ms = run->retry_after_ms;
	if (run->err.code != ERR_NONE)
		return;
	job->result = run->result;
	if (run->result.unchanged)
		job->err.code = ERR_NONE;
	else if (scratch_copy(job->fd, run->fd, run->result.size, &job->err) == 0)
		job->err.code = ERR_NONE;
}

static void *work(void *arg)
{
	struct fetch_pool *pool = arg;
	struct flight *f;

	while ((f = take_flight(pool))) {
		fly(pool, f->first);
		land(pool, f);
		for (struct fetch_job *job = f->first->next; job; job = job->next)
			share(f->first, job);
		while (f->first) {
			struct fetch_job *job = f->first;

			f->first = job->next;
			hand_over(pool, job);
		}
		flight_free(f);
	}
	return NULL;
}

struct fetch_pool *fetch_pool_start(
	const struct fetch_options *options, int workers, struct inbox *done, struct err *err)
{
	assert(workers > 0 && workers <= LIMIT_FETCH_WORKERS);
	struct fetch_pool *pool = xcalloc(1, sizeof(*pool));

	pool->options = options;
	pool->done = done;
	(void)pthread_mutex_init(&pool->lock, NULL);
	(void)pthread_cond_init(&pool->ready, NULL);
	host_slots_init(&pool->slots, options->host_connections);
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
		f = flight_new(job, STEAL(key));
		(void)map_put(&pool->flights, f->key, f);
		host_slots_wait(&pool->slots, f->host, &f->turn);
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
	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	atomic_store(&pool->stopping, true);
	pthread_cond_broadcast(&pool->ready);
	pthread_mutex_unlock(&pool->lock);
	for (int i = 0; i < pool->n_threads; i++)
		(void)pthread_join(pool->threads[i], NULL);
	host_slots_clear(&pool->slots);
	map_clear(&pool->flights, flight_free);
	pthread_cond_destroy(&pool->ready);
	pthread_mutex_destroy(&pool->lock);
	free(pool->threads);
	free(pool);
}
