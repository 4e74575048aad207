/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/hop.h"

#include "tests/unit/test.h"

static void test_hop_curl_verdict__retries_what_the_network_did(void)
{
	CU_ASSERT_EQUAL(hop_curl_verdict(CURLE_OK), ERR_NONE);
	CU_ASSERT_EQUAL(hop_curl_verdict(CURLE_URL_MALFORMAT), ERR_INVALID);
	CU_ASSERT_EQUAL(hop_curl_verdict(CURLE_UNSUPPORTED_PROTOCOL), ERR_INVALID);
	CU_ASSERT_EQUAL(hop_curl_verdict(CURLE_COULDNT_RESOLVE_HOST), ERR_TRANSIENT);
	CU_ASSERT_EQUAL(hop_curl_verdict(CURLE_PARTIAL_FILE), ERR_TRANSIENT);
	CU_ASSERT_EQUAL(hop_curl_verdict(CURLE_PEER_FAILED_VERIFICATION), ERR_TRANSIENT);
	CU_ASSERT_EQUAL(hop_curl_verdict(CURLE_OPERATION_TIMEDOUT), ERR_TRANSIENT);
}

static void test_hop_accepts__takes_200_alone_unless_told(void)
{
	static const long listed[] = {201, 401, 0};
	struct exchange_request request = {0};

	CU_ASSERT_TRUE(hop_accepts(&request, 200));
	CU_ASSERT_FALSE(hop_accepts(&request, 201));
	CU_ASSERT_FALSE(hop_accepts(&request, 0));
	request.accept = listed;
	CU_ASSERT_TRUE(hop_accepts(&request, 201));
	CU_ASSERT_TRUE(hop_accepts(&request, 401));
	CU_ASSERT_FALSE(hop_accepts(&request, 200));
	CU_ASSERT_FALSE(hop_accepts(&request, 0));
}

static void test_hop_is_ranged__needs_bytes_and_a_way_to_tell_them(void)
{
	struct sink sink = {.size = 5};
	struct exchange_request request = {.sink = &sink};
	struct resume resume = {.possible = true};
	struct hop hop = {.request = &request, .resume = &resume};

	CU_ASSERT_TRUE(hop_is_ranged(&hop));
	sink.size = 0;
	CU_ASSERT_FALSE(hop_is_ranged(&hop));
	sink.size = 5;
	resume.possible = false;
	CU_ASSERT_FALSE(hop_is_ranged(&hop));
	resume.possible = true;
	request.sink = NULL;
	CU_ASSERT_FALSE(hop_is_ranged(&hop));
}

TEST_MAIN("hop", TEST(test_hop_curl_verdict__retries_what_the_network_did),
	TEST(test_hop_accepts__takes_200_alone_unless_told),
	TEST(test_hop_is_ranged__needs_bytes_and_a_way_to_tell_them))
