/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/resolver.h"

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/xalloc.h"
#include "fetch/host_slots.h"
#include "webhook/findings.h"
#include "webhook/look_up.h"

#define HOST_SHARE 4 /* one host has this part of the threads */
#define LOOK_SHARE 2 /* a look at a module whose digest is known, this part of the budget */

/* One look-up, and the questions that wait for it. */
struct flight {
	struct host_turn turn; /* first, so that one is the other */
	char *key;             /* owned */
	char *uri;             /* owned */
	enum fetch_source source;
	bool wants_module;
	struct finding known; /* the digest, which is known already; ERR_TRANSIENT: it is not */
	int64_t deadline_ms;
	struct resolver_question *questions; /* borrowed; the list of them */
};

struct resolver {
	struct resolver_options options;
	atomic_bool stopping;
	pthread_t *threads; /* owned */
	int n_threads;
	pthread_mutex_t lock;
	pthread_cond_t ready; /* a flight may start, or the resolver stops */

	/* guarded by lock */
	struct host_slots slots;
	struct map flights; /* by key, owned: those that wait or run */
	struct findings findings;
	struct resolver_counts counts;
};

/* Only registries and stores name a digest without its module. */
static bool looks(const struct resolver *r, const struct resolver_question *q)
{
	bool is_stated = q->source == FETCH_OCI || q->source == FETCH_S3;

	return is_stated && q->wants_module && r->options.module_max > 0;
}

static char *key_of(enum fetch_source source, const char *uri, bool look)
{
	return xasprintf("%d%s%s", (int)source, look ? "+" : " ", uri);
}

/* A write of one extension asks for both, and waits for one budget and a half at most. */
static struct flight *flight_new(struct resolver *r, const struct resolver_question *q)
{
	struct flight *f = xcalloc(1, sizeof(*f));
	AUTO(free) char *plain = key_of(q->source, q->uri, false);
	int64_t now = io_monotonic_ms();

	f->wants_module = looks(r, q);
	f->key = key_of(q->source, q->uri, f->wants_module);
	f->uri = xstrdup(q->uri);
	f->source = q->source;
	f->known.err.code = ERR_TRANSIENT;
	f->deadline_ms = now + r->options.budget_ms;
	if (f->wants_module && findings_get(&r->findings, plain, now, &f->known) &&
		f->known.err.code == ERR_NONE)
		f->deadline_ms = now + r->options.budget_ms / LOOK_SHARE;
	return f;
}

static void flight_free(struct flight *f)
{
	free(f->key);
	free(f->uri);
	free(f);
}

static void answer_all(struct resolver_question *questions, const struct finding *found)
{
	while (questions) {
		struct resolver_question *q = questions;

		questions = q->next;
		q->answer(q, found);
	}
}

/* Returns the next flight, which has a slot of its host, or NULL when the resolver stops. */
static struct flight *take_flight(struct resolver *r)
{
	struct host_turn *turn = NULL;
	int64_t never;

	pthread_mutex_lock(&r->lock);
	while (!atomic_load(&r->stopping) && !(turn = host_slots_next(&r->slots, 0, &never)))
		pthread_cond_wait(&r->ready, &r->lock);
	pthread_mutex_unlock(&r->lock);
	return (struct flight *)turn;
}

static void fly(const struct resolver *r, const struct flight *f, struct finding *found)
{
	const struct look_up request = {
		.options = &r->options.fetch,
		.source = f->source,
		.uri = f->uri,
		.hash_max = r->options.hash_max,
		.wants_module = f->wants_module,
		.module_max = r->options.module_max,
		.deadline_ms = f->deadline_ms,
	};

	if (io_monotonic_ms() < f->deadline_ms)
		look_up(found, &request);
	else
		(void)err_set(&found->err, ERR_TRANSIENT, "its turn did not come in time");
}

/* Returns whether it came too late for a look, and what was known before is the answer. */
static bool is_late(const struct flight *f, const struct finding *found)
{
	return found->err.code == ERR_TRANSIENT && f->known.err.code == ERR_NONE;
}

/* What was looked at answers both kinds of questions. */
static void remember(struct resolver *r, const struct flight *f, const struct finding *found)
{
	int64_t now = io_monotonic_ms();
	AUTO(free) char *plain = key_of(f->source, f->uri, false);

	r->counts.by_code[found->err.code]++;
	if (is_late(f, found))
		return;
	findings_put(&r->findings, f->key, found, now);
	if (f->wants_module)
		findings_put(&r->findings, plain, found, now);
}

/* From here on nobody joins the flight, and its host's slot is another's. */
static void land(struct resolver *r, struct flight *f, const struct finding *found)
{
	const struct host_end end = {.answered = true}; /* findings remember what failed */
	int64_t never;

	pthread_mutex_lock(&r->lock);
	(void)map_take(&r->flights, f->key);
	(void)host_slots_give_back(&r->slots, &f->turn, &end, &never);
	remember(r, f, found);
	pthread_cond_signal(&r->ready);
	pthread_mutex_unlock(&r->lock);
}

