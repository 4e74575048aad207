/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ingest.h"

#include "base/limits.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/test.h"

/* "blobs/sha256/<hex>"; the caller frees it. */
static char *blob_path(const struct digest *digest)
{
	return xasprintf("blobs/sha256/%s", digest->hex);
}

static int count_entry(void *arg, int at, const char *name, struct err *err)
{
	size_t *n = arg;

	(void)at;
	(void)name;
	(void)err;
	(*n)++;
	return 0;
}

static size_t ingests(const struct store *st)
{
	size_t n = 0;
	struct err err;

	CU_ASSERT_EQUAL(layout_walk(st->ingest, count_entry, &n, &err), 0);
	return n;
}

static void read_blob(const struct store *st, const struct digest *digest, struct buf *out)
{
	struct err err = {.msg = ""};
	AUTO(fd) int fd = store_open_blob(st, digest, &err);

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(io_read(fd, out, &err), 0);
}

static void test_store_commit_blob__keeps_it_read_only_under_its_digest(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(buf) struct buf text = BUF_INIT(100);
	struct digest digest;
	struct stat file;
	struct err err = {.msg = ""};
	uint64_t size = 0;

	CU_ASSERT_EQUAL_FATAL(put_blob(st, "module", &digest, &err), 0);
	CU_ASSERT(store_has_blob(st, &digest, &size));
	CU_ASSERT_EQUAL(size, 6);
	read_blob(st, &digest, &text);
	CU_ASSERT_STRING_EQUAL(buf_text(&text), "module");
	CU_ASSERT_EQUAL(fstatat(st->blobs, digest.hex, &file, 0), 0);
	CU_ASSERT_EQUAL(file.st_mode & 07777, 0444);
	CU_ASSERT_EQUAL(ingests(st), 0);
}

static void test_store_commit_blob__is_still_there_after_reopening(void)
{
	AUTO(folder) struct folder f = folder_new();
	struct digest digest;
	struct err err;
	uint64_t size = 0;

	{
		AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);

		CU_ASSERT_EQUAL_FATAL(put_blob(st, "module", &digest, &err), 0);
	}
	AUTO(store) struct store *st = open_store(f.path, STORE_READ);

	CU_ASSERT(store_has_blob(st, &digest, &size));
}

static void test_store_commit_blob__takes_a_file_whose_descriptor_is_gone(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct digest digest;
	struct ingest in;
	struct err err = {.msg = ""};
	uint64_t size = 0;

	CU_ASSERT_EQUAL_FATAL(store_ingest(st, &in, &err), 0);
	CU_ASSERT_EQUAL(io_write(in.fd, "given", 5, &err), 0);
	(void)close(fd_steal(&in.fd));
	digest_of(&digest, "given", 5);
	CU_ASSERT_EQUAL(store_commit_blob(st, &in, &digest, &err), 0);
	CU_ASSERT(store_has_blob(st, &digest, &size));
	CU_ASSERT_STRING_EQUAL(in.name, "");
}

