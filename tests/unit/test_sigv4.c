/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expected values were made with another implementation of HMAC and SHA-256; the published vectors
 * run in tests/e2e/sigv4_vectors.py.
 */
#include "fetch/sigv4.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SECRET "not/a+secret"
#define NOON 1767323045 /* 2026-01-02T03:04:05Z */

static const struct sigv4_field s3_fields[] = {
	{"x-amz-content-sha256", EMPTY_SHA256},
	{"Host", "modules.s3.eu-west-1.amazonaws.com"},
	{"X-Amz-Date", "20260102T030405Z"},
};

static const struct sigv4_request s3_request = {
	.method = "GET",
	.path = "/a%20b/%c3%bc+.wasm",
	.path_rule = SIGV4_PATH_LITERAL,
	.query = "",
	.fields = s3_fields,
	.n_fields = 3,
	.payload = EMPTY_SHA256,
};

/* Returns the canonical request of a request that has only what is given, or NULL. */
static char *canonical(const char *path, enum sigv4_path rule, const char *query)
{
	const struct sigv4_request request = {
		.method = "GET", .path = path, .path_rule = rule, .query = query, .payload = "P"};
	struct buf out = BUF_INIT(LIMIT_SIGV4_BYTES);
	struct err err;

	if (sigv4_canonical_request(&out, &request, &err) < 0) {
		buf_clear(&out);
		return NULL;
	}
	return buf_take(&out);
}

static void assert_path(const char *path, enum sigv4_path rule, const char *want)
{
	AUTO(free) char *got = canonical(path, rule, "");
	AUTO(free) char *all = xasprintf("GET\n%s\n\n\n\nP", want);

	CU_ASSERT_PTR_NOT_NULL_FATAL(got);
	CU_ASSERT_STRING_EQUAL(got, all);
}

static void assert_query(const char *query, const char *want)
{
	AUTO(free) char *got = canonical("/", SIGV4_PATH_NORMAL, query);
	AUTO(free) char *all = xasprintf("GET\n/\n%s\n\n\nP", want);

	CU_ASSERT_PTR_NOT_NULL_FATAL(got);
	CU_ASSERT_STRING_EQUAL(got, all);
}

static void test_sigv4_date__is_utc_without_separators(void)
{
	char date[SIGV4_DATE_LEN + 1];

	sigv4_date(date, NOON);
	CU_ASSERT_STRING_EQUAL(date, "20260102T030405Z");
	sigv4_date(date, 0);
	CU_ASSERT_STRING_EQUAL(date, "19700101T000000Z");
}

static void test_sigv4_encode__leaves_the_unreserved_only(void)
{
	AUTO(buf) struct buf out = BUF_INIT(LIMIT_SIGV4_BYTES);
	struct err err;

	CU_ASSERT_EQUAL(sigv4_encode(&out, "aZ0-._~/ %+\xc3\xbc*", true, &err), 0);
	CU_ASSERT_STRING_EQUAL(buf_text(&out), "aZ0-._~/%20%25%2B%C3%BC%2A");
	buf_clear(&out);
	CU_ASSERT_EQUAL(sigv4_encode(&out, "a/b", false, &err), 0);
	CU_ASSERT_STRING_EQUAL(buf_text(&out), "a%2Fb");
}

