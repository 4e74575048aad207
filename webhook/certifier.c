/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/certifier.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/io.h"
#include "base/log.h"
#include "base/xalloc.h"

#define RETRY_MS 1000
#define STALE_MS 60000 /* what was right so long ago is not known to be so now */
#define NS_PER_MS 1000000L
#define MS_PER_S 1000

struct certifier {
	struct identity *identity; /* borrowed */
	certifier_step *step;
	void *arg;
	int64_t first_wait_ms; /* after the look that was had before there was a thread */
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock;
	pthread_cond_t stop_wanted;

	/* guarded by lock */
	bool stopping;
	int64_t good_ms; /* when step last succeeded; 0: never */
	struct err err;  /* of the last step */
};

/* Returns in how many ms to look again. */
static int64_t look(struct certifier *k)
{
	struct err err = {.code = ERR_NONE};
	int64_t wait_ms = k->step(k->arg, k->identity, &err);
	bool is_good = wait_ms >= 0;

	pthread_mutex_lock(&k->lock);
	bool is_news = !is_good && k->err.code == ERR_NONE;
	k->err = err;
	if (is_good) {
		k->err.code = ERR_NONE;
		k->good_ms = io_monotonic_ms();
	}
	pthread_mutex_unlock(&k->lock);
	if (is_news)
		log_warn("certificate not looked after", LOG_ERR(&err));
	return is_good ? wait_ms : RETRY_MS;
}

static struct timespec in_ms(int64_t ms)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / MS_PER_S;
	t.tv_nsec += ms % MS_PER_S * NS_PER_MS;
	t.tv_sec += t.tv_nsec / (MS_PER_S * NS_PER_MS);
	t.tv_nsec %= MS_PER_S * NS_PER_MS;
	return t;
}

static void *keep_looking(void *arg)
{
	struct certifier *k = arg;
	int64_t wait_ms = k->first_wait_ms;

	pthread_mutex_lock(&k->lock);
	while (!k->stopping) {
		struct timespec until = in_ms(wait_ms);

		if (pthread_cond_timedwait(&k->stop_wanted, &k->lock, &until) != ETIMEDOUT)
			continue;
		pthread_mutex_unlock(&k->lock);
		wait_ms = look(k);
		pthread_mutex_lock(&k->lock);
	}
	pthread_mutex_unlock(&k->lock);
	return NULL;
}

struct certifier *certifier_start(
	struct identity *id, certifier_step *step, void *arg, struct err *err)
{
	struct certifier *k = xcalloc(1, sizeof(*k));
	pthread_condattr_t monotonic;

	k->identity = id;
	k->step = step;
	k->arg = arg;
	(void)pthread_mutex_init(&k->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&k->stop_wanted, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	k->first_wait_ms = look(k);

	int rc = pthread_create(&k->thread, NULL, keep_looking, k);

	k->has_thread = rc == 0;
	if (rc != 0) {
		certifier_stop(k);
		errno = rc;
		(void)err_errno(err, ERR_TRANSIENT, "starting the thread of the certificates");
		return NULL;
	}
	return k;
}

void certifier_stop(struct certifier *k)
{
	if (!k)
		return;
	pthread_mutex_lock(&k->lock);
	k->stopping = true;
	pthread_cond_signal(&k->stop_wanted);
	pthread_mutex_unlock(&k->lock);
	if (k->has_thread)
		(void)pthread_join(k->thread, NULL);
	(void)pthread_cond_destroy(&k->stop_wanted);
	(void)pthread_mutex_destroy(&k->lock);
	free(k);
}

bool certifier_ready(struct certifier *k, struct err *why)
{
	int64_t now = io_monotonic_ms();

	pthread_mutex_lock(&k->lock);
	bool is_fresh = k->good_ms > 0 && now - k->good_ms < STALE_MS;
	if (!is_fresh)
		(void)err_set(why, ERR_TRANSIENT, "%s",
			k->err.code != ERR_NONE ? k->err.msg : "the certificate is on its way");
	pthread_mutex_unlock(&k->lock);
	if (!is_fresh)
		return false;
	if (identity_expires(k->identity) <= (int64_t)time(NULL)) {
		(void)err_set(why, ERR_INVALID, "the certificate has expired");
		return false;
	}
	return true;
}
