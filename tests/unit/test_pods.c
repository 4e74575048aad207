/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/pods.h"

#include "base/auto.h"
#include "base/limits.h"
#include "tests/unit/test.h"

static void test_pods_check__takes_host_and_port(void)
{
	static const char *const good[] = {"xds:8611", "http://xds-admin.mesh.svc:8611",
		"10.0.0.7:80", "[::1]:8611", "http://[fd00::7]:65535"};
	struct err err;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CU_ASSERT_EQUAL(pods_check(good[i], &err), 0);
}

static void test_pods_check__refuses_all_else(void)
{
	static const char *const bad[] = {"", "xds", ":8611", "xds:", "xds:0", "xds:65536",
		"xds:-1", "xds: 80", "xds:80/", "https://xds:8611", "::1:8611", "[::1]8611",
		"[x]:80", "a b:80", "http://:80", "user@xds:80", "xds:http"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = {.code = ERR_NONE};

		CU_ASSERT_EQUAL(pods_check(bad[i], &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
		ASSERT_HAS(err.msg, "must be HOST:PORT");
	}
}

static void assert_found(const char *admin, const char *want)
{
	AUTO(pods) struct pods pods = {0};
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(pods_find(&pods, admin, &err), 0);
	CU_ASSERT_STRING_EQUAL(err.msg, "");
	CU_ASSERT_EQUAL_FATAL(pods.n, 1);
	CU_ASSERT_STRING_EQUAL(pods.urls[0], want);
}

static void test_pods_find__gives_addresses(void)
{
	assert_found("127.0.0.1:8611", "http://127.0.0.1:8611");
	assert_found("http://127.0.0.1:8611", "http://127.0.0.1:8611");
	assert_found("[::1]:8611", "http://[::1]:8611");
}

static void test_pods_find__asks_nobody_twice(void)
{
	AUTO(pods) struct pods pods = {0};
	struct err err;

	CU_ASSERT_EQUAL(pods_find(&pods, "127.0.0.1:8611", &err), 0);
	CU_ASSERT_EQUAL(pods_find(&pods, "127.0.0.1:8611", &err), 0);
	CU_ASSERT_EQUAL(pods_find(&pods, "127.0.0.1:8612", &err), 0);
	CU_ASSERT_EQUAL(pods.n, 2);
}

static void test_pods_find__stops_at_its_ceiling(void)
{
	AUTO(pods) struct pods pods = {0};
	struct err err = {.code = ERR_NONE};
	char admin[32];

	for (int i = 0; i < LIMIT_SURVEY_PODS; i++) {
		(void)snprintf(admin, sizeof(admin), "127.0.%d.%d:80", i / 200, 1 + i % 200);
		CU_ASSERT_EQUAL_FATAL(pods_find(&pods, admin, &err), 0);
	}
	CU_ASSERT_EQUAL(pods_find(&pods, "127.9.9.9:80", &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_TRANSIENT);
	CU_ASSERT_EQUAL(pods_find(&pods, "127.0.0.1:80", &err), 0);
}

TEST_MAIN("pods", TEST(test_pods_check__takes_host_and_port),
	TEST(test_pods_check__refuses_all_else), TEST(test_pods_find__gives_addresses),
	TEST(test_pods_find__asks_nobody_twice), TEST(test_pods_find__stops_at_its_ceiling))
