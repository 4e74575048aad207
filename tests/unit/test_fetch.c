/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/fetch.h"

#include <string.h>

#include "api/extension.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "fetch/task.h"
#include "tests/unit/build_tar.h"
#include "tests/unit/http_server.h"
#include "tests/unit/test.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

/* Writes bytes into a file below a folder, and fetches that by local_fs. */
static int fetch_of(struct fetch_result *out, const void *bytes, size_t n,
	const struct digest *want, struct err *err)
{
	AUTO(fixture_dir) char *dir = fixture_dir();
	AUTO(free) char *path = fixture_write(dir, "f.wasm", bytes, n);
	AUTO(fd) int fd = fixture_file();
	struct fetch_options options = fixture_options();
	struct fetch_request request = {.source = FETCH_LOCAL_FS, .uri = "f.wasm"};
	struct fetch_task task = {.options = &options, .request = &request};

	options.local_root = dir;
	if (want)
		request.want = *want;
	return fetch_run(out, &task, fd, err);
}

static void test_fetch_run__describes_a_good_module(void)
{
	struct fetch_result result = {0};
	struct digest want;
	struct err err = {0};

	digest_of(&want, fixture_module, fixture_module_size);
	CU_ASSERT_EQUAL(fetch_of(&result, fixture_module, fixture_module_size, NULL, &err), 0);
	CU_ASSERT_TRUE(digest_equal(&result.digest, &want));
	CU_ASSERT_EQUAL(result.size, fixture_module_size);
	CU_ASSERT_EQUAL(result.abi, WASM_ABI_0_2_1);
	CU_ASSERT_EQUAL(result.debug_bytes, 0);
}

static void test_fetch_run__counts_debug_sections(void)
{
	static const uint8_t section[] = {
		0x00, 0x0d, 0x0b, '.', 'd', 'e', 'b', 'u', 'g', '_', 'i', 'n', 'f', 'o', 0xff};
	uint8_t bytes[256];
	struct fetch_result result = {0};
	struct err err = {0};

	memcpy(bytes, fixture_module, fixture_module_size);
	memcpy(bytes + fixture_module_size, section, sizeof(section));
	CU_ASSERT_EQUAL(
		fetch_of(&result, bytes, fixture_module_size + sizeof(section), NULL, &err), 0);
	CU_ASSERT_EQUAL(result.debug_bytes, sizeof(section));
}

static void test_fetch_run__accepts_the_digest_that_was_asked_for(void)
{
	struct fetch_result result = {0};
	struct digest want;
	struct err err = {0};

	digest_of(&want, fixture_module, fixture_module_size);
	CU_ASSERT_EQUAL(fetch_of(&result, fixture_module, fixture_module_size, &want, &err), 0);
}

