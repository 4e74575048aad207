/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/realm.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

static void refuses(const char *realm, bool plain, enum err_code code, const char *says)
{
	struct err err = {.code = ERR_NONE, .msg = ""};

	CU_ASSERT_EQUAL(realm_check(realm, plain, &err), -1);
	CU_ASSERT_EQUAL(err.code, code);
	ASSERT_HAS(err.msg, says);
	CU_ASSERT_PTR_NULL(strstr(err.msg, "hunter2"));
}

static void test_realm_check__takes_https(void)
{
	struct err err;

	CU_ASSERT_EQUAL(realm_check("https://auth.example.com/token", false, &err), 0);
	CU_ASSERT_EQUAL(realm_check("https://auth.example.com:5001/t?a=b", true, &err), 0);
	CU_ASSERT_EQUAL(realm_check("HTTPS://127.0.0.1/", false, &err), 0);
}

static void test_realm_check__takes_http_of_a_plain_registry_only(void)
{
	struct err err;

	CU_ASSERT_EQUAL(realm_check("http://localhost:5001/token", true, &err), 0);
	refuses("http://localhost:5001/token", false, ERR_DENIED, "must be an https URL, since");
}

static void test_realm_check__refuses_what_is_no_such_url(void)
{
	AUTO(free) char *is_long = xasprintf("https://a/%0*d", LIMIT_REALM_BYTES, 0);

	refuses("auth.example.com/token", true, ERR_INVALID, "must be a whole URL");
	refuses("/token", true, ERR_INVALID, "must be a whole URL");
	refuses("https://", false, ERR_INVALID, "must be a whole URL");
	refuses("file:///etc/passwd", true, ERR_INVALID, "neither http nor https");
	refuses("gopher://a/x", true, ERR_INVALID, "neither http nor https");
	refuses("https://me:hunter2@a/token", false, ERR_INVALID, "must not hold a user");
	refuses("https://hunter2@a/token", false, ERR_INVALID, "must not hold a user");
	refuses("https://a/token#x", false, ERR_INVALID, "must not hold a fragment");
	refuses(is_long, false, ERR_INVALID, "at most 2048 bytes");
}

static void test_realm_is_trusted__by_host_and_domain(void)
{
	static const struct {
		const char *registry;
		const char *realm;
		bool trusted;
	} table[] = {
		/* the same host, any port and path */
		{"registry.example", "https://registry.example/token", true},
		{"r.test:5000", "https://r.test:5001/token", true},
		{"127.0.0.1:5000", "http://127.0.0.1:5001/token", true},
		{"[::1]:5000", "http://[::1]:5001/token", true},
		{"r.test", "https://R.TEST/token", true},
		/* the same owner */
		{"registry-1.docker.io", "https://auth.docker.io/token", true},
		{"registry.gitlab.com", "https://gitlab.com/jwt/auth", true},
		{"registry.example.com", "https://auth.example.com/", true},
		{"registry.example.com", "https://a.b.example.com/", true},
		{"registry.eu.example.com", "https://auth.eu.example.com/", true},
		{"registry.example.co.uk", "https://auth.example.co.uk/", true},
		{"registry.acme.io", "https://auth.acme.io/", true},
		/* another, that looks alike */
		{"registry.eu.example.com", "https://example.com/", false},
		{"registry.example.com", "https://registry.example.com.evil.test/", false},
		{"registry.example.com", "https://evilexample.com/", false},
		{"registry.example.com", "https://evil.test/?registry.example.com", false},
		{"registry.example.com", "https://evil.test/registry.example.com", false},
		{"registry.example.com", "https://registry.example.com@evil.test/", false},
		{"registry.example.com", "https://evil.test#.example.com", false},
		{"registry.example.com", "https://com/", false},
		{"example.com", "https://auth.example.com/", false},
		{"example.com", "https://evil.com/", false},
		{"localhost:5000", "http://evil.test/", false},
		/* another customer of the same domain */
		{"example.co.uk", "https://evil.co.uk/", false},
		{"example.com.au", "https://evil.com.au/", false},
		{"acme.azurecr.io", "https://evil.azurecr.io/", false},
		{"acme.jfrog.io", "https://evil.jfrog.io/", false},
		{"x.elb.us-east-1.amazonaws.com", "https://y.elb.us-east-1.amazonaws.com/", false},
		{"acme.azurecr.io", "https://acme.azurecr.io/oauth2/token", true},
		/* addresses have no domain */
		{"10.0.0.1", "https://10.0.0.2/", false},
		{"10.0.0.1", "https://evil.0.0.1/", false},
		{"registry.example.com", "https://10.0.0.1/", false},
		{"[fd00::1]", "https://[fd00::2]/", false},
		/* no URL */
		{"registry.example.com", "nonsense", false},
		{"registry.example.com", "", false},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		bool trusted = realm_is_trusted(table[i].registry, table[i].realm);

		if (trusted != table[i].trusted)
			printf("\n  %s to %s: %d\n", table[i].registry, table[i].realm, trusted);
		CU_ASSERT_EQUAL(trusted, table[i].trusted);
	}
}

TEST_MAIN("realm", TEST(test_realm_check__takes_https),
	TEST(test_realm_check__takes_http_of_a_plain_registry_only),
	TEST(test_realm_check__refuses_what_is_no_such_url),
	TEST(test_realm_is_trusted__by_host_and_domain))
