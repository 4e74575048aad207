/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/s3.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "tests/unit/aws_server.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/test.h"

#define KEY_ID "AWS_ACCESS_KEY_ID=AKID"
#define SECRET "AWS_SECRET_ACCESS_KEY=sesame"
#define NO_METADATA "AWS_EC2_METADATA_DISABLED=true"
#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* Fetches uri from a server with these routes, in an environment with these texts. */
static int get(struct aws_server *s, const char *uri, const char *one, const char *two, int fd,
	struct err *err)
{
	AUTO(free) char *url = xasprintf("AWS_ENDPOINT_URL_S3=%s", aws_server_url(s));
	const char *const environment[] = {url, NO_METADATA, one, two, NULL};
	AUTO(aws_fixture) struct aws_fixture f = {0};
	AUTO(sink) struct sink sink = {.fd = -1};

	aws_fixture_init(&f, environment);
	f.request = (struct fetch_request){.source = FETCH_S3, .uri = uri};
	sink_init(&sink, fd, f.options.max_bytes);
	return s3_fetch(&f.task, &sink, err);
}

static void test_s3_fetch__signs_and_reads_the_object(void)
{
	static const struct aws_route routes[] = {{"GET", "/bucket/a b.wasm",
		"X-Amz-Content-Sha256: " EMPTY_SHA256, 200, NULL, "module"}};
	AUTO(aws_server) struct aws_server *s = aws_server_start(routes, 1);
	AUTO(fd) int fd = fixture_file();
	AUTO(free) char *request = NULL;
	struct err err = {0};

	CU_ASSERT_EQUAL(get(s, "bucket/a b.wasm", KEY_ID, SECRET, fd, &err), 0);
	CU_ASSERT_TRUE(fixture_file_is(fd, "module", 6));
	CU_ASSERT_EQUAL(aws_server_requests(s), 1);
	request = aws_server_request(s, 0);
	ASSERT_HAS(request, "\nAuthorization: AWS4-HMAC-SHA256 Credential=AKID/");
	ASSERT_HAS(request, "/us-east-1/s3/aws4_request, ");
}