static void test_fetch_run__refuses_another_digest_and_names_both(void)
{
	struct fetch_result result = {0};
	struct digest want = {.hex = ZEROS};
	struct digest got;
	struct err err = {0};

	digest_of(&got, fixture_module, fixture_module_size);
	CU_ASSERT_EQUAL(fetch_of(&result, fixture_module, fixture_module_size, &want, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_UNVERIFIED);
	ASSERT_HAS(err.msg, ZEROS);
	ASSERT_HAS(err.msg, got.hex);
	ASSERT_HAS(err.msg, "local_fs://f.wasm: ");
	CU_ASSERT_EQUAL(result.size, 0);
}

static void test_fetch_run__takes_the_module_out_of_what_it_came_in(void)
{
	AUTO(buf) struct buf tar = BUF_INIT(LIMIT_MIB);
	AUTO(buf) struct buf gzip = BUF_INIT(LIMIT_MIB);
	AUTO(buf) struct buf both = BUF_INIT(LIMIT_MIB);
	const struct buf *const packed[] = {&tar, &gzip, &both};
	struct digest want;

	digest_of(&want, fixture_module, fixture_module_size);
	tar_add_file(&tar, "README", "read me", 7);
	tar_add_file(&tar, "plugin.wasm", fixture_module, fixture_module_size);
	tar_end(&tar);
	gzip_add(&gzip, fixture_module, fixture_module_size);
	gzip_add(&both, tar.data, tar.len);
	for (size_t i = 0; i < sizeof(packed) / sizeof(packed[0]); i++) {
		struct fetch_result result = {0};
		struct err err = {0};

		CU_ASSERT_EQUAL(fetch_of(&result, packed[i]->data, packed[i]->len, &want, &err), 0);
		CU_ASSERT_TRUE(digest_equal(&result.digest, &want));
		CU_ASSERT_EQUAL(result.size, fixture_module_size);
	}
}

static void test_fetch_run__does_not_take_the_digest_of_an_archive(void)
{
	AUTO(buf) struct buf gzip = BUF_INIT(LIMIT_MIB);
	struct fetch_result result = {0};
	struct digest want;
	struct err err = {0};

	gzip_add(&gzip, fixture_module, fixture_module_size);
	digest_of(&want, gzip.data, gzip.len);
	CU_ASSERT_EQUAL(fetch_of(&result, gzip.data, gzip.len, &want, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_UNVERIFIED);
}

static void test_fetch_run__says_where_an_archive_could_not_be_kept(void)
{
	AUTO(fixture_dir) char *dir = fixture_dir();
	AUTO(free) char *path = fixture_write(dir, "f.gz", "\x1f\x8b", 2);
	AUTO(fd) int fd = fixture_file();
	struct fetch_options options = fixture_options();
	struct fetch_request request = {.source = FETCH_LOCAL_FS, .uri = "f.gz"};
	struct fetch_task task = {.options = &options, .request = &request};
	struct fetch_result result = {0};
	struct err err = {0};

	options.local_root = dir;
	options.temp_dir = "/nonexistent";
	CU_ASSERT_EQUAL(fetch_run(&result, &task, fd, &err), -1);
	ASSERT_HAS(err.msg, "local_fs://f.gz: a file below /nonexistent");
}

static void test_fetch_run__looks_at_the_digest_before_the_module(void)
{
	struct fetch_result result = {0};
	struct digest want = {.hex = ZEROS};
	struct err err = {0};

	CU_ASSERT_EQUAL(fetch_of(&result, "no module", 9, &want, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_UNVERIFIED);
}

static void test_fetch_run__refuses_what_is_no_module(void)
{
	struct fetch_result result = {0};
	struct digest want;
	struct err err = {0};

	digest_of(&want, "no module", 9);
	CU_ASSERT_EQUAL(fetch_of(&result, "no module", 9, &want, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, "local_fs://f.wasm: ");
	CU_ASSERT_EQUAL(result.size, 0);
}

static void test_fetch_run__refuses_an_empty_file(void)
{
	struct fetch_result result = {0};
	struct err err = {0};

	CU_ASSERT_EQUAL(fetch_of(&result, "", 0, NULL, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
}

static void test_fetch_run__holds_the_ceiling_of_its_options(void)
{
	AUTO(http_server) struct http_server *s = http_server_start(NULL, NULL);
	AUTO(free) char *uri = xasprintf("127.0.0.1:%u/module", http_server_port(s));
	AUTO(fd) int fd = fixture_file();
	struct fetch_options options = fixture_options();
	struct fetch_request request = {.source = FETCH_HTTP, .uri = uri};
	struct fetch_task task = {.options = &options, .request = &request};
	struct fetch_result result = {0};
	struct err err = {0};

	options.max_bytes = fixture_module_size - 1;
	CU_ASSERT_EQUAL(fetch_run(&result, &task, fd, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
}

static void test_fetch_run__shows_no_credential(void)
{
	AUTO(http_server) struct http_server *s = http_server_start(NULL, NULL);
	AUTO(free)
	char *uri = xasprintf("u:secret@127.0.0.1:%u/status/404?secret", http_server_port(s));
	AUTO(free)
	char *want = xasprintf("http://127.0.0.1:%u/status/404: answered 404", http_server_port(s));
	AUTO(fd) int fd = fixture_file();
	struct fetch_options options = fixture_options();
	struct fetch_request request = {.source = FETCH_HTTP, .uri = uri};
	struct fetch_task task = {.options = &options, .request = &request};
	struct fetch_result result = {0};
	struct err err = {0};

	CU_ASSERT_EQUAL(fetch_run(&result, &task, fd, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_NOT_FOUND);
	ASSERT_HAS(err.msg, want);
	CU_ASSERT_PTR_NULL(strstr(err.msg, "secret"));
}

static void test_fetch_run__needs_an_account_for_s3(void)
{
	AUTO(fd) int fd = fixture_file();
	struct fetch_options options = fixture_options();
	struct fetch_request request = {.source = FETCH_S3, .uri = "bucket/key"};
	struct fetch_task task = {.options = &options, .request = &request};
	struct fetch_result result = {0};
	struct err err = {0};

	CU_ASSERT_EQUAL(fetch_run(&result, &task, fd, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	CU_ASSERT_STRING_EQUAL(err.msg, "s3://bucket/key: protocol s3 is off");
}

static void test_fetch_source_name__is_the_manifests_word(void)
{
	CU_ASSERT_STRING_EQUAL(fetch_source_name(FETCH_LOCAL_FS), "local_fs");
	CU_ASSERT_STRING_EQUAL(fetch_source_name(FETCH_HTTP), "http");
	CU_ASSERT_STRING_EQUAL(fetch_source_name(FETCH_HTTPS), "https");
	CU_ASSERT_STRING_EQUAL(fetch_source_name(FETCH_S3), "s3");
	CU_ASSERT_STRING_EQUAL(fetch_source_name(FETCH_OCI), "oci");
}

static void test_fetch_source_named__finds_each_protocol_of_a_manifest(void)
{
	for (int p = PROTOCOL_LOCAL_FS; p <= PROTOCOL_OCI; p++) {
		const char *name = extension_protocol_name((enum image_protocol)p);

		CU_ASSERT_STRING_EQUAL(fetch_source_name(fetch_source_named(name)), name);
	}
}

TEST_MAIN("fetch", TEST(test_fetch_run__describes_a_good_module),
	TEST(test_fetch_run__counts_debug_sections),
	TEST(test_fetch_run__accepts_the_digest_that_was_asked_for),
	TEST(test_fetch_run__refuses_another_digest_and_names_both),
	TEST(test_fetch_run__takes_the_module_out_of_what_it_came_in),
	TEST(test_fetch_run__does_not_take_the_digest_of_an_archive),
	TEST(test_fetch_run__says_where_an_archive_could_not_be_kept),
	TEST(test_fetch_run__looks_at_the_digest_before_the_module),
	TEST(test_fetch_run__refuses_what_is_no_module),
	TEST(test_fetch_run__refuses_an_empty_file),
	TEST(test_fetch_run__holds_the_ceiling_of_its_options),
	TEST(test_fetch_run__shows_no_credential), TEST(test_fetch_run__needs_an_account_for_s3),
	TEST(test_fetch_source_name__is_the_manifests_word),
	TEST(test_fetch_source_named__finds_each_protocol_of_a_manifest))
