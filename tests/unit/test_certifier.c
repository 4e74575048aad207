/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/certifier.h"

#include <semaphore.h>

#include "base/auto.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/test.h"

/* What the steps do, one after the other. */
struct script {
	struct fixture_tls tls;
	int steps;
	int fail_first; /* so many of them */
	sem_t done;
};

static int64_t step(void *arg, struct identity *id, struct err *err)
{
	struct script *s = arg;
	int64_t wait_ms = -1;

	if (s->steps++ < s->fail_first)
		(void)err_set(err, ERR_TRANSIENT, "not yet");
	else if (identity_set(id, s->tls.certificate, s->tls.key, err) == 0)
		wait_ms = 1;
	(void)sem_post(&s->done);
	return wait_ms;
}

static void run(struct script *s, int steps, bool ready, const char *why)
{
	struct identity *id = identity_new();
	struct err err = {.code = ERR_NONE};
	struct certifier *k;

	fixture_tls_init(&s->tls);
	(void)sem_init(&s->done, 0, 0);
	k = certifier_start(id, step, s, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(k);
	while (steps-- > 0)
		(void)sem_wait(&s->done);
	/* The last step is noted before the next begins. */
	if (ready)
		(void)sem_wait(&s->done);
	CU_ASSERT_EQUAL(certifier_ready(k, &err), ready);
	if (!ready)
		CU_ASSERT_TRUE(strstr(err.msg, why) != NULL || strstr(err.msg, "on its way"));
	certifier_stop(k);
	identity_free(id);
	fixture_tls_clear(&s->tls);
	(void)sem_destroy(&s->done);
}

static void test_certifier__is_ready_once_a_step_succeeded(void)
{
	run(&(struct script){.fail_first = 0}, 3, true, "");
}

static void test_certifier__tries_again(void)
{
	run(&(struct script){.fail_first = 1}, 2, true, "");
}

static void test_certifier__says_why_it_is_not_ready(void)
{
	run(&(struct script){.fail_first = 1000}, 1, false, "not yet");
}

TEST_MAIN("certifier", TEST(test_certifier__is_ready_once_a_step_succeeded),
	TEST(test_certifier__tries_again), TEST(test_certifier__says_why_it_is_not_ready))
