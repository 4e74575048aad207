/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/doorman.h"

#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/test.h"

/* Returns what the other end of fd sees next: 0 is the end. */
static ssize_t next_byte(int fd)
{
	char byte;

	return recv(fd, &byte, 1, 0);
}

static void open_pair(int pair[2])
{
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
}

static void close_pair(const int pair[2])
{
	(void)close(pair[0]);
	(void)close(pair[1]);
}

static void test_doorman__shows_out_who_is_slow(void)
{
	const struct peers_limits limits = {
		.max = 10, .new_ms = 1, .idle_ms = 60000, .body_ms = 60000};
	struct err err;
	struct doorman *d = doorman_start(&limits, &err);
	struct peer slow;
	struct peer quick;
	int slow_pair[2];
	int quick_pair[2];

	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	open_pair(slow_pair);
	open_pair(quick_pair);
	doorman_enter(d, &quick, quick_pair[0]);
	doorman_note(d, &quick, PEER_IDLE);
	doorman_enter(d, &slow, slow_pair[0]);
	CU_ASSERT_EQUAL(next_byte(slow_pair[1]), 0);
	CU_ASSERT_EQUAL(doorman_evicted(d), 1);
	CU_ASSERT_EQUAL(doorman_inside(d), 2);
	CU_ASSERT_EQUAL(send(quick_pair[0], "x", 1, MSG_NOSIGNAL), 1);
	CU_ASSERT_EQUAL(next_byte(quick_pair[1]), 1);
	doorman_leave(d, &slow);
	doorman_leave(d, &quick);
	CU_ASSERT_EQUAL(doorman_inside(d), 0);
	doorman_stop(d);
	close_pair(slow_pair);
	close_pair(quick_pair);
}

static void test_doorman__makes_room(void)
{
	const struct peers_limits limits = {
		.max = 1, .new_ms = 60000, .idle_ms = 60000, .body_ms = 60000};
	struct err err;
	struct doorman *d = doorman_start(&limits, &err);
	struct peer peers[2];
	int pairs[2][2];

	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	for (int i = 0; i < 2; i++) {
		open_pair(pairs[i]);
		doorman_enter(d, &peers[i], pairs[i][0]);
	}
	CU_ASSERT_EQUAL(next_byte(pairs[0][1]), 0);
	CU_ASSERT_EQUAL(doorman_evicted(d), 1);
	for (int i = 0; i < 2; i++) {
		doorman_leave(d, &peers[i]);
		close_pair(pairs[i]);
	}
	doorman_stop(d);
}

TEST_MAIN("doorman", TEST(test_doorman__shows_out_who_is_slow), TEST(test_doorman__makes_room))
