/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/s3_place.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

static void test_s3_split__parts_bucket_and_key(void)
{
	const char *key = NULL;
	struct err err = {0};
	AUTO(free) char *bucket = s3_split(&key, "my-bucket/a/b//c.wasm", &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(bucket);
	CU_ASSERT_STRING_EQUAL(bucket, "my-bucket");
	CU_ASSERT_STRING_EQUAL(key, "a/b//c.wasm");
}

static void test_s3_split__takes_keys_as_they_are(void)
{
	static const char *const good[] = {"abc/...", "abc/.a", "abc/a..b", "abc/ ", "abc//",
		"abc/%2e%2e/\xc3\xbc", "a.b.c/k", "1-2/k"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const char *key = NULL;
		struct err err = {0};
		AUTO(free) char *bucket = s3_split(&key, good[i], &err);

		CU_ASSERT_PTR_NOT_NULL(bucket);
	}
}

static void test_s3_split__refuses_what_could_become_another_host(void)
{
	static const char *const bad[] = {"", "bucket", "bucket/", "/key", "ab/k", "-ab/k", "ab-/k",
		".ab/k", "ab./k", "Abc/k", "evil@x/k", "evil:80/k", "evil#/k", "evil?/k", "a b/k",
		"evil\\x/k", "a_b/k",
		"b\xc3\xbc"
		"cket/k",
		"bucket/../other", "bucket/a/..", "bucket/.", "bucket/./a"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *key = NULL;
		struct err err = {0};
		AUTO(free) char *bucket = s3_split(&key, bad[i], &err);

		CU_ASSERT_PTR_NULL(bucket);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
		CU_ASSERT_PTR_NULL(key);
	}
}

static void test_s3_split__has_ceilings(void)
{
	char uri[LIMIT_URI_BYTES + 2] = {0};
	const char *key = NULL;
	struct err err = {0};

	memset(uri, 'a', LIMIT_URI_BYTES + 1);
	CU_ASSERT_PTR_NULL(s3_split(&key, uri, &err));
	uri[63] = '/';
	CU_ASSERT_PTR_NULL(s3_split(&key, uri, &err));
	uri[LIMIT_URI_BYTES] = '\0';
	AUTO(free) char *bucket = s3_split(&key, uri, &err);
	CU_ASSERT_PTR_NOT_NULL(bucket);
	memmove(uri + 1, uri, LIMIT_URI_BYTES - 1);
	CU_ASSERT_PTR_NULL(s3_split(&key, uri, &err));
}

static void assert_place(const char *endpoint_url, const char *region, bool path_style,
	const char *bucket, const char *want)
{
	AUTO(aws_endpoint) struct aws_endpoint endpoint = {0};
	AUTO(s3_place) struct s3_place place = {0};
	struct err err;

	if (endpoint_url)
		CU_ASSERT_EQUAL_FATAL(aws_endpoint_parse(&endpoint, endpoint_url, "x", &err), 0);
	s3_place_find(&place, endpoint_url ? &endpoint : NULL, region, path_style, bucket,
		"a b/\xc3\xbc+%.wasm");
	CU_ASSERT_STRING_EQUAL(place.url, want);
	CU_ASSERT_EQUAL(
		strncmp(place.url, place.endpoint.origin, strlen(place.endpoint.origin)), 0);
	CU_ASSERT_STRING_EQUAL(place.url + strlen(place.endpoint.origin), place.path);
}

#define KEY "a%20b/%C3%BC%2B%25.wasm"

static void test_s3_place_find__puts_the_bucket_where_it_belongs(void)
{
	assert_place(
		NULL, "eu-west-1", false, "mine", "https://mine.s3.eu-west-1.amazonaws.com/" KEY);
	assert_place(NULL, "cn-north-1", false, "mine",
		"https://mine.s3.cn-north-1.amazonaws.com.cn/" KEY);
	assert_place(
		NULL, "eu-west-1", true, "mine", "https://s3.eu-west-1.amazonaws.com/mine/" KEY);
	assert_place(NULL, "eu-west-1", false, "my.bucket",
		"https://s3.eu-west-1.amazonaws.com/my.bucket/" KEY);
	assert_place("http://127.0.0.1:7070", "eu-west-1", false, "mine",
		"http://127.0.0.1:7070/mine/" KEY);
	assert_place("https://host/storage/", "eu-west-1", false, "mine",
		"https://host/storage/mine/" KEY);
}

TEST_MAIN("s3_place", TEST(test_s3_split__parts_bucket_and_key),
	TEST(test_s3_split__takes_keys_as_they_are),
	TEST(test_s3_split__refuses_what_could_become_another_host),
	TEST(test_s3_split__has_ceilings),
	TEST(test_s3_place_find__puts_the_bucket_where_it_belongs))
