/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/peers.h"

#include "tests/unit/test.h"

static const struct peers_limits limits = {.max = 2, .new_ms = 10, .idle_ms = 30, .body_ms = 20};

static void test_peers_overdue__gives_each_state_its_time(void)
{
	struct peers p = {.limits = limits};
	struct peer peer;

	peers_add(&p, &peer, 7, 100);
	CU_ASSERT_EQUAL(peer.fd, 7);
	CU_ASSERT_FALSE(peers_overdue(&p, &peer, 109));
	CU_ASSERT_TRUE(peers_overdue(&p, &peer, 110));
	peer_is_now(&peer, PEER_SENDING, 200);
	CU_ASSERT_FALSE(peers_overdue(&p, &peer, 219));
	CU_ASSERT_TRUE(peers_overdue(&p, &peer, 220));
	peer_is_now(&peer, PEER_WAITING, 300);
	CU_ASSERT_FALSE(peers_overdue(&p, &peer, 1000000));
	peer_is_now(&peer, PEER_IDLE, 400);
	CU_ASSERT_FALSE(peers_overdue(&p, &peer, 429));
	CU_ASSERT_TRUE(peers_overdue(&p, &peer, 430));
	peers_remove(&p, &peer);
	CU_ASSERT_EQUAL(p.n, 0);
}

static void test_peer_is_now__keeps_who_was_told_to_go(void)
{
	struct peer peer = {.state = PEER_GONE};

	peer_is_now(&peer, PEER_SENDING, 5);
	CU_ASSERT_EQUAL(peer.state, PEER_GONE);
}

static void test_peers_surplus__sends_away_who_owes_most(void)
{
	struct peers p = {.limits = limits};
	struct peer peers[4];

	for (int i = 0; i < 2; i++)
		peers_add(&p, &peers[i], i, i);
	CU_ASSERT_PTR_NULL(peers_surplus(&p));
	peers_add(&p, &peers[2], 2, 2);
	peers_add(&p, &peers[3], 3, 3);
	CU_ASSERT_PTR_EQUAL(peers_surplus(&p), &peers[0]);
	peer_is_now(&peers[0], PEER_IDLE, 4);
	CU_ASSERT_PTR_EQUAL(peers_surplus(&p), &peers[1]); /* new before idle */
	peer_is_now(&peers[1], PEER_GONE, 5);
	CU_ASSERT_PTR_EQUAL(peers_surplus(&p), &peers[2]);
	peer_is_now(&peers[2], PEER_IDLE, 6);
	peer_is_now(&peers[3], PEER_WAITING, 7);
	CU_ASSERT_PTR_EQUAL(peers_surplus(&p), &peers[0]); /* idle for longest */
	peer_is_now(&peers[0], PEER_SENDING, 8);
	peer_is_now(&peers[2], PEER_WAITING, 8);
	CU_ASSERT_PTR_NULL(peers_surplus(&p)); /* nobody who is being answered */
}

static void test_peers_remove__keeps_the_others(void)
{
	struct peers p = {.limits = limits};
	struct peer peers[3];

	for (int i = 0; i < 3; i++)
		peers_add(&p, &peers[i], i, i);
	peers_remove(&p, &peers[1]);
	CU_ASSERT_PTR_EQUAL(p.oldest, &peers[0]);
	CU_ASSERT_PTR_EQUAL(p.oldest->newer, &peers[2]);
	CU_ASSERT_PTR_EQUAL(p.newest->older, &peers[0]);
	peers_remove(&p, &peers[0]);
	peers_remove(&p, &peers[2]);
	CU_ASSERT_PTR_NULL(p.oldest);
	CU_ASSERT_PTR_NULL(p.newest);
}

TEST_MAIN("peers", TEST(test_peers_overdue__gives_each_state_its_time),
	TEST(test_peer_is_now__keeps_who_was_told_to_go),
	TEST(test_peers_surplus__sends_away_who_owes_most),
	TEST(test_peers_remove__keeps_the_others))
