/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "tests/unit/test.h"

union any_address {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static union any_address address(const char *text)
{
	union any_address a = {.v4 = {.sin_family = AF_INET}};

	if (inet_pton(AF_INET, text, &a.v4.sin_addr) == 1)
		return a;
	a = (union any_address){.v6 = {.sin6_family = AF_INET6}};
	CU_ASSERT_EQUAL_FATAL(inet_pton(AF_INET6, text, &a.v6.sin6_addr), 1);
	return a;
}

static bool allows(const struct guard *g, const char *text)
{
	union any_address a = address(text);
	struct err err = {0};

	if (guard_check(g, &a.sa, &err) == 0)
		return true;
	CU_ASSERT_EQUAL(err.code, ERR_DENIED);
	return false;
}

static struct cidr cidr(const char *text)
{
	struct cidr c = {0};
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(cidr_parse(&c, text, &err), 0);
	return c;
}

static void test_guard_check__lets_public_and_private_addresses_pass(void)
{
	static const char *const texts[] = {"1.1.1.1", "10.0.0.1", "172.16.0.1", "192.168.0.1",
		"100.64.0.1", "100.100.100.199", "126.255.255.255", "128.0.0.0", "169.253.255.255",
		"169.255.0.0", "223.255.255.255", "1.0.0.0", "2001:db8::1", "2606:4700::1111",
		"fd00::1", "fd00:ec1::1", "fec0::1", "::ffff:10.0.0.1", "64:ff9b::a00:1",
		"2002:a00:1::1", "fd20:ce::253"};
	static const struct guard g;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!allows(&g, texts[i]))
			printf("\n  %s\n", texts[i]);
		CU_ASSERT_TRUE(allows(&g, texts[i]));
	}
}

static const struct {
	const char *text;
	const char *words;
} refused[] = {
	{"0.0.0.0", "unspecified"},
	{"0.1.2.3", "unspecified"},
	{"127.0.0.1", "loopback"},
	{"127.255.255.255", "loopback"},
	{"169.254.0.0", "link-local"},
	{"169.254.169.254", "link-local"},
	{"169.254.255.255", "link-local"},
	{"100.100.100.200", "metadata"},
	{"192.0.0.192", "metadata"},
	{"224.0.0.1", "multicast"},
	{"239.255.255.255", "multicast"},
	{"240.0.0.1", "reserved"},
	{"255.255.255.255", "broadcast"},
	{"::", "unspecified"},
	{"::1", "loopback"},
	{"fe80::1", "link-local"},
	{"febf:ffff::1", "link-local"},
	{"fd00:ec2::254", "metadata"},
	{"fd00:ec2:ffff::1", "metadata"},
	{"fd20:ce::254", "metadata"},
	{"ff02::1", "multicast"},
	{"::ffff:169.254.169.254", "link-local"},
	{"::ffff:127.0.0.1", "loopback"},
	{"::ffff:0.0.0.0", "unspecified"},
	{"::ffff:0:169.254.169.254", "link-local"},
	{"::169.254.169.254", "link-local"},
	{"::127.0.0.1", "loopback"},
	{"64:ff9b::169.254.169.254", "link-local"},
	{"64:ff9b::7f00:1", "loopback"},
	{"64:ff9b:1::169.254.169.254", "link-local"},
	{"64:ff9b:1:2:3:4:a9fe:a9fe", "link-local"},
	{"2002:a9fe:a9fe::1", "link-local"},
	{"2002:7f00:1::", "loopback"},
	{"2001:0:4136:e378:8000:63bf:5601:5601", "link-local"},
	{"2001:db8::5efe:169.254.169.254", "link-local"},
	{"2001:db8::200:5efe:127.0.0.1", "loopback"},
	{"fe80::5efe:10.0.0.1", "link-local"},
};

static void test_guard_check__refuses_the_rest_and_says_why(void)
{
	static const struct guard g;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		union any_address a = address(refused[i].text);
		struct err err = {0};

		CU_ASSERT_EQUAL(guard_check(&g, &a.sa, &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_DENIED);
		ASSERT_HAS(err.msg, refused[i].words);
	}
}

static void test_guard_check__opens_loopback_alone_when_told(void)
{
	static const struct guard g = {.allow_loopback = true};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		CU_ASSERT_EQUAL(
			allows(&g, refused[i].text), strcmp(refused[i].words, "loopback") == 0);
}

static void test_guard_check__opens_what_a_cidr_covers(void)
{
	const struct cidr list[] = {cidr("169.254.169.254/32"), cidr("fe80::/10")};
	const struct guard g = {.allow = list, .n_allow = 2};

	CU_ASSERT_TRUE(allows(&g, "169.254.169.254"));
	CU_ASSERT_TRUE(allows(&g, "::ffff:169.254.169.254"));
	CU_ASSERT_TRUE(allows(&g, "fe80::2"));
	CU_ASSERT_FALSE(allows(&g, "169.254.169.253"));
	CU_ASSERT_FALSE(allows(&g, "fd00:ec2::254"));
	CU_ASSERT_TRUE(allows(&g, "10.0.0.1")); /* a list of what is allowed too, not of all */
}

