/* SPDX-License-Identifier: Apache-2.0 */
#include "base/inbox.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/auto.h"
#include "tests/unit/test.h"

#define PRODUCERS 3
#define CONSUMERS 2
#define EACH 2000

static atomic_uint freed;

static void count_free(void *item)
{
	free(item);
	atomic_fetch_add(&freed, 1);
}

static int *new_item(int value)
{
	int *item = malloc(sizeof(*item));

	CU_ASSERT_PTR_NOT_NULL_FATAL(item);
	*item = value;
	return item;
}

static bool is_readable(const struct inbox *in)
{
	struct pollfd p = {.fd = inbox_fd(in), .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void test_inbox__hands_items_over_in_order(void)
{
	AUTO(inbox) struct inbox *in = inbox_new(3, count_free);

	for (int round = 0; round < 5; round++) {
		CU_ASSERT_TRUE(inbox_push(in, new_item(round)));
		CU_ASSERT_TRUE(inbox_push(in, new_item(round + 1)));
		for (int i = 0; i < 2; i++) {
			int *item = inbox_try_pop(in);

			CU_ASSERT_PTR_NOT_NULL_FATAL(item);
			CU_ASSERT_EQUAL(*item, round + i);
			free(item);
		}
	}
	CU_ASSERT_PTR_NULL(inbox_try_pop(in));
}

static void test_inbox_push__refuses_when_full_and_leaves_the_item(void)
{
	AUTO(inbox) struct inbox *in = inbox_new(1, count_free);
	int *refused = new_item(2);

	CU_ASSERT_TRUE(inbox_push(in, new_item(1)));
	CU_ASSERT_FALSE(inbox_push(in, refused));
	CU_ASSERT_EQUAL(*refused, 2);
	free(refused);
}

static void test_inbox_free__releases_what_was_never_popped(void)
{
	struct inbox *in = inbox_new(4, count_free);

	atomic_store(&freed, 0);
	CU_ASSERT_TRUE(inbox_push(in, new_item(1)));
	CU_ASSERT_TRUE(inbox_push(in, new_item(2)));
	inbox_close(in);
	inbox_free(in);
	CU_ASSERT_EQUAL(atomic_load(&freed), 2);
	inbox_free(NULL);
}

static void test_inbox_fd__is_readable_while_there_are_items(void)
{
	AUTO(inbox) struct inbox *in = inbox_new(4, count_free);

	CU_ASSERT_FALSE(is_readable(in));
	CU_ASSERT_TRUE(inbox_push(in, new_item(1)));
	CU_ASSERT_TRUE(inbox_push(in, new_item(2)));
	CU_ASSERT_TRUE(is_readable(in));
	free(inbox_pop(in));
	CU_ASSERT_TRUE(is_readable(in));
	free(inbox_pop(in));
	CU_ASSERT_FALSE(is_readable(in));
}

static void test_inbox_close__refuses_and_stays_readable(void)
{
	AUTO(inbox) struct inbox *in = inbox_new(4, count_free);
	int *late = new_item(2);

	CU_ASSERT_TRUE(inbox_push(in, new_item(1)));
	inbox_close(in);
	inbox_close(in);
	CU_ASSERT_FALSE(inbox_push(in, late));
	free(late);
	CU_ASSERT_PTR_NULL(inbox_pop(in));
	CU_ASSERT_PTR_NULL(inbox_try_pop(in));
	CU_ASSERT_TRUE(is_readable(in));
}

static void *wait_for_close(void *arg)
{
	return inbox_pop(arg);
}

static void test_inbox_close__wakes_every_waiter(void)
{
	AUTO(inbox) struct inbox *in = inbox_new(4, count_free);
	pthread_t threads[4];

	for (size_t i = 0; i < 4; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, wait_for_close, in), 0);
	inbox_close(in);
	for (size_t i = 0; i < 4; i++) {
		void *got = in;

		pthread_join(threads[i], &got);
		CU_ASSERT_PTR_NULL(got);
	}
	CU_ASSERT_TRUE(is_readable(in));
}

struct exchange {
	struct inbox *in;
	atomic_llong sum;
	atomic_uint popped;
};

static void *produce(void *arg)
{
	struct exchange *x = arg;

	for (int i = 1; i <= EACH; i++) {
		int *item = malloc(sizeof(*item));

		*item = i;
		while (!inbox_push(x->in, item))
			sched_yield();
	}
	return NULL;
}

/* The last item of all closes the inbox, and so ends the other consumers. */
static void *consume(void *arg)
{
	struct exchange *x = arg;
	int *item = NULL;

	while ((item = inbox_pop(x->in))) {
		atomic_fetch_add(&x->sum, *item);
		free(item);
		if (atomic_fetch_add(&x->popped, 1) + 1 == PRODUCERS * EACH)
			inbox_close(x->in);
	}
	return NULL;
}

static void test_inbox__loses_and_doubles_nothing_between_threads(void)
{
	struct exchange x = {.in = inbox_new(16, count_free)};
	pthread_t threads[PRODUCERS + CONSUMERS];

	for (size_t i = 0; i < PRODUCERS + CONSUMERS; i++)
		CU_ASSERT_EQUAL_FATAL(
			pthread_create(&threads[i], NULL, i < PRODUCERS ? produce : consume, &x),
			0);
	for (size_t i = 0; i < PRODUCERS + CONSUMERS; i++)
		pthread_join(threads[i], NULL);
	CU_ASSERT_EQUAL(atomic_load(&x.popped), PRODUCERS * EACH);
	CU_ASSERT_EQUAL(atomic_load(&x.sum), (long long)PRODUCERS * EACH * (EACH + 1) / 2);
	inbox_free(x.in);
}

TEST_MAIN("inbox", TEST(test_inbox__hands_items_over_in_order),
	TEST(test_inbox_push__refuses_when_full_and_leaves_the_item),
	TEST(test_inbox_free__releases_what_was_never_popped),
	TEST(test_inbox_fd__is_readable_while_there_are_items),
	TEST(test_inbox_close__refuses_and_stays_readable),
	TEST(test_inbox_close__wakes_every_waiter),
	TEST(test_inbox__loses_and_doubles_nothing_between_threads))
