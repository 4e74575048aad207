/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/served.h"

#include "base/auto.h"
#include "base/buf.h"
#include "tests/unit/build_wasm.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/test.h"

/* Puts the bytes as a blob. */
static struct digest put_bytes(struct store *st, const struct buf *b)
{
	struct ingest in = {.fd = -1};
	struct digest digest;
	struct err err = {.msg = ""};

	digest_of(&digest, b->data, b->len);
	CU_ASSERT_EQUAL_FATAL(store_ingest(st, &in, &err), 0);
	CU_ASSERT_EQUAL_FATAL(io_write(in.fd, b->data, b->len, &err), 0);
	CU_ASSERT_EQUAL_FATAL(store_commit_blob(st, &in, &digest, &err), 0);
	return digest;
}

static bool blob_is(const struct store *st, const struct served *served, const struct buf *want)
{
	AUTO(buf) struct buf got = BUF_INIT(BUILD_MAX);
	struct err err = {.msg = ""};
	AUTO(fd) int fd = store_open_blob(st, &served->digest, &err);

	return fd >= 0 && io_read(fd, &got, &err) == 0 && got.len == want->len &&
	       served->bytes == want->len && memcmp(got.data, want->data, want->len) == 0;
}

/* Whether nothing is left over of a copy. */
static bool ingest_is_empty(const struct folder *f)
{
	AUTO(free) char *path = xasprintf("%s/" LAYOUT_INGEST, f->path);

	return rmdir(path) == 0 && mkdir(path, 0700) == 0;
}

/* A filter, and the same with debug sections before, between and behind. */
struct pair {
	struct buf bare;
	struct buf whole;
};

static struct pair pair_new(size_t debug_bytes)
{
	struct pair p = {.bare = BUF_INIT(BUILD_MAX), .whole = BUF_INIT(BUILD_MAX)};

	build_filter(&p.bare);
	build_custom(&p.bare, "producers", 100);
	build_header(&p.whole);
	build_custom(&p.whole, ".debug_abbrev", 3);
	build_bytes(&p.whole, p.bare.data + 8, p.bare.len - 8);
	build_custom(&p.whole, ".debug_info", debug_bytes);
	return p;
}

static void auto_pair(struct pair *p)
{
	buf_clear(&p->bare);
	buf_clear(&p->whole);
}

static void test_served_make__drops_debug_sections_into_a_blob_of_its_own(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(pair) struct pair p = pair_new(700000); /* more than one chunk */
	struct digest module = put_bytes(st, &p.whole);
	struct served first = {.bytes = 0};
	struct served again = {.bytes = 0};
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(served_make(&first, st, &module, &err), 0);
	CU_ASSERT_TRUE(blob_is(st, &first, &p.bare));
	CU_ASSERT_EQUAL(served_make(&again, st, &module, &err), 0);
	CU_ASSERT_TRUE(digest_equal(&first.digest, &again.digest));
	CU_ASSERT_EQUAL(first.bytes, again.bytes);
	CU_ASSERT_TRUE(ingest_is_empty(&f));
}

static void test_served_make__is_the_module_where_nothing_can_go(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(pair) struct pair p = pair_new(1);
	struct digest module = put_bytes(st, &p.bare);
	struct served served = {.bytes = 0};
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(served_make(&served, st, &module, &err), 0);
	CU_ASSERT_TRUE(digest_equal(&served.digest, &module));
	CU_ASSERT_EQUAL(served.bytes, p.bare.len);
	CU_ASSERT_TRUE(ingest_is_empty(&f));
}

static void test_served_make__takes_no_blob_that_rotted(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(pair) struct pair p = pair_new(1000);
	struct digest module = put_bytes(st, &p.whole);
	AUTO(free) char *path = xasprintf("%s/blobs/sha256/%s", f.path, module.hex);
	struct served served = {.bytes = 7};
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(chmod(path, 0600), 0);
	AUTO(fd) int fd = open(path, O_WRONLY | O_CLOEXEC);

	/* in what goes, where the parser does not look */
	CU_ASSERT_EQUAL(pwrite(fd, "y", 1, (off_t)p.whole.len - 1), 1);
	CU_ASSERT_EQUAL(served_make(&served, st, &module, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_UNVERIFIED);
	ASSERT_HAS(err.msg, module.hex);
	CU_ASSERT_EQUAL(served.bytes, 7);
	CU_ASSERT_TRUE(ingest_is_empty(&f));
}

static void test_served_make__says_what_is_wrong_with_a_blob(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(buf) struct buf text = BUF_INIT(BUILD_MAX);
	struct digest absent;
	struct served served = {.bytes = 0};
	struct err err = {.msg = ""};

	digest_of(&absent, "absent", 6);
	CU_ASSERT_EQUAL(served_make(&served, st, &absent, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_NOT_FOUND);

	struct digest empty = put_bytes(st, &text);

	CU_ASSERT_EQUAL(served_make(&served, st, &empty, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	build_bytes(&text, "<html>", 6);

	struct digest html = put_bytes(st, &text);

	CU_ASSERT_EQUAL(served_make(&served, st, &html, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, "HTML");
}

TEST_MAIN("served", TEST(test_served_make__drops_debug_sections_into_a_blob_of_its_own),
	TEST(test_served_make__is_the_module_where_nothing_can_go),
	TEST(test_served_make__takes_no_blob_that_rotted),
	TEST(test_served_make__says_what_is_wrong_with_a_blob))
