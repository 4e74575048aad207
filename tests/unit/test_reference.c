/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/reference.h"

#include <stdlib.h>

#include "api/image.h"
#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* What the API lets through is what the fetcher reads: their verdicts must not differ. */
static bool api_takes(const char *text)
{
	struct err err;

	return image_check_uri(text, &err) == 0 &&
	       image_check_protocol_uri(PROTOCOL_OCI, text, &err) == 0;
}

struct parts {
	const char *text;
	const char *server;
	const char *repository;
	const char *version;
};

static void takes(const struct parts *want)
{
	AUTO(reference) struct reference r = {.registry = NULL};
	AUTO(free) char *version = NULL;
	struct err err = {.msg = ""};

	if (reference_parse(&r, want->text, &err) < 0)
		printf("\n  %s: %s\n", want->text, err.msg);
	CU_ASSERT_PTR_NOT_NULL_FATAL(r.registry);
	version = reference_version(&r);
	CU_ASSERT_STRING_EQUAL(reference_server(&r), want->server);
	CU_ASSERT_STRING_EQUAL(r.repository, want->repository);
	CU_ASSERT_STRING_EQUAL(version, want->version);
	CU_ASSERT_TRUE(api_takes(want->text));
}

static void refuses(const char *text, const char *says)
{
	AUTO(reference) struct reference r = {.registry = NULL};
	struct err err = {.code = ERR_NONE, .msg = ""};

	CU_ASSERT_EQUAL(reference_parse(&r, text, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	CU_ASSERT_PTR_NULL(r.registry);
	ASSERT_HAS(err.msg, says);
	CU_ASSERT_PTR_NULL(strstr(err.msg, "hunter2"));
	CU_ASSERT_FALSE(api_takes(text));
}

static void test_reference_parse__reads_each_part(void)
{
	static const struct parts table[] = {
		{"r.io/a", "r.io", "a", "latest"},
		{"r.io/a:v1", "r.io", "a", "v1"},
		{"r.io:5000/a/b__c/d--e.f_g:T_1.2-3", "r.io:5000", "a/b__c/d--e.f_g", "T_1.2-3"},
		{"R.IO/a", "r.io", "a", "latest"},
		{"localhost/a", "localhost", "a", "latest"},
		{"localhost:1/a", "localhost:1", "a", "latest"},
		{"[::1]:5000/a:1", "[::1]:5000", "a", "1"},
		{"127.0.0.1:65535/a", "127.0.0.1:65535", "a", "latest"},
		{"r.io/a@sha256:" HEX, "r.io", "a", "sha256:" HEX},
		{"r.io/a:v1@sha256:" HEX, "r.io", "a", "sha256:" HEX},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		takes(&table[i]);
}

static void test_reference_parse__keeps_the_tag_beside_the_digest(void)
{
	AUTO(reference) struct reference r = {.registry = NULL};
	struct err err;

	CU_ASSERT_EQUAL(reference_parse(&r, "r.io/a:v1@sha256:" HEX, &err), 0);
	CU_ASSERT_STRING_EQUAL(r.tag, "v1");
	CU_ASSERT_STRING_EQUAL(r.digest.hex, HEX);
}

static void test_reference_parse__has_no_tag_where_a_digest_says_all(void)
{
	AUTO(reference) struct reference r = {.registry = NULL};
	struct err err;

	CU_ASSERT_EQUAL(reference_parse(&r, "r.io/a@sha256:" HEX, &err), 0);
	CU_ASSERT_PTR_NULL(r.tag);
}

static void test_reference_parse__knows_docker_hub(void)
{
	static const struct parts table[] = {
		{"docker.io/library/nginx", "registry-1.docker.io", "library/nginx", "latest"},
		{"docker.io/nginx:1", "registry-1.docker.io", "library/nginx", "1"},
		{"docker.io/a/b", "registry-1.docker.io", "a/b", "latest"},
		{"Docker.io/a/b", "registry-1.docker.io", "a/b", "latest"},
		{"other.example/nginx", "other.example", "nginx", "latest"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		takes(&table[i]);
}

static void test_reference_parse__suggests_the_full_name(void)
{
	refuses("filter", "write \"docker.io/library/filter\"");
	refuses("filter:v1", "write \"docker.io/library/filter:v1\"");
	refuses("foo/filter:v1", "write \"docker.io/foo/filter:v1\"");
	refuses("localhosts/a", "docker.io/localhosts/a");
}

static void test_reference_parse__refuses_what_is_no_registry(void)
{
	refuses("r_.io:/a", ":port");
	refuses("-r.io/a", "host name");
	refuses("r..io/a", "host name");
	refuses("r.io./a", "host name");
	refuses("r.io:0/a", ":port");
	refuses("r.io:65536/a", ":port");
	refuses("r.io:+1/a", ":port");
	refuses("r.io:1:2/a", ":port");
	refuses("[::1/a", "host name");
	refuses("[::g]:1/a", "host name");
	refuses("[::1]5/a", ":port");
	refuses("f\xc3\xbc.io/a", "host name");
}

static void test_reference_parse__refuses_what_is_no_repository(void)
{
	refuses("r.io", "repository is missing");
	refuses("r.io/", "repository is missing");
	refuses("localhost:5000", "repository is missing");
	refuses("r.io/A", "lower-case");
	refuses("r.io/a/", "\"a/\"");
	refuses("r.io//a", "\"/a\"");
	refuses("r.io/a___b", "\"a___b\"");
	refuses("r.io/a/../b", "lower-case");
	refuses("r.io/a?b", "\"a?b\"");
	refuses("r.io/a%2e", "lower-case");
}

static void test_reference_parse__refuses_what_is_no_tag(void)
{
	AUTO(free) char *text = xasprintf("r.io/a:%0129d", 0);

	refuses("r.io/a:", "the tag is \"\"");
	refuses("r.io/a:.b", "the tag is \".b\"");
	refuses("r.io/a:b:c", "the tag is \"b:c\"");
	refuses("r.io/a:b/c", "the tag is \"b/c\"");
	refuses(text, "at most 128");
}

static void test_reference_parse__refuses_other_digests(void)
{
	refuses("r.io/a@sha512:" HEX, "\"sha256:\" and 64");
	refuses("r.io/a@sha256:" HEX "0", "\"sha256:\" and 64");
	refuses("r.io/a@sha256:0123456789ABCDEF", "\"sha256:\" and 64");
	refuses("r.io/a@", "\"sha256:\" and 64");
	refuses("r.io/a@sha256:" HEX "@sha256:" HEX, "\"sha256:\" and 64");
}

static void test_reference_parse__shows_no_password(void)
{
	refuses("me:hunter2@r.io/a", "user or password");
	refuses("me/hunter2@r.io/a@sha256:" HEX, "user or password");
}

static void test_reference_parse__refuses_odd_text(void)
{
	AUTO(free) char *text = xasprintf("r.io/%0*d", LIMIT_URI_BYTES, 0);

	refuses("", "must begin with the registry");
	refuses("r.io/a b", "blanks");
	refuses("r.io/a\n", "blanks");
	refuses("oci://r.io/a", "://");
	refuses(text, "at most 2048 bytes");
}

static void test_reference_is_loopback__goes_by_the_name(void)
{
	CU_ASSERT_TRUE(reference_is_loopback("localhost"));
	CU_ASSERT_TRUE(reference_is_loopback("localhost:5000"));
	CU_ASSERT_TRUE(reference_is_loopback("127.0.0.1:5000"));
	CU_ASSERT_TRUE(reference_is_loopback("127.9.9.9"));
	CU_ASSERT_TRUE(reference_is_loopback("[::1]:1"));
	CU_ASSERT_FALSE(reference_is_loopback("[::2]:1"));
	CU_ASSERT_FALSE(reference_is_loopback("128.0.0.1"));
	CU_ASSERT_FALSE(reference_is_loopback("127.0.0.1.example.com"));
	CU_ASSERT_FALSE(reference_is_loopback("localhost.example.com"));
	CU_ASSERT_FALSE(reference_is_loopback("127.1"));
}

TEST_MAIN("reference", TEST(test_reference_parse__reads_each_part),
	TEST(test_reference_parse__keeps_the_tag_beside_the_digest),
	TEST(test_reference_parse__has_no_tag_where_a_digest_says_all),
	TEST(test_reference_parse__knows_docker_hub),
	TEST(test_reference_parse__suggests_the_full_name),
	TEST(test_reference_parse__refuses_what_is_no_registry),
	TEST(test_reference_parse__refuses_what_is_no_repository),
	TEST(test_reference_parse__refuses_what_is_no_tag),
	TEST(test_reference_parse__refuses_other_digests),
	TEST(test_reference_parse__shows_no_password), TEST(test_reference_parse__refuses_odd_text),
	TEST(test_reference_is_loopback__goes_by_the_name))
