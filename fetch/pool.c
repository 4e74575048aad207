/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/pool.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"

#define DONE_FULL_PAUSE_NS 10000000L

struct fetch_pool {
	const struct fetch_options *options; /* borrowed */
	struct inbox *jobs;                  /* owned */
	struct inbox *done;                  /* borrowed */
	atomic_bool stopping;
	pthread_t *threads; /* owned */
	int n_threads;      /* running */
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

void fetch_job_free(void *job)
{
	struct fetch_job *j = job;

	if (!j)
		return;
	auto_fd(&j->fd);
	free(j->uri);
	free(j);
}

/* A job is handed over even where its reader is behind: its submitter waits for it. */
static void hand_over(struct fetch_pool *pool, struct fetch_job *job)
{
	const struct timespec pause = {.tv_nsec = DONE_FULL_PAUSE_NS};

	while (!inbox_push(pool->done, job)) {
		if (atomic_load(&pool->stopping)) {
			fetch_job_free(job);
			return;
		}
		(void)nanosleep(&pause, NULL);
	}
}

static void *work(void *arg)
{
	struct fetch_pool *pool = arg;
	struct fetch_job *job;

	while ((job = inbox_pop(pool->jobs))) {
		if (fetch_run(&job->result, pool->options, &job->request, job->fd, &job->err) == 0)
			job->err.code = ERR_NONE;
		hand_over(pool, job);
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
	pool->jobs = inbox_new(LIMIT_FETCH_QUEUE, fetch_job_free);
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

bool fetch_pool_submit(struct fetch_pool *pool, struct fetch_job *job)
{
	return inbox_push(pool->jobs, job);
}

void fetch_pool_stop(struct fetch_pool *pool)
{
	if (!pool)
		return;
	atomic_store(&pool->stopping, true);
	inbox_close(pool->jobs);
	for (int i = 0; i < pool->n_threads; i++)
		(void)pthread_join(pool->threads[i], NULL);
	inbox_free(pool->jobs);
	free(pool->threads);
	free(pool);
}
