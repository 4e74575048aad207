/* SPDX-License-Identifier: Apache-2.0 */
#include "base/curl.h"

#include <dlfcn.h>

#include <curl/curl.h>

#include "tests/unit/test.h"

static void test_curl_setup__can_be_done_twice_and_undone(void)
{
	struct err err;

	CU_ASSERT_EQUAL(curl_setup(&err), 0);
	CU_ASSERT_EQUAL(curl_setup(&err), 0);
	curl_teardown();
	curl_teardown();
}

/* libssh2 would have OpenSSL load all engines that it has. */
static void test_curl_setup__leaves_what_only_ssh_needs(void)
{
	void *(*first_engine)(void) = (void *(*)(void))dlsym(RTLD_DEFAULT, "ENGINE_get_first");
	const char *ssh = curl_version_info(CURLVERSION_NOW)->libssh_version;
	struct err err;

	CU_ASSERT_EQUAL(curl_setup(&err), 0);
	if (ssh && strncmp(ssh, "libssh2/", 8) == 0)
		CU_ASSERT_PTR_NOT_NULL(first_engine);
	if (first_engine)
		CU_ASSERT_PTR_NULL(first_engine());
	curl_teardown();
}

TEST_MAIN("curl", TEST(test_curl_setup__can_be_done_twice_and_undone),
	TEST(test_curl_setup__leaves_what_only_ssh_needs))
