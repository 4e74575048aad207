/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/doorman.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "base/io.h"
#include "base/xalloc.h"

#define SWEEP_MS 500
#define NS_PER_S 1000000000L

struct doorman {
	pthread_t sweeper;
	bool has_sweeper;
	pthread_mutex_t lock;
	pthread_cond_t stop_wanted;

	/* guarded by lock */
	bool stopping;
	struct peers peers;
	uint64_t evicted;
};

/* Its owner sees the end and closes; until then the descriptor is nobody else's. */
static void show_out(struct doorman *d, struct peer *peer)
{
	peer->state = PEER_GONE;
	(void)shutdown(peer->fd, SHUT_RDWR);
	d->evicted++;
}

void doorman_enter(struct doorman *d, struct peer *peer, int fd)
{
	int64_t now = io_monotonic_ms();

	pthread_mutex_lock(&d->lock);
	peers_add(&d->peers, peer, fd, now);
	struct peer *surplus = peers_surplus(&d->peers);
	if (surplus)
		show_out(d, surplus);
	pthread_mutex_unlock(&d->lock);
}

void doorman_leave(struct doorman *d, struct peer *peer)
{
	pthread_mutex_lock(&d->lock);
	peers_remove(&d->peers, peer);
	pthread_mutex_unlock(&d->lock);
}

void doorman_note(struct doorman *d, struct peer *peer, enum peer_state state)
{
	int64_t now = io_monotonic_ms();

	pthread_mutex_lock(&d->lock);
	peer_is_now(peer, state, now);
	pthread_mutex_unlock(&d->lock);
}

size_t doorman_inside(struct doorman *d)
{
	pthread_mutex_lock(&d->lock);
	size_t n = d->peers.n;
	pthread_mutex_unlock(&d->lock);
	return n;
}

uint64_t doorman_evicted(struct doorman *d)
{
	pthread_mutex_lock(&d->lock);
	uint64_t n = d->evicted;
	pthread_mutex_unlock(&d->lock);
	return n;
}

static void sweep(struct doorman *d)
{
	int64_t now = io_monotonic_ms();

	for (struct peer *peer = d->peers.oldest; peer; peer = peer->newer) {
		if (peers_overdue(&d->peers, peer, now))
			show_out(d, peer);
	}
}

static void *keep_sweeping(void *arg)
{
	struct doorman *d = arg;

	pthread_mutex_lock(&d->lock);
	while (!d->stopping) {
		struct timespec until;

		(void)clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += SWEEP_MS * 1000000L;
		until.tv_sec += until.tv_nsec / NS_PER_S;
		until.tv_nsec %= NS_PER_S;
		(void)pthread_cond_timedwait(&d->stop_wanted, &d->lock, &until);
		sweep(d);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

struct doorman *doorman_start(const struct peers_limits *limits, struct err *err)
{
	struct doorman *d = xcalloc(1, sizeof(*d));
	pthread_condattr_t monotonic;

	d->peers.limits = *limits;
	(void)pthread_mutex_init(&d->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&d->stop_wanted, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);

	int rc = pthread_create(&d->sweeper, NULL, keep_sweeping, d);

	d->has_sweeper = rc == 0;
	if (rc != 0) {
		doorman_stop(d);
		errno = rc;
		(void)err_errno(err, ERR_TRANSIENT, "starting the thread that ends connections");
		return NULL;
	}
	return d;
}

void doorman_stop(struct doorman *d)
{
	if (!d)
		return;
	pthread_mutex_lock(&d->lock);
	d->stopping = true;
	pthread_cond_signal(&d->stop_wanted);
	pthread_mutex_unlock(&d->lock);
	if (d->has_sweeper)
		(void)pthread_join(d->sweeper, NULL);
	(void)pthread_cond_destroy(&d->stop_wanted);
	(void)pthread_mutex_destroy(&d->lock);
	free(d);
}
