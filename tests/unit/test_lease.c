/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/lease.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

#define THREADS 8

/* What a lease is over: a number that counts how often it was got. */
struct source {
	atomic_int gets;
	bool fails;
	struct lease_terms terms;
	sem_t *entered; /* posted when the value is being got; NULL: not */
	sem_t *leave;   /* waited for then */
};

static void *get_number(void *arg, struct lease_terms *terms, struct err *err)
{
	struct source *s = arg;
	int *number;

	if (s->entered) {
		(void)sem_post(s->entered);
		(void)sem_wait(s->leave);
	}
	int n = atomic_fetch_add(&s->gets, 1) + 1;

	if (s->fails) {
		(void)err_set(err, ERR_DENIED, "failure %d", n);
		return NULL;
	}
	number = xmalloc(sizeof(*number));
	*number = n;
	*terms = s->terms;
	return number;
}

static void copy_number(void *out, const void *value)
{
	*(int *)out = *(const int *)value;
}

static const struct lease_kind kind = {.get = get_number, .copy = copy_number, .free = free};

static void auto_lease(struct lease *l)
{
	lease_clear(l);
}

static void test_lease_get__keeps_what_holds_for_ever(void)
{
	AUTO(lease) struct lease l;
	struct source s = {0};
	struct err err = {0};
	int out = 0;

	lease_init(&l, &kind);
	CU_ASSERT_EQUAL(lease_get(&l, &s, &out, &err), 0);
	CU_ASSERT_EQUAL(lease_get(&l, &s, &out, &err), 0);
	CU_ASSERT_EQUAL(out, 1);
	CU_ASSERT_EQUAL(s.gets, 1);
}

static void test_lease_get__renews_what_is_not_fresh(void)
{
	AUTO(lease) struct lease l;
	struct source s = {.terms = {.fresh_until = 1, .expires = time(NULL) + 60}};
	struct err err = {0};
	int out = 0;

	lease_init(&l, &kind);
	CU_ASSERT_EQUAL(lease_get(&l, &s, &out, &err), 0);
	CU_ASSERT_EQUAL(lease_get(&l, &s, &out, &err), 0);
	CU_ASSERT_EQUAL(out, 2);
}

static void test_lease_get__gives_what_had_expired_when_it_came(void)
{
	AUTO(lease) struct lease l;
	struct source s = {.terms = {.fresh_until = 1, .expires = 1}};
	struct err err = {0};
	int out = 0;

	lease_init(&l, &kind);
	CU_ASSERT_EQUAL(lease_get(&l, &s, &out, &err), 0);
	CU_ASSERT_EQUAL(out, 1);
}

static void test_lease_get__remembers_a_failure_for_a_moment(void)
{
	AUTO(lease) struct lease l;
	struct source s = {.fails = true};
	struct err err = {0};
	int out = 0;

	lease_init(&l, &kind);
	CU_ASSERT_EQUAL(lease_get(&l, &s, &out, &err), -1);
	CU_ASSERT_EQUAL(lease_get(&l, &s, &out, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_DENIED);
	CU_ASSERT_STRING_EQUAL(err.msg, "failure 1");
	l.failed_until = 0;
	s.fails = false;
	CU_ASSERT_EQUAL(lease_get(&l, &s, &out, &err), 0);
	CU_ASSERT_EQUAL(out, 2);
}

static void test_lease_get__falls_back_on_the_old_while_it_holds(void)
{
	AUTO(lease) struct lease l;
	struct source s = {.terms = {.fresh_until = 1, .expires = time(NULL) + 60}};
	struct err err = {0};
	int out = 0;

	lease_init(&l, &kind);
	CU_ASSERT_EQUAL(lease_get(&l, &s, &out, &err), 0);
	s.fails = true;
	CU_ASSERT_EQUAL(lease_get(&l, &s, &out, &err), 0);
	CU_ASSERT_EQUAL(out, 1);
	CU_ASSERT_EQUAL(s.gets, 2);
}

struct caller {
	struct lease *lease;
	struct source *source;
	int out;
	int rc;
};

static void *call(void *arg)
{
	struct caller *c = arg;
	struct err err;

	c->rc = lease_get(c->lease, c->source, &c->out, &err);
	return NULL;
}

static void test_lease_get__is_got_once_for_all_threads(void)
{
	AUTO(lease) struct lease l;
	sem_t entered;
	sem_t leave;
	struct source s = {.entered = &entered, .leave = &leave};
	struct caller callers[THREADS];
	pthread_t threads[THREADS];

	(void)sem_init(&entered, 0, 0);
	(void)sem_init(&leave, 0, 0);
	lease_init(&l, &kind);
	for (int i = 0; i < THREADS; i++) {
		callers[i] = (struct caller){.lease = &l, .source = &s, .rc = -1};
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, call, &callers[i]), 0);
	}
	(void)sem_wait(&entered);
	(void)sem_post(&leave);
	for (int i = 0; i < THREADS; i++) {
		(void)pthread_join(threads[i], NULL);
		CU_ASSERT_EQUAL(callers[i].rc, 0);
		CU_ASSERT_EQUAL(callers[i].out, 1);
	}
	CU_ASSERT_EQUAL(s.gets, 1);
	(void)sem_destroy(&entered);
	(void)sem_destroy(&leave);
}