/* Who allows all of v6 has not thereby allowed the v4 addresses that may stand in it. */
static void test_guard_check__judges_the_address_within(void)
{
	const struct cidr all = cidr("::/0");
	const struct guard allowing = {.allow = &all, .n_allow = 1};
	const struct guard denying = {.deny = &all, .n_deny = 1};

	CU_ASSERT_TRUE(allows(&allowing, "fe80::1"));
	CU_ASSERT_TRUE(allows(&allowing, "::1"));
	CU_ASSERT_FALSE(allows(&allowing, "::ffff:169.254.169.254"));
	CU_ASSERT_FALSE(allows(&allowing, "64:ff9b::169.254.169.254"));
	CU_ASSERT_FALSE(allows(&allowing, "127.0.0.1"));
	CU_ASSERT_FALSE(allows(&denying, "64:ff9b::a00:1"));
	CU_ASSERT_FALSE(allows(&denying, "2606:4700::1111"));
	CU_ASSERT_TRUE(allows(&denying, "10.0.0.1"));
}

static void test_guard_check__lets_the_longest_prefix_decide(void)
{
	const struct cidr allow[] = {cidr("10.1.0.0/16"), cidr("192.168.0.0/16")};
	const struct cidr deny[] = {cidr("0.0.0.0/0"), cidr("10.1.2.0/24"), cidr("192.168.0.0/16")};
	const struct guard g = {.allow = allow, .n_allow = 2, .deny = deny, .n_deny = 3};

	CU_ASSERT_TRUE(allows(&g, "10.1.1.1"));
	CU_ASSERT_FALSE(allows(&g, "10.1.2.1"));
	CU_ASSERT_FALSE(allows(&g, "10.2.0.1"));
	CU_ASSERT_FALSE(allows(&g, "1.1.1.1"));
	CU_ASSERT_FALSE(allows(&g, "192.168.0.1")); /* as long: no wins */
	CU_ASSERT_TRUE(allows(&g, "2606:4700::1111"));
}

static void test_guard_check__knows_ip_only(void)
{
	static const struct guard g = {.allow_loopback = true};
	struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "/run/x"};
	struct err err = {0};

	CU_ASSERT_EQUAL(guard_check(&g, (struct sockaddr *)&local, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_DENIED);
}

static void test_cidr_parse__reads_addresses_with_and_without_prefix(void)
{
	static const struct {
		const char *text;
		bool v4;
		unsigned bits;
	} table[] = {
		{"10.0.0.0/8", true, 8},
		{"10.1.2.3", true, 32},
		{"0.0.0.0/0", true, 0},
		{"10.0.0.128/25", true, 25},
		{"fd00::/8", false, 8},
		{"::1", false, 128},
		{"::/0", false, 0},
		{"2001:db8::/33", false, 33},
		{"::ffff:10.0.0.0/104", true, 8},
		{"::ffff:0:0/96", true, 0},
		{"::ffff:10.1.2.3", true, 32},
		{"::fff0:0:0/92", false, 92},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct cidr c = cidr(table[i].text);

		CU_ASSERT_EQUAL(c.v4, table[i].v4);
		CU_ASSERT_EQUAL(c.bits, table[i].bits);
	}
	CU_ASSERT_EQUAL(cidr("::ffff:10.0.0.0/104").bytes[0], 10);
}

static void test_cidr_parse__refuses_what_is_none(void)
{
	static const struct {
		const char *text;
		const char *words;
	} table[] = {
		{"", "not an IP address"},
		{"/8", "not an IP address"},
		{"10.0.0/8", "not an IP address"},
		{"10.0.0.0.0/8", "not an IP address"},
		{"a.test/8", "not an IP address"},
		{" 10.0.0.0/8", "not an IP address"},
		{"10.0.0.0/", "its prefix is"},
		{"10.0.0.0/33", "a number up to 32"},
		{"10.0.0.0/-1", "its prefix is"},
		{"10.0.0.0/+8", "its prefix is"},
		{"10.0.0.0/ 8", "its prefix is"},
		{"10.0.0.0/8x", "its prefix is"},
		{"10.0.0.0/8/8", "its prefix is"},
		{"10.0.0.0/99999999999999999999", "its prefix is"},
		{"fd00::/129", "a number up to 128"},
		{"10.0.0.1/8", "bits set behind its prefix of 8"},
		{"10.0.0.128/24", "bits set behind its prefix of 24"},
		{"10.128.0.0/8", "bits set behind its prefix of 8"},
		{"10.64.0.0/9", "bits set behind its prefix of 9"},
		{"fd00::1/127", "bits set behind its prefix of 127"},
		{"1.0.0.0/0", "bits set behind its prefix of 0"},
		{"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd/128",
			"too long"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct cidr c = {.bits = 77};
		struct err err = {0};

		CU_ASSERT_EQUAL(cidr_parse(&c, table[i].text, &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
		ASSERT_HAS(err.msg, table[i].words);
		CU_ASSERT_EQUAL(c.bits, 77);
	}
}

TEST_MAIN("guard", TEST(test_guard_check__lets_public_and_private_addresses_pass),
	TEST(test_guard_check__refuses_the_rest_and_says_why),
	TEST(test_guard_check__opens_loopback_alone_when_told),
	TEST(test_guard_check__opens_what_a_cidr_covers),
	TEST(test_guard_check__judges_the_address_within),
	TEST(test_guard_check__lets_the_longest_prefix_decide),
	TEST(test_guard_check__knows_ip_only),
	TEST(test_cidr_parse__reads_addresses_with_and_without_prefix),
	TEST(test_cidr_parse__refuses_what_is_none))