/* As fetch/pool.c does, and why. */
static void give_back_memory(struct resolver *r)
{
	pthread_mutex_lock(&r->lock);
	bool idle = r->flights.n == 0;
	pthread_mutex_unlock(&r->lock);
	if (idle)
		(void)malloc_trim(0);
}

static void *work(void *arg)
{
	struct resolver *r = arg;
	struct flight *f;

	while ((f = take_flight(r))) {
		struct finding found = {.err = {.code = ERR_NONE}};

		fly(r, f, &found);
		land(r, f, &found);
		answer_all(f->questions, is_late(f, &found) ? &f->known : &found);
		flight_free(f);
		give_back_memory(r);
	}
	return NULL;
}

struct resolver *resolver_start(const struct resolver_options *options, struct err *err)
{
	assert(options->workers > 0 && options->workers <= LIMIT_FETCH_WORKERS);
	const struct host_rules rules = {.each = (options->workers + HOST_SHARE - 1) / HOST_SHARE};
	struct resolver *r = xcalloc(1, sizeof(*r));

	r->options = *options;
	r->options.fetch.stop = &r->stopping;
	(void)pthread_mutex_init(&r->lock, NULL);
	(void)pthread_cond_init(&r->ready, NULL);
	host_slots_init(&r->slots, &rules);
	findings_init(&r->findings, LIMIT_WEBHOOK_FINDINGS, options->good_ms, options->bad_ms);
	r->threads = xcalloc((size_t)options->workers, sizeof(*r->threads));
	for (; r->n_threads < options->workers; r->n_threads++) {
		int rc = pthread_create(&r->threads[r->n_threads], NULL, work, r);
		if (rc != 0) {
			errno = rc;
			(void)err_errno(err, ERR_TRANSIENT, "starting resolver %d of %d",
				r->n_threads + 1, options->workers);
			resolver_stop(r);
			return NULL;
		}
	}
	return r;
}

void resolver_stop(struct resolver *r)
{
	struct finding stopped = {.err = {.code = ERR_NONE}};
	const char *key = NULL;
	struct flight *f;
	size_t at = 0;

	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	atomic_store(&r->stopping, true);
	pthread_cond_broadcast(&r->ready);
	pthread_mutex_unlock(&r->lock);
	for (int i = 0; i < r->n_threads; i++)
		(void)pthread_join(r->threads[i], NULL);
	host_slots_clear(&r->slots);
	(void)err_set(&stopped.err, ERR_TRANSIENT, "the webhook stops");
	while ((f = map_next(&r->flights, &at, &key))) {
		answer_all(f->questions, &stopped);
		flight_free(f);
	}
	map_clear(&r->flights, NULL);
	findings_clear(&r->findings);
	(void)pthread_cond_destroy(&r->ready);
	(void)pthread_mutex_destroy(&r->lock);
	free(r->threads);
	free(r);
}

/* Where no digest was to be had, there is no module to look at either: whoever wants one does not
 * wait for that once more, behind who wanted the digest. */
static bool recall(struct resolver *r, const struct resolver_question *q, struct finding *out)
{
	bool look = looks(r, q);
	int64_t now = io_monotonic_ms();
	AUTO(free) char *key = key_of(q->source, q->uri, look);
	AUTO(free) char *plain = key_of(q->source, q->uri, false);
	bool known = findings_get(&r->findings, key, now, out);

	if (!known && look)
		known = findings_get(&r->findings, plain, now, out) && out->err.code != ERR_NONE;
	if (known)
		r->counts.cached++;
	return known;
}

bool resolver_peek(struct resolver *r, const struct resolver_question *q, struct finding *out)
{
	pthread_mutex_lock(&r->lock);
	bool known = recall(r, q, out);
	pthread_mutex_unlock(&r->lock);
	return known;
}

/* Lets q wait for the flight of its key, which is a new one where there is none. */
static void join(struct resolver *r, struct resolver_question *q)
{
	AUTO(free) char *key = key_of(q->source, q->uri, looks(r, q));
	struct flight *f = map_get(&r->flights, key);

	if (!f) {
		AUTO(free) char *host = fetch_host(q->source, q->uri);

		f = flight_new(r, q);
		(void)map_put(&r->flights, f->key, f);
		(void)host_slots_wait(&r->slots, host, &f->turn, 0);
		pthread_cond_signal(&r->ready);
	}
	q->next = f->questions;
	f->questions = q;
}

void resolver_ask(struct resolver *r, struct resolver_question *q)
{
	struct finding known;

	pthread_mutex_lock(&r->lock);
	bool is_known = recall(r, q, &known);
	if (!is_known)
		join(r, q);
	pthread_mutex_unlock(&r->lock);
	if (is_known)
		q->answer(q, &known);
}

void resolver_count(struct resolver *r, struct resolver_counts *out)
{
	pthread_mutex_lock(&r->lock);
	*out = r->counts;
	pthread_mutex_unlock(&r->lock);
}