static void test_s3_fetch__goes_unsigned_without_credentials(void)
{
	static const struct aws_route routes[] = {{"GET", "/bucket/k", NULL, 200, NULL, "module"},
		{"GET", "/bucket/x", NULL, 403, NULL, "<Error><Code>AccessDenied</Code></Error>"}};
	AUTO(aws_server) struct aws_server *s = aws_server_start(routes, 2);
	AUTO(fd) int fd = fixture_file();
	AUTO(free) char *request = NULL;
	struct err err = {0};

	CU_ASSERT_EQUAL(get(s, "bucket/k", NULL, NULL, fd, &err), 0);
	request = aws_server_request(s, 0);
	CU_ASSERT_PTR_NULL(strstr(request, "Authorization"));
	CU_ASSERT_EQUAL(get(s, "bucket/x", NULL, NULL, fd, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_DENIED);
	ASSERT_HAS(err.msg, "no AWS credentials were found");
}

static void test_s3_fetch__goes_where_the_bucket_says_it_is(void)
{
	static const struct aws_route routes[] = {
		{"GET", "/header/k", NULL, 301, "x-amz-bucket-region: eu-west-1",
			"<Error><Code>PermanentRedirect</Code></Error>"},
		{"GET", "/element/k", NULL, 400, NULL,
			"<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-2</Region>"
			"</Error>"},
		{"GET", "/same/k", NULL, 301, "x-amz-bucket-region: us-east-1", ""},
		{"GET", "/odd/k", NULL, 301, "x-amz-bucket-region: evil.test/", ""},
	};
	static const struct {
		const char *uri, *scope;
		size_t requests;
	} cases[] = {
		{"header/k", "/eu-west-1/s3/", 2},
		{"element/k", "/eu-west-2/s3/", 2},
		{"same/k", "/us-east-1/s3/", 1},
		{"odd/k", "/us-east-1/s3/", 1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(aws_server) struct aws_server *s = aws_server_start(routes, 4);
		AUTO(fd) int fd = fixture_file();
		AUTO(free) char *last = NULL;
		struct err err = {0};

		CU_ASSERT_EQUAL(get(s, cases[i].uri, KEY_ID, SECRET, fd, &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
		CU_ASSERT_EQUAL(aws_server_requests(s), cases[i].requests);
		last = aws_server_request(s, cases[i].requests - 1);
		ASSERT_HAS(last, cases[i].scope);
	}
}

static void test_s3_fetch__remembers_the_region(void)
{
	static const struct aws_route routes[] = {{"GET", "/bucket/k", NULL, 404,
		"x-amz-bucket-region: eu-west-1", "<Error><Code>NoSuchKey</Code></Error>"}};
	AUTO(aws_server) struct aws_server *s = aws_server_start(routes, 1);
	AUTO(free) char *url = xasprintf("AWS_ENDPOINT_URL_S3=%s", aws_server_url(s));
	const char *const environment[] = {url, KEY_ID, SECRET, NULL};
	AUTO(aws_fixture) struct aws_fixture f = {0};
	AUTO(fd) int fd = fixture_file();
	AUTO(sink) struct sink sink = {.fd = -1};
	struct err err = {0};

	aws_fixture_init(&f, environment);
	f.request = (struct fetch_request){.source = FETCH_S3, .uri = "bucket/k"};
	sink_init(&sink, fd, f.options.max_bytes);
	CU_ASSERT_EQUAL(s3_fetch(&f.task, &sink, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_NOT_FOUND);
	size_t first = aws_server_requests(s);
	CU_ASSERT_EQUAL(s3_fetch(&f.task, &sink, &err), -1);
	CU_ASSERT_EQUAL(aws_server_requests(s), first + 1);
}

static void test_s3_fetch__follows_no_redirect(void)
{
	AUTO(aws_server) struct aws_server *other = aws_server_start(NULL, 0);
	AUTO(free) char *location = xasprintf("Location: %s/x", aws_server_url(other));
	const struct aws_route route = {"GET", "/bucket/k", NULL, 307, location, ""};
	AUTO(aws_server) struct aws_server *s = aws_server_start(&route, 1);
	AUTO(fd) int fd = fixture_file();
	struct err err = {0};

	CU_ASSERT_EQUAL(get(s, "bucket/k", KEY_ID, SECRET, fd, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	CU_ASSERT_EQUAL(aws_server_requests(other), 0);
}

static void test_s3_fetch__says_what_s3_said(void)
{
	static const struct aws_route routes[] = {
		{"GET", "/bucket/gone", NULL, 404, NULL,
			"<Error><Code>NoSuchBucket</Code></Error>"},
		{"GET", "/bucket/busy", NULL, 503, NULL, "<Error><Code>SlowDown</Code></Error>"},
		{"GET", "/bucket/skewed", NULL, 403, NULL,
			"<Error><Code>RequestTimeTooSkewed</Code></Error>"},
		{"GET", "/bucket/html", NULL, 403, NULL, "<html><p>no"},
	};
	static const struct {
		const char *uri;
		enum err_code code;
		const char *want;
	} cases[] = {
		{"bucket/gone", ERR_NOT_FOUND, "no such bucket"},
		{"bucket/busy", ERR_TRANSIENT, "SlowDown: "},
		{"bucket/skewed", ERR_DENIED, "clock"},
		{"bucket/html", ERR_DENIED, "answered 403 no reason given"},
		{"bucket/none", ERR_NOT_FOUND, "answered 404"},
		{"bucket", ERR_INVALID, "BUCKET/KEY"},
		{"evil@host/k", ERR_INVALID, "BUCKET/KEY"},
	};
	AUTO(aws_server) struct aws_server *s = aws_server_start(routes, 4);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(fd) int fd = fixture_file();
		struct err err = {0};

		CU_ASSERT_EQUAL(get(s, cases[i].uri, KEY_ID, SECRET, fd, &err), -1);
		CU_ASSERT_EQUAL(err.code, cases[i].code);
		ASSERT_HAS(err.msg, cases[i].want);
		CU_ASSERT_PTR_NULL(strstr(err.msg, "sesame"));
	}
}

#define ASKED "x-amz-checksum-mode: ENABLED"
#define STATED "x-amz-checksum-sha256: Eglw2BKDbxmIhiVYekYGpa0jzvMchoTmAXcVUlSPxrk="
#define STATED_HEX "120970d812836f19888625587a4606a5ad23cef31c8684e601771552548fc6b9"
#define PART "Range: bytes=0-512"

static int state(struct s3_statement *out, struct aws_server *s, const char *uri, const char *one,
	const char *two, struct err *err)
{
	AUTO(free) char *url = xasprintf("AWS_ENDPOINT_URL_S3=%s", aws_server_url(s));
	const char *const environment[] = {url, NO_METADATA, one, two, NULL};
	AUTO(aws_fixture) struct aws_fixture f = {0};

	aws_fixture_init(&f, environment);
	f.request = (struct fetch_request){.source = FETCH_S3, .uri = uri};
	return s3_state(out, &f.task, err);
}

static void test_s3_state__takes_the_checksum_that_is_stated(void)
{
	static const struct aws_route routes[] = {
		{"HEAD", "/bucket/k", ASKED, 200, STATED, "module"},
		{"GET", "/bucket/k", PART, 206, NULL, "module"},
	};
	static const char *const keys[][2] = {{KEY_ID, SECRET}, {NO_METADATA, NO_METADATA}};

	for (size_t i = 0; i < 2; i++) {
		AUTO(aws_server) struct aws_server *s = aws_server_start(routes, 2);
		struct s3_statement got = {.size = 0};
		AUTO(free) char *head = NULL;
		struct err err = {.msg = ""};

		CU_ASSERT_EQUAL(state(&got, s, "bucket/k", keys[i][0], keys[i][1], &err), 0);
		CU_ASSERT_STRING_EQUAL(got.sha256.hex, STATED_HEX);
		CU_ASSERT_EQUAL(got.size, 6);
		CU_ASSERT_EQUAL(aws_server_requests(s), 2);
		head = aws_server_request(s, 0);
		CU_ASSERT_EQUAL(
			strstr(head, "SignedHeaders=host;x-amz-checksum-mode;") != NULL, i == 0);
		CU_ASSERT_EQUAL(strstr(head, "Authorization") != NULL, i == 0);
	}
}

/* Of an object that is packed, it is not the module's. */
static void test_s3_state__says_nothing_where_the_store_does_not(void)
{
	static const struct aws_route routes[] = {
		{"HEAD", "/bucket/none", ASKED, 200, NULL, "module"},
		{"HEAD", "/bucket/parts", ASKED, 200, STATED "-2", "module"},
		{"HEAD", "/bucket/gzip", ASKED, 200, STATED, "module"},
		{"GET", "/bucket/gzip", PART, 206, NULL, "\x1f\x8b\x08"},
	};
	static const struct {
		const char *uri;
		size_t requests;
	} cases[] = {{"bucket/none", 1}, {"bucket/parts", 1}, {"bucket/gzip", 2}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(aws_server) struct aws_server *s = aws_server_start(routes, 4);
		struct s3_statement got = {.size = 0};
		struct err err = {.msg = ""};

		CU_ASSERT_EQUAL(state(&got, s, cases[i].uri, KEY_ID, SECRET, &err), 0);
		CU_ASSERT_FALSE(digest_is_set(&got.sha256));
		CU_ASSERT_EQUAL(aws_server_requests(s), cases[i].requests);
	}
}

static void test_s3_state__fails_where_it_is_not_told_whether_it_is_packed(void)
{
	static const struct aws_route routes[] = {
		{"HEAD", "/bucket/whole", ASKED, 200, STATED, "module"},
		{"GET", "/bucket/whole", PART, 200, NULL, "module"},
		{"HEAD", "/bucket/no", ASKED, 403, NULL, ""},
		{"HEAD", "/bucket/gone", ASKED, 200, STATED, "module"},
	};
	static const struct {
		const char *uri;
		enum err_code code;
	} cases[] = {{"bucket/whole", ERR_INVALID}, {"bucket/no", ERR_DENIED},
		{"bucket/gone", ERR_NOT_FOUND}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(aws_server) struct aws_server *s = aws_server_start(routes, 4);
		struct s3_statement got = {.size = 0};
		struct err err = {.msg = ""};

		CU_ASSERT_EQUAL(state(&got, s, cases[i].uri, KEY_ID, SECRET, &err), -1);
		CU_ASSERT_EQUAL(err.code, cases[i].code);
		CU_ASSERT_FALSE(digest_is_set(&got.sha256));
	}
}

static void test_s3_fetch__is_off_without_aws(void)
{
	struct fetch_options options = fixture_options();
	struct fetch_request request = {.source = FETCH_S3, .uri = "bucket/k"};
	struct fetch_task task = {.options = &options, .request = &request};
	AUTO(fd) int fd = fixture_file();
	AUTO(sink) struct sink sink = {.fd = -1};
	struct err err = {0};

	sink_init(&sink, fd, options.max_bytes);
	CU_ASSERT_EQUAL(s3_fetch(&task, &sink, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
}

TEST_MAIN("s3", TEST(test_s3_fetch__signs_and_reads_the_object),
	TEST(test_s3_fetch__goes_unsigned_without_credentials),
	TEST(test_s3_fetch__goes_where_the_bucket_says_it_is),
	TEST(test_s3_fetch__remembers_the_region), TEST(test_s3_fetch__follows_no_redirect),
	TEST(test_s3_fetch__says_what_s3_said), TEST(test_s3_fetch__is_off_without_aws),
	TEST(test_s3_state__takes_the_checksum_that_is_stated),
	TEST(test_s3_state__says_nothing_where_the_store_does_not),
	TEST(test_s3_state__fails_where_it_is_not_told_whether_it_is_packed))