static void test_store_commit_blob__fails_where_the_file_was_removed(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct digest digest;
	struct ingest in;
	struct err err = {.msg = ""};

	digest_of(&digest, "gone", 4);
	CU_ASSERT_EQUAL_FATAL(store_ingest(st, &in, &err), 0);
	CU_ASSERT_EQUAL(unlinkat(st->ingest, in.name, 0), 0);
	CU_ASSERT_EQUAL(store_commit_blob(st, &in, &digest, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_TRANSIENT);
	CU_ASSERT_EQUAL(in.fd, -1);
}

static void test_store_commit_blob__keeps_the_one_that_is_there(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct digest digest;
	struct stat before, after;
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL_FATAL(put_blob(st, "module", &digest, &err), 0);
	CU_ASSERT_EQUAL(fstatat(st->blobs, digest.hex, &before, 0), 0);
	CU_ASSERT_EQUAL_FATAL(put_blob(st, "module", &digest, &err), 0);
	CU_ASSERT_EQUAL(fstatat(st->blobs, digest.hex, &after, 0), 0);
	CU_ASSERT_EQUAL(before.st_ino, after.st_ino);
	CU_ASSERT_EQUAL(ingests(st), 0);
}

static void test_store_commit_blob__replaces_one_that_rotted(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(buf) struct buf text = BUF_INIT(100);
	struct digest digest;
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL_FATAL(put_blob(st, "module", &digest, &err), 0);
	AUTO(free) char *path = blob_path(&digest);

	overwrite(f.path, path, "rotten");
	CU_ASSERT_EQUAL_FATAL(put_blob(st, "module", &digest, &err), 0);
	read_blob(st, &digest, &text);
	CU_ASSERT_STRING_EQUAL(buf_text(&text), "module");
}

static size_t blobs(const struct store *st)
{
	size_t n = 0;
	struct err err;

	CU_ASSERT_EQUAL(layout_walk(st->blobs, count_entry, &n, &err), 0);
	return n;
}

static void test_store_commit_blob__makes_one_of_a_hundred_at_once(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct ingest in[100];
	struct digest digest;
	struct err err = {.msg = ""};

	digest_of(&digest, "module", 6);
	for (size_t i = 0; i < 100; i++) {
		CU_ASSERT_EQUAL_FATAL(store_ingest(st, &in[i], &err), 0);
		CU_ASSERT_EQUAL(io_write(in[i].fd, "module", 6, &err), 0);
	}
	for (size_t i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(store_commit_blob(st, &in[i], &digest, &err), 0);
	CU_ASSERT_EQUAL(blobs(st), 1);
	CU_ASSERT_EQUAL(ingests(st), 0);
}

static void test_store_commit_blob__refuses_what_passes_the_cap(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct store_policy policy = {.max_bytes = 10};
	struct digest digest;
	struct err err = {.msg = ""};
	uint64_t size = 0;

	CU_ASSERT_EQUAL_FATAL(put_record(st, "default/auth", "0a", &err), 0);
	store_set_policy(st, &policy);
	CU_ASSERT_EQUAL(put_blob(st, "12345", &digest, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_FULL);
	ASSERT_HAS(err.msg, "needs 5 bytes, and 6 of at most 10 are in use");
	CU_ASSERT_EQUAL(put_blob(st, "1234", &digest, &err), 0);
	CU_ASSERT_EQUAL(put_blob(st, "module", &digest, &err), 0);
	CU_ASSERT(store_has_blob(st, &digest, &size));
	CU_ASSERT_EQUAL(ingests(st), 0);
}

static void test_store_commit_blob__makes_room_below_the_cap(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct store_policy policy = {.max_bytes = 10};
	struct digest unused;
	struct digest used;
	struct digest fresh;
	struct err err = {.msg = ""};
	uint64_t size = 0;

	CU_ASSERT_EQUAL_FATAL(put_record(st, "default/auth", "0a", &err), 0);
	CU_ASSERT_EQUAL(put_blob(st, "1234", &unused, &err), 0);
	digest_of(&used, "module", 6);
	store_set_policy(st, &policy);
	CU_ASSERT_EQUAL(put_blob(st, "123", &fresh, &err), 0);
	CU_ASSERT_FALSE(store_has_blob(st, &unused, &size));
	CU_ASSERT(store_has_blob(st, &used, &size));
	CU_ASSERT(store_has_blob(st, &fresh, &size));
}

static void test_store_commit_blob__replaces_one_that_rotted_at_the_cap(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct store_policy policy = {.max_bytes = 6};
	struct digest digest;
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL_FATAL(put_record(st, "default/auth", "0a", &err), 0);
	digest_of(&digest, "module", 6);
	AUTO(free) char *path = blob_path(&digest);

	store_set_policy(st, &policy);
	overwrite(f.path, path, "rotten");
	CU_ASSERT_EQUAL(put_blob(st, "module", &digest, &err), 0);
}

static void test_store_ingest_abort__leaves_nothing(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct ingest in;
	struct err err;

	CU_ASSERT_EQUAL_FATAL(store_ingest(st, &in, &err), 0);
	CU_ASSERT_EQUAL(ingests(st), 1);
	store_ingest_abort(st, &in);
	CU_ASSERT_EQUAL(ingests(st), 0);
	store_ingest_abort(st, &in);
	CU_ASSERT_EQUAL(in.fd, -1);
}

static void test_store_open_blob__finds_only_files(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct digest digest = {.hex = ""};
	struct err err;
	uint64_t size = 0;

	CU_ASSERT_FALSE(store_has_blob(st, &digest, &size));
	CU_ASSERT_EQUAL(store_open_blob(st, &digest, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_NOT_FOUND);
	digest_of(&digest, "x", 1);
	CU_ASSERT_EQUAL(store_open_blob(st, &digest, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_NOT_FOUND);
	CU_ASSERT_EQUAL(mkdirat(st->blobs, digest.hex, 0700), 0);
	CU_ASSERT_FALSE(store_has_blob(st, &digest, &size));
	CU_ASSERT_EQUAL(store_open_blob(st, &digest, &err), -1);
}

static void test_ingest_copy__stops_at_the_ceiling(void)
{
	AUTO(fd) int zeros = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	struct digest digest;
	uint64_t size = 0;
	struct err err;

	CU_ASSERT_EQUAL(ingest_copy(zeros, -1, &digest, &size, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
}

TEST_MAIN("ingest", TEST(test_store_commit_blob__keeps_it_read_only_under_its_digest),
	TEST(test_store_commit_blob__is_still_there_after_reopening),
	TEST(test_store_commit_blob__takes_a_file_whose_descriptor_is_gone),
	TEST(test_store_commit_blob__fails_where_the_file_was_removed),
	TEST(test_store_commit_blob__keeps_the_one_that_is_there),
	TEST(test_store_commit_blob__replaces_one_that_rotted),
	TEST(test_store_commit_blob__makes_one_of_a_hundred_at_once),
	TEST(test_store_commit_blob__refuses_what_passes_the_cap),
	TEST(test_store_commit_blob__makes_room_below_the_cap),
	TEST(test_store_commit_blob__replaces_one_that_rotted_at_the_cap),
	TEST(test_store_ingest_abort__leaves_nothing), TEST(test_store_open_blob__finds_only_files),
	TEST(test_ingest_copy__stops_at_the_ceiling))