static void test_sigv4_canonical_request__normalizes_paths_but_for_s3(void)
{
	static const struct {
		const char *path, *normal, *literal;
	} cases[] = {
		{"", "/", "/"},
		{"/", "/", "/"},
		{"//a//b//", "/a/b/", "//a//b//"},
		{"/a/../b", "/b", "/a/../b"},
		{"/a/..", "/", "/a/.."},
		{"/../../a", "/a", "/../../a"},
		{"/a/.", "/a/", "/a/."},
		{"/./", "/", "/./"},
		{"/...", "/...", "/..."},
		{"/a%20b", "/a%2520b", "/a%20b"},
		{"/a b", "/a%20b", "/a%20b"},
		{"/a%2fb", "/a%252fb", "/a/b"},
		{"/100%", "/100%25", "/100%25"},
		{"/%zz%4", "/%25zz%254", "/%25zz%254"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_path(cases[i].path, SIGV4_PATH_NORMAL, cases[i].normal);
		assert_path(cases[i].path, SIGV4_PATH_LITERAL, cases[i].literal);
	}
}

static void test_sigv4_canonical_request__sorts_and_encodes_parameters(void)
{
	assert_query("b=2&a=1", "a=1&b=2");
	assert_query("a=2&a=1", "a=1&a=2");
	assert_query("a-b=1&a=2", "a=2&a-b=1");
	assert_query("a&b=", "a=&b=");
	assert_query("a=b=c", "a=b%3Dc");
	assert_query("a=%2f&a=/", "a=%2F&a=%2F");
	assert_query("a=x y+z", "a=x%20y%2Bz");
	assert_query("&", "=&=");
}

static void test_sigv4_canonical_request__folds_headers(void)
{
	static const struct sigv4_field fields[] = {{"My-B", "  a   b\n\tc  "}, {"my-a", "2"},
		{"HOST", "h"}, {"My-A", "1"}, {"My-C", ""}};
	const struct sigv4_request request = {.method = "GET",
		.path = "/",
		.query = "",
		.fields = fields,
		.n_fields = 5,
		.payload = "P"};
	AUTO(buf) struct buf out = BUF_INIT(LIMIT_SIGV4_BYTES);
	struct err err;

	CU_ASSERT_EQUAL(sigv4_canonical_request(&out, &request, &err), 0);
	CU_ASSERT_STRING_EQUAL(buf_text(&out), "GET\n/\n\nhost:h\nmy-a:2,1\nmy-b:a b c\nmy-c:\n\n"
					       "host;my-a;my-b;my-c\nP");
}

static void test_sigv4_canonical_request__has_ceilings(void)
{
	AUTO(free) char *many = xcalloc(LIMIT_SIGV4_FIELDS + 1, 1);
	AUTO(free) char *long_path = xcalloc(LIMIT_SIGV4_BYTES + 2, 1);

	memset(many, '&', LIMIT_SIGV4_FIELDS);
	CU_ASSERT_PTR_NULL(canonical("/", SIGV4_PATH_NORMAL, many));
	memset(long_path, 'a', LIMIT_SIGV4_BYTES + 1);
	CU_ASSERT_PTR_NULL(canonical(long_path, SIGV4_PATH_NORMAL, ""));
	CU_ASSERT_PTR_NULL(canonical(long_path, SIGV4_PATH_LITERAL, ""));
}

static void test_sigv4_authorization__signs_for_s3(void)
{
	struct sigv4_scope scope = {.region = "eu-west-1", .service = "s3"};
	const struct sigv4_key key = {"AKID", SECRET};
	AUTO(buf) struct buf out = BUF_INIT(LIMIT_SIGV4_BYTES);
	struct err err;

	sigv4_date(scope.date, NOON);
	CU_ASSERT_EQUAL(sigv4_authorization(&out, &s3_request, &scope, &key, &err), 0);
	CU_ASSERT_STRING_EQUAL(buf_text(&out),
		"AWS4-HMAC-SHA256 Credential=AKID/20260102/eu-west-1/s3/aws4_request, "
		"SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
		"Signature=49460133d654893098ecd178c3012719dd6e0c13933706124c7263e0b53f01ca");
}

static void test_sigv4_string_to_sign__names_date_and_scope(void)
{
	struct sigv4_scope scope = {.region = "eu-west-1", .service = "s3"};
	AUTO(buf) struct buf creq = BUF_INIT(LIMIT_SIGV4_BYTES);
	AUTO(buf) struct buf out = BUF_INIT(LIMIT_SIGV4_BYTES);
	struct err err;

	sigv4_date(scope.date, NOON);
	CU_ASSERT_EQUAL(sigv4_canonical_request(&creq, &s3_request, &err), 0);
	CU_ASSERT_EQUAL(sigv4_string_to_sign(&out, &scope, buf_text(&creq), &err), 0);
	CU_ASSERT_STRING_EQUAL(buf_text(&out),
		"AWS4-HMAC-SHA256\n20260102T030405Z\n20260102/eu-west-1/s3/aws4_request\n"
		"2944da9e5cb6c125bb57ddf602b843964d1a9a1927355bbd07ad0ba1efb94149");
}

static void test_sigv4_authorization__signs_a_session_token(void)
{
	static const struct sigv4_field fields[] = {{"Host", "api.ecr.eu-west-1.amazonaws.com"},
		{"X-Amz-Date", "20260102T030405Z"}, {"X-Amz-Security-Token", "a/session+token="},
		{"Content-Type", "application/x-amz-json-1.1"}};
	static const char body[] = "{}";
	struct digest payload;
	struct sigv4_scope scope = {.region = "eu-west-1", .service = "ecr"};
	const struct sigv4_key key = {"AKID", SECRET};
	AUTO(buf) struct buf out = BUF_INIT(LIMIT_SIGV4_BYTES);
	struct err err;

	digest_of(&payload, body, strlen(body));
	const struct sigv4_request request = {.method = "POST",
		.path = "/",
		.query = "",
		.fields = fields,
		.n_fields = 4,
		.payload = payload.hex};

	sigv4_date(scope.date, NOON);
	CU_ASSERT_EQUAL(sigv4_authorization(&out, &request, &scope, &key, &err), 0);
	ASSERT_HAS(buf_text(&out), "SignedHeaders=content-type;host;x-amz-date;"
				   "x-amz-security-token, ");
	ASSERT_HAS(
		buf_text(&out), "efeba9e3059d9a2abacf5e5c8537524085d27dce2c4520ebfcb30730b67060a5");
}

static void test_sigv4_authorization__changes_with_each_part(void)
{
	struct sigv4_scope scope = {.region = "eu-west-1", .service = "s3"};
	struct digest first;
	struct digest other;
	struct err err;

	sigv4_date(scope.date, NOON);
	CU_ASSERT_EQUAL(sigv4_signature(&first, &scope, SECRET, "text", &err), 0);
	CU_ASSERT_EQUAL(sigv4_signature(&other, &scope, SECRET "x", "text", &err), 0);
	CU_ASSERT_FALSE(digest_equal(&first, &other));
	scope.region = "eu-west-2";
	CU_ASSERT_EQUAL(sigv4_signature(&other, &scope, SECRET, "text", &err), 0);
	CU_ASSERT_FALSE(digest_equal(&first, &other));
}

static void test_sigv4_signature__refuses_a_huge_secret(void)
{
	AUTO(free) char *secret = xcalloc(LIMIT_SIGV4_BYTES + 2, 1);
	struct sigv4_scope scope = {.date = "20260102T030405Z", .region = "r", .service = "s"};
	struct digest out;
	struct err err = {0};

	memset(secret, 'a', LIMIT_SIGV4_BYTES + 1);
	CU_ASSERT_EQUAL(sigv4_signature(&out, &scope, secret, "text", &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
}

TEST_MAIN("sigv4", TEST(test_sigv4_date__is_utc_without_separators),
	TEST(test_sigv4_encode__leaves_the_unreserved_only),
	TEST(test_sigv4_canonical_request__normalizes_paths_but_for_s3),
	TEST(test_sigv4_canonical_request__sorts_and_encodes_parameters),
	TEST(test_sigv4_canonical_request__folds_headers),
	TEST(test_sigv4_canonical_request__has_ceilings),
	TEST(test_sigv4_authorization__signs_for_s3),
	TEST(test_sigv4_string_to_sign__names_date_and_scope),
	TEST(test_sigv4_authorization__signs_a_session_token),
	TEST(test_sigv4_authorization__changes_with_each_part),
	TEST(test_sigv4_signature__refuses_a_huge_secret))
