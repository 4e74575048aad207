/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/lease.h"

#include <stddef.h>

#define MARGIN ((time_t)300) /* seconds before its end that a value is renewed */
#define FAILURE_HOLDS 5      /* seconds */

void lease_init(struct lease *l, const struct lease_kind *kind)
{
	*l = (struct lease){.kind = kind};
	(void)pthread_mutex_init(&l->lock, NULL);
	(void)pthread_cond_init(&l->done, NULL);
}

void lease_clear(struct lease *l)
{
	if (l->value)
		l->kind->free(l->value);
	l->value = NULL;
	(void)pthread_cond_destroy(&l->done);
	(void)pthread_mutex_destroy(&l->lock);
}

static bool holds(time_t until, time_t now)
{
	return until == LEASE_FOR_EVER || now < until;
}

enum lease_step lease_judge(const struct lease *l, time_t now)
{
	bool alive = l->value && holds(l->terms.expires, now);

	if (alive && (l->busy || now < l->failed_until || holds(l->terms.fresh_until, now)))
		return LEASE_USE;
	if (l->busy)
		return LEASE_WAIT;
	return now < l->failed_until ? LEASE_FAIL : LEASE_RENEW;
}

struct lease_terms lease_terms_until(time_t expires, time_t now)
{
	time_t margin = (expires - now) / 2;

	if (margin > MARGIN)
		margin = MARGIN;
	return (struct lease_terms){.fresh_until = expires - margin, .expires = expires};
}

/* Called with the lock held, and returns with it held. */
static enum lease_step renew(struct lease *l, void *arg)
{
	struct lease_terms terms = {0};
	struct err failed = {0};

	l->busy = true;
	(void)pthread_mutex_unlock(&l->lock);
	void *value = l->kind->get(arg, &terms, &failed);
	(void)pthread_mutex_lock(&l->lock);
	l->busy = false;
	(void)pthread_cond_broadcast(&l->done);
	if (!value) {
		l->failed = failed;
		l->failed_until = time(NULL) + FAILURE_HOLDS;
		return lease_judge(l, time(NULL));
	}
	if (l->value)
		l->kind->free(l->value);
	l->value = value;
	l->terms = terms;
	l->failed_until = 0;
	return LEASE_USE; /* also where its clock says that it is over: who gave it should know */
}

int lease_get(struct lease *l, void *arg, void *out, struct err *err)
{
	enum lease_step step;

	(void)pthread_mutex_lock(&l->lock);
	while ((step = lease_judge(l, time(NULL))) == LEASE_WAIT)
		(void)pthread_cond_wait(&l->done, &l->lock);
	if (step == LEASE_RENEW)
		step = renew(l, arg);
	if (step == LEASE_USE)
		l->kind->copy(out, l->value);
	else
		*err = l->failed;
	(void)pthread_mutex_unlock(&l->lock);
	return step == LEASE_USE ? 0 : -1;
}
