/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/question.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/xalloc.h"

struct question {
	pthread_mutex_t lock;
	pthread_cond_t answered;
	question_look *look;
	void *arg;
	unsigned refs;  /* guarded by lock */
	bool done;      /* guarded by lock */
	bool abandoned; /* guarded by lock */
};

struct question *question_new(question_look *look, void *arg)
{
	struct question *q = xcalloc(1, sizeof(*q));
	pthread_condattr_t attr;

	(void)pthread_mutex_init(&q->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&q->answered, &attr);
	(void)pthread_condattr_destroy(&attr);
	q->look = look;
	q->arg = arg;
	q->refs = 2;
	return q;
}

/* Called with the lock held. */
static void unlock_and_unref(struct question *q)
{
	bool last = --q->refs == 0;

	(void)pthread_mutex_unlock(&q->lock);
	if (!last)
		return;
	(void)pthread_cond_destroy(&q->answered);
	(void)pthread_mutex_destroy(&q->lock);
	free(q);
}

bool question_wait(struct question *q, int64_t timeout_ms)
{
	struct timespec until;
	int e = 0;
	bool done;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += timeout_ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	(void)pthread_mutex_lock(&q->lock);
	while (!q->done && e != ETIMEDOUT)
		e = pthread_cond_timedwait(&q->answered, &q->lock, &until);
	done = q->done;
	q->abandoned = !done;
	unlock_and_unref(q);
	return done;
}

void question_answer(struct question *q, const struct xds_view *view)
{
	(void)pthread_mutex_lock(&q->lock);
	if (!q->abandoned) {
		q->look(q->arg, view);
		q->done = true;
		(void)pthread_cond_signal(&q->answered);
	}
	unlock_and_unref(q);
}

void question_drop(void *question)
{
	struct question *q = question;

	(void)pthread_mutex_lock(&q->lock);
	unlock_and_unref(q);
}
