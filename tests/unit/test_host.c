/* SPDX-License-Identifier: Apache-2.0 */
#include "base/host.h"

#include <arpa/inet.h>

#include "tests/unit/test.h"

static void test_host_is_name__takes_dns_names(void)
{
	static const char *const good[] = {"a", "example.com", "10.0.0.1", "a_b.c-d.E"};
	static const char *const bad[] = {
		"", ".", "a.", ".a", "a..b", "-a", "a-", "a b", "a/b", "é"};
	char label[65];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CU_ASSERT_TRUE(host_is_name(good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_FALSE(host_is_name(bad[i], strlen(bad[i])));
	memset(label, 'a', 64);
	label[64] = '\0';
	CU_ASSERT_FALSE(host_is_name(label, 64));
	label[63] = '\0';
	CU_ASSERT_TRUE(host_is_name(label, 63));
}

static void test_host_is_name__reads_no_further_than_asked(void)
{
	CU_ASSERT_TRUE(host_is_name("example.com", 7));
	CU_ASSERT_FALSE(host_is_name("example.com", 8));
}

static void test_host_read_ipv6__wants_brackets_and_an_address(void)
{
	static const char *const bad[] = {
		"", "[]", "[:]", "::1", "[::1", "::1]", "[::g]", "[1.2.3.4]"};
	struct in6_addr address;

	CU_ASSERT_TRUE(host_read_ipv6(&address, "[::1]", 5));
	CU_ASSERT_TRUE(IN6_IS_ADDR_LOOPBACK(&address));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_FALSE(host_read_ipv6(&address, bad[i], strlen(bad[i])));
}

TEST_MAIN("host", TEST(test_host_is_name__takes_dns_names),
	TEST(test_host_is_name__reads_no_further_than_asked),
	TEST(test_host_read_ipv6__wants_brackets_and_an_address))
