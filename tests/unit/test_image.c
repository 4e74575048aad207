/* SPDX-License-Identifier: Apache-2.0 */
#include "api/image.h"

#include "tests/unit/test.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static int check(enum image_protocol protocol, const char *uri, struct err *err)
{
	return image_check_uri(uri, err) < 0 ? -1 : image_check_protocol_uri(protocol, uri, err);
}

static void takes(enum image_protocol protocol, const char *uri)
{
	struct err err = {.msg = ""};

	if (check(protocol, uri, &err) < 0)
		printf("\n  %s: %s\n", uri, err.msg);
	CU_ASSERT_EQUAL(check(protocol, uri, &err), 0);
}

static void refuses(enum image_protocol protocol, const char *uri, const char *says)
{
	struct err err = {.code = ERR_NONE, .msg = ""};

	CU_ASSERT_EQUAL(check(protocol, uri, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, says);
	CU_ASSERT_PTR_NULL(strstr(err.msg, "hunter2"));
}

static void test_image_check_uri__refuses_schemes_with_advice(void)
{
	refuses(PROTOCOL_HTTP, "HTTP://a/b", "set protocol: http");
	refuses(PROTOCOL_S3, "s3://bucket/k", "set protocol: s3");
	refuses(PROTOCOL_OCI, "oci://a.b/c", "set protocol: oci");
	refuses(PROTOCOL_LOCAL_FS, "file:///a", "set protocol: local_fs");
	refuses(PROTOCOL_HTTPS, "ftp://user:hunter2@a/b", "must not begin with a scheme");
}

static void test_image_check_uri__refuses_what_no_protocol_takes(void)
{
	refuses(PROTOCOL_LOCAL_FS, "", "must not be empty");
	refuses(PROTOCOL_LOCAL_FS, "a b", "blanks");
	refuses(PROTOCOL_LOCAL_FS, "a\x7f", "control");
	refuses(PROTOCOL_LOCAL_FS, "a#b", "fragment");
}

static void test_image_check_protocol_uri__local_fs(void)
{
	takes(PROTOCOL_LOCAL_FS, "filter.wasm");
	takes(PROTOCOL_LOCAL_FS, "/a//b/...c/d@e:f");
	refuses(PROTOCOL_LOCAL_FS, "..", "\"..\"");
	refuses(PROTOCOL_LOCAL_FS, "/../a", "\"..\"");
	refuses(PROTOCOL_LOCAL_FS, "a/..", "\"..\"");
	refuses(PROTOCOL_LOCAL_FS, "a//../b", "\"..\"");
}

static void test_image_check_protocol_uri__http(void)
{
	takes(PROTOCOL_HTTP, "localhost:1/a");
	takes(PROTOCOL_HTTPS, "A.b-c.example.com:65535/");
	takes(PROTOCOL_HTTPS, "127.0.0.1/a?b=c@d");
	takes(PROTOCOL_HTTPS, "my_service/a");
	takes(PROTOCOL_HTTP, "[2001:db8::1]/a");
	refuses(PROTOCOL_HTTP, "foo.com", "path is missing");
	refuses(PROTOCOL_HTTP, "foo.com?hunter2", "path is missing");
	refuses(PROTOCOL_HTTP, "foo.com:0/a", ":port");
	refuses(PROTOCOL_HTTP, "foo.com:99999/a", ":port");
	refuses(PROTOCOL_HTTP, "foo.com:+1/a", ":port");
	refuses(PROTOCOL_HTTP, "foo.com:1:2/a", ":port");
	refuses(PROTOCOL_HTTP, "foo.com./a", "host name");
	refuses(PROTOCOL_HTTP, "foo\\bar/a", "host name");
	refuses(PROTOCOL_HTTP, "f\xc3\xbc.com/a", "host name");
	refuses(PROTOCOL_HTTP, "[::1/a", "host name");
	refuses(PROTOCOL_HTTP, "[::1]x/a", ":port");
	refuses(PROTOCOL_HTTP, "[]/a", "host name");
	refuses(PROTOCOL_HTTP, "hunter2@foo.com/a", "user or password");
	refuses(PROTOCOL_HTTP, "me:hunter2@foo.com/a", "user or password");
	refuses(PROTOCOL_HTTP, "me:hunter2/x@foo.com/a", "user or password");
	refuses(PROTOCOL_HTTP, "me:hunter2?x@foo.com/a", "user or password");
}

static void test_image_check_protocol_uri__s3(void)
{
	takes(PROTOCOL_S3, "abc/d");
	takes(PROTOCOL_S3, "a.b-3/d/e?f@g");
	refuses(PROTOCOL_S3, "abc", "bucket/key");
	refuses(PROTOCOL_S3, "abc/", "bucket/key");
	refuses(PROTOCOL_S3, "/d", "bucket \"\"");
	refuses(PROTOCOL_S3, "Abc/d", "bucket \"Abc\"");
	refuses(PROTOCOL_S3, "abc-/d", "bucket");
	refuses(PROTOCOL_S3, "key:hunter2@abc/d", "user or password");
}

static void test_image_check_protocol_uri__oci(void)
{
	takes(PROTOCOL_OCI, "localhost/a");
	takes(PROTOCOL_OCI, "localhost:5000/a/b__c/d--e.f_g:T_1.2-3");
	takes(PROTOCOL_OCI, "r.io/a@sha256:" HEX);
	takes(PROTOCOL_OCI, "[::1]:5000/a:1");
	refuses(PROTOCOL_OCI, "a", "docker.io/library/a");
	refuses(PROTOCOL_OCI, "a:1", "docker.io/library/a:1");
	refuses(PROTOCOL_OCI, "a/b", "docker.io/a/b");
	refuses(PROTOCOL_OCI, "localhost:5000", "repository is missing");
	refuses(PROTOCOL_OCI, "r.io/", "repository is missing");
	refuses(PROTOCOL_OCI, "r.io/a/B", "lower-case");
	refuses(PROTOCOL_OCI, "r.io/a/", "repository \"a/\"");
	refuses(PROTOCOL_OCI, "r.io/a___b", "repository \"a___b\"");
	refuses(PROTOCOL_OCI, "r.io/a?hunter", "repository \"a?hunter\"");
	refuses(PROTOCOL_OCI, "r.io/a:b:c", "tag \"b:c\"");
	refuses(PROTOCOL_OCI, "r.io/a:b/c", "tag \"b/c\"");
	refuses(PROTOCOL_OCI, "r.io/a@sha512:" HEX, "\"sha256:\" and 64");
	refuses(PROTOCOL_OCI, "r.io/a@sha256:" HEX "0", "\"sha256:\" and 64");
	refuses(PROTOCOL_OCI, "me:hunter2@r.io/a", "user or password");
	refuses(PROTOCOL_OCI, "me/hunter2@r.io/a@sha256:" HEX, "user or password");
}

static void test_image_parse_sha256__says_how_to_write_it(void)
{
	struct digest digest = {.hex = ""};
	struct err err = {.code = ERR_NONE};

	CU_ASSERT_EQUAL(image_parse_sha256(&digest, HEX, &err), 0);
	CU_ASSERT_STRING_EQUAL(digest.hex, HEX);
	CU_ASSERT_EQUAL(image_parse_sha256(&digest, "sha256:" HEX, &err), -1);
	ASSERT_HAS(err.msg, "leave \"sha256:\" out");
	CU_ASSERT_EQUAL(image_parse_sha256(&digest, HEX "0", &err), -1);
	ASSERT_HAS(err.msg, "not 65 characters");
}

TEST_MAIN("image", TEST(test_image_check_uri__refuses_schemes_with_advice),
	TEST(test_image_check_uri__refuses_what_no_protocol_takes),
	TEST(test_image_check_protocol_uri__local_fs), TEST(test_image_check_protocol_uri__http),
	TEST(test_image_check_protocol_uri__s3), TEST(test_image_check_protocol_uri__oci),
	TEST(test_image_parse_sha256__says_how_to_write_it))