static void test_lease_get__uses_the_old_while_another_renews(void)
{
	AUTO(lease) struct lease l;
	sem_t entered;
	sem_t leave;
	struct source first = {.terms = {.fresh_until = 1, .expires = time(NULL) + 60}};
	struct source slow = {.gets = 6, .entered = &entered, .leave = &leave};
	struct caller renewer = {.lease = &l, .source = &slow};
	pthread_t thread;
	struct err err = {0};
	int out = 0;

	(void)sem_init(&entered, 0, 0);
	(void)sem_init(&leave, 0, 0);
	lease_init(&l, &kind);
	CU_ASSERT_EQUAL(lease_get(&l, &first, &out, &err), 0);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, call, &renewer), 0);
	(void)sem_wait(&entered);
	CU_ASSERT_EQUAL(lease_get(&l, &first, &out, &err), 0);
	CU_ASSERT_EQUAL(out, 1);
	(void)sem_post(&leave);
	(void)pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(renewer.out, 7);
	(void)sem_destroy(&entered);
	(void)sem_destroy(&leave);
}

static void test_lease_judge__goes_by_the_time(void)
{
	int value = 1;
	const struct {
		struct lease l;
		enum lease_step want;
	} cases[] = {
		{{.value = NULL}, LEASE_RENEW},
		{{.value = NULL, .busy = true}, LEASE_WAIT},
		{{.value = NULL, .failed_until = 101}, LEASE_FAIL},
		{{.value = NULL, .failed_until = 100}, LEASE_RENEW},
		{{.value = &value}, LEASE_USE},
		{{.value = &value, .terms = {101, 200}}, LEASE_USE},
		{{.value = &value, .terms = {100, 200}}, LEASE_RENEW},
		{{.value = &value, .terms = {100, 200}, .busy = true}, LEASE_USE},
		{{.value = &value, .terms = {100, 200}, .failed_until = 101}, LEASE_USE},
		{{.value = &value, .terms = {50, 100}}, LEASE_RENEW},
		{{.value = &value, .terms = {50, 100}, .busy = true}, LEASE_WAIT},
		{{.value = &value, .terms = {50, 100}, .failed_until = 101}, LEASE_FAIL},
		{{.value = &value, .terms = {100, LEASE_FOR_EVER}}, LEASE_RENEW},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CU_ASSERT_EQUAL(lease_judge(&cases[i].l, 100), cases[i].want);
}

static void test_lease_terms_until__leaves_a_margin(void)
{
	struct lease_terms t = lease_terms_until(10000, 0);

	CU_ASSERT_EQUAL(t.fresh_until, 9700);
	CU_ASSERT_EQUAL(t.expires, 10000);
	CU_ASSERT_EQUAL(lease_terms_until(600, 0).fresh_until, 300);
	CU_ASSERT_EQUAL(lease_terms_until(100, 0).fresh_until, 50);
}

TEST_MAIN("lease", TEST(test_lease_get__keeps_what_holds_for_ever),
	TEST(test_lease_get__renews_what_is_not_fresh),
	TEST(test_lease_get__gives_what_had_expired_when_it_came),
	TEST(test_lease_get__remembers_a_failure_for_a_moment),
	TEST(test_lease_get__falls_back_on_the_old_while_it_holds),
	TEST(test_lease_get__is_got_once_for_all_threads),
	TEST(test_lease_get__uses_the_old_while_another_renews),
	TEST(test_lease_judge__goes_by_the_time), TEST(test_lease_terms_until__leaves_a_margin))
