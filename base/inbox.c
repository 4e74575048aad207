/* SPDX-License-Identifier: Apache-2.0 */
#include "base/inbox.h"

#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/xalloc.h"

struct inbox {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* an item was pushed, or the inbox closed */
	void (*free_item)(void *item);
	size_t capacity;
	int fd; /* owned eventfd: 1 while there are items or it is closed, 0 otherwise */

	/* guarded by lock */
	void **items; /* owned ring of capacity items, each owned */
	size_t first;
	size_t n;
	bool closed;
};

static pthread_mutex_t *lock(struct inbox *in)
{
	pthread_mutex_lock(&in->lock);
	return &in->lock;
}

static void auto_unlock(pthread_mutex_t **held)
{
	pthread_mutex_unlock(*held);
}

/* The counter is 0 or 1, so that neither of these can block or fail. */
static void fd_raise(const struct inbox *in)
{
	int rc = eventfd_write(in->fd, 1);

	assert(rc == 0);
	(void)rc;
}

static void fd_lower(const struct inbox *in)
{
	eventfd_t was = 0;
	int rc = eventfd_read(in->fd, &was);

	assert(rc == 0);
	(void)rc;
}

struct inbox *inbox_new(size_t capacity, void (*free_item)(void *item))
{
	struct inbox *in = xcalloc(1, sizeof(*in));

	assert(capacity > 0);
	in->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (in->fd < 0 || pthread_mutex_init(&in->lock, NULL) != 0 ||
		pthread_cond_init(&in->changed, NULL) != 0) {
		perror("wasmxds: inbox");
		abort();
	}
	in->items = xcalloc(capacity, sizeof(*in->items));
	in->capacity = capacity;
	in->free_item = free_item;
	return in;
}

/* Needs the lock, and an item. */
static void *take_first(struct inbox *in)
{
	void *item = in->items[in->first];

	in->first = (in->first + 1) % in->capacity;
	in->n--;
	if (in->n == 0 && !in->closed)
		fd_lower(in);
	return item;
}

void inbox_free(struct inbox *in)
{
	if (!in)
		return;
	while (in->n > 0)
		in->free_item(take_first(in));
	pthread_cond_destroy(&in->changed);
	pthread_mutex_destroy(&in->lock);
	close(in->fd);
	free(in->items);
	free(in);
}

bool inbox_push(struct inbox *in, void *item)
{
	AUTO(unlock) pthread_mutex_t *held = lock(in);

	if (in->closed || in->n == in->capacity)
		return false;
	in->items[(in->first + in->n) % in->capacity] = item;
	in->n++;
	if (in->n == 1)
		fd_raise(in);
	pthread_cond_signal(&in->changed);
	return true;
}

void *inbox_pop(struct inbox *in)
{
	AUTO(unlock) pthread_mutex_t *held = lock(in);

	while (in->n == 0 && !in->closed)
		pthread_cond_wait(&in->changed, held);
	return in->closed ? NULL : take_first(in);
}

void *inbox_try_pop(struct inbox *in)
{
	AUTO(unlock) pthread_mutex_t *held = lock(in);

	return in->closed || in->n == 0 ? NULL : take_first(in);
}

void inbox_close(struct inbox *in)
{
	AUTO(unlock) pthread_mutex_t *held = lock(in);

	if (in->closed)
		return;
	in->closed = true;
	if (in->n == 0)
		fd_raise(in);
	pthread_cond_broadcast(&in->changed);
}

int inbox_fd(const struct inbox *in)
{
	return in->fd;
}
