/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/cluster.h"

#include <assert.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/xalloc.h"
#include "kube/feed.h"

#define POLL_MS 10000   /* between two looks at an object that has no watch */
#define POLL_EACH_MS 20 /* but no more such looks than one in so long */
#define REPEAT_MS 1000  /* between two failures that are reported */

/* A Secret or ConfigMap that is wanted. */
struct wanted {
	struct feed *feed; /* owned */
	unsigned users;
	bool watched; /* it has one of the watches */
};

struct cluster {
	struct source source; /* first */
	struct feed_bus bus;
	struct feed **extensions; /* owned; one, or one a namespace */
	size_t n_extensions;
	struct map wanted;     /* object_key() → struct wanted, owned */
	size_t watched;        /* of them */
	struct feed **dropped; /* owned; muted, and to be freed when no callback runs */
	size_t n_dropped;
	int64_t due;      /* ms; when a feed is */
	int64_t quiet_to; /* ms; failures before that are not reported */
};

static void wanted_free(void *p)
{
	struct wanted *w = p;

	feed_free(w->feed);
	free(w);
}

static void free_dropped(struct cluster *c)
{
	for (size_t i = 0; i < c->n_dropped; i++)
		feed_free(c->dropped[i]);
	free(STEAL(c->dropped));
	c->n_dropped = 0;
}

static void cluster_close(struct source *s)
{
	struct cluster *c = (struct cluster *)s;

	free_dropped(c);
	map_clear(&c->wanted, wanted_free);
	for (size_t i = 0; i < c->n_extensions; i++)
		feed_free(c->extensions[i]);
	free(c->extensions);
	free(c);
}

/* Starts a feed if it is due; otherwise notes when it will be.  What must wait for others to end
 * is started when they have. */
static void start_due(struct cluster *c, struct feed *f, bool one, int64_t now)
{
	int64_t due = feed_due(f);

	if (due > now)
		c->due = io_earlier(c->due, due);
	else if (!one || c->bus.lists < LIMIT_KUBE_CALLS)
		feed_start(f);
}

static int64_t poll_interval(const struct cluster *c)
{
	int64_t all = (int64_t)(c->wanted.n - c->watched) * POLL_EACH_MS;

	return all > POLL_MS ? all : POLL_MS;
}

/* Gives a watch to what has none, where one is free. */
static void look_after(struct cluster *c, struct wanted *w)
{
	if (!w->watched && c->watched < LIMIT_KUBE_OBJECT_WATCHES) {
		w->watched = true;
		c->watched++;
	}
	feed_set_interval(w->feed, w->watched ? 0 : poll_interval(c));
}

static void start_all(struct cluster *c)
{
	int64_t now = io_monotonic_ms();
	struct wanted *w = NULL;
	const char *key = NULL;
	size_t at = 0;

	if (!c->bus.moved && now < c->due)
		return;
	c->bus.moved = false;
	c->due = INT64_MAX;
	for (size_t i = 0; i < c->n_extensions; i++)
		start_due(c, c->extensions[i], false, now);
	while ((w = map_next(&c->wanted, &at, &key))) {
		look_after(c, w);
		start_due(c, w->feed, true, now);
	}
}

static void cluster_wait(struct source *s, struct pollfd *fds, nfds_t n, int64_t timeout_ms)
{
	struct cluster *c = (struct cluster *)s;
	int64_t wait = c->bus.moved ? 0 : c->due - io_monotonic_ms();

	client_wait(c->bus.client, fds, n, io_earlier(timeout_ms, wait < 0 ? 0 : wait));
}

/* While the server is down every feed fails, again and again. */
static int report(struct cluster *c, struct err *err)
{
	struct err failure = c->bus.failure;
	int64_t now = io_monotonic_ms();

	c->bus.failure.code = ERR_NONE;
	if (failure.code == ERR_NONE || now < c->quiet_to)
		return 0;
	c->quiet_to = now + REPEAT_MS;
	*err = failure;
	return -1;
}

static int cluster_step(struct source *s, source_receiver *each, void *arg, struct err *err)
{
	struct cluster *c = (struct cluster *)s;

	c->bus.each = each;
	c->bus.arg = arg;
	free_dropped(c);
	client_step(c->bus.client);
	start_all(c);
	c->bus.each = NULL;
	return report(c, err);
}

static bool cluster_complete(const struct source *s)
{
	const struct cluster *c = (const struct cluster *)s;

	for (size_t i = 0; i < c->n_extensions; i++) {
		if (!feed_synced(c->extensions[i]))
			return false;
	}
	return true;
}

static void cluster_want(
	struct source *s, enum object_kind kind, const char *namespace, const char *name)
{
	struct cluster *c = (struct cluster *)s;
	AUTO(free) char *key = object_key(kind, namespace, name);
	struct wanted *w = map_get(&c->wanted, key);

	assert(kind != OBJECT_EXTENSION);
	if (!w) {
		w = xcalloc(1, sizeof(*w));
		w->feed = feed_of_object(&c->bus, kind, namespace, name);
		(void)map_put(&c->wanted, key, w);
		c->bus.moved = true;
	}
	w->users++;
}

static void cluster_drop(
	struct source *s, enum object_kind kind, const char *namespace, const char *name)
{
	struct cluster *c = (struct cluster *)s;
	AUTO(free) char *key = object_key(kind, namespace, name);
	struct wanted *w = map_get(&c->wanted, key);

	assert(w && w->users > 0);
	if (--w->users > 0)
		return;
	feed_mute(w->feed);
	c->dropped = xreallocarray(c->dropped, c->n_dropped + 1, sizeof(struct feed *));
	c->dropped[c->n_dropped++] = w->feed;
	c->watched -= w->watched;
	c->bus.moved = true;
	(void)map_take(&c->wanted, key);
	free(w);
}

static bool cluster_knows(
	const struct source *s, enum object_kind kind, const char *namespace, const char *name)
{
	const struct cluster *c = (const struct cluster *)s;
	AUTO(free) char *key = object_key(kind, namespace, name);
	const struct wanted *w = map_get(&c->wanted, key);

	return w && feed_knows(w->feed);
}

static const struct source_methods methods = {
	.wait = cluster_wait,
	.step = cluster_step,
	.complete = cluster_complete,
	.want = cluster_want,
	.drop = cluster_drop,
	.knows = cluster_knows,
	.close = cluster_close,
};

struct source *cluster_open(struct client *client, const struct cluster_options *options)
{
	struct cluster *c = xcalloc(1, sizeof(*c));

	c->source.methods = &methods;
	c->bus.client = client;
	c->bus.moved = true;
	c->n_extensions = options->n > 0 ? options->n : 1;
	c->extensions = xcalloc(c->n_extensions, sizeof(struct feed *));
	for (size_t i = 0; i < c->n_extensions; i++)
		c->extensions[i] =
			feed_of_extensions(&c->bus, options->n > 0 ? options->namespaces[i] : NULL);
	return &c->source;
}
