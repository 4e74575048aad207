/* SPDX-License-Identifier: Apache-2.0 */
#include "store/collect.h"

#include "tests/unit/store_fixture.h"
#include "tests/unit/test.h"

#define GRACE_MS 1000

/* Collects, which must succeed, and returns what came of it. */
static struct store_garbage collect(struct store *st, int64_t now, int64_t grace_ms)
{
	struct store_garbage garbage;
	struct err err = {.msg = ""};

	if (store_collect(st, now, grace_ms, &garbage, &err) < 0)
		printf("\n  %s\n", err.msg);
	CU_ASSERT_EQUAL(err.msg[0], '\0');
	return garbage;
}

static bool has_blob(const struct store *st, const char *text)
{
	struct digest digest;
	uint64_t size = 0;

	digest_of(&digest, text, strlen(text));
	return store_has_blob(st, &digest, &size);
}

static void put_blob_of(struct store *st, const char *text)
{
	struct digest digest;
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL_FATAL(put_blob(st, text, &digest, &err), 0);
}

static void test_store_collect__removes_what_no_record_names(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct store_garbage garbage;
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(put_record_of(st, "default/auth", "0a", "first", &err), 0);
	CU_ASSERT_EQUAL(put_record_of(st, "default/auth", "0b", "second", &err), 0);
	CU_ASSERT_EQUAL(put_record_of(st, "default/rate", "0a", "third", &err), 0);
	garbage = collect(st, 0, 0);
	CU_ASSERT_EQUAL(garbage.blobs, 1);
	CU_ASSERT_EQUAL(garbage.bytes, 5);
	CU_ASSERT_FALSE(has_blob(st, "first"));
	CU_ASSERT(has_blob(st, "second"));
	CU_ASSERT(has_blob(st, "third"));
	CU_ASSERT_EQUAL(store_delete_record(st, "default/rate", &err), 0);
	CU_ASSERT_EQUAL(collect(st, 0, 0).blobs, 1);
	CU_ASSERT_FALSE(has_blob(st, "third"));
}

static void test_store_collect__keeps_the_module_beside_what_is_served(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct err err = {.msg = ""};

	put_blob_of(st, "whole"); /* as fill_record() has it */
	CU_ASSERT_EQUAL(put_record(st, "default/auth", "0a", &err), 0);
	CU_ASSERT_EQUAL(collect(st, 0, 0).blobs, 0);
	CU_ASSERT(has_blob(st, "whole"));
	CU_ASSERT(has_blob(st, "module"));
}

static void test_store_collect__waits_from_when_it_saw_no_need(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct store_garbage garbage;

	put_blob_of(st, "unused");
	garbage = collect(st, 5000, GRACE_MS);
	CU_ASSERT_EQUAL(garbage.blobs, 0);
	CU_ASSERT_EQUAL(garbage.waiting, 1);
	CU_ASSERT_EQUAL(garbage.next_at, 5000 + GRACE_MS);
	garbage = collect(st, 5000 + GRACE_MS - 1, GRACE_MS);
	CU_ASSERT_EQUAL(garbage.waiting, 1);
	CU_ASSERT_EQUAL(garbage.next_at, 5000 + GRACE_MS);
	garbage = collect(st, 5000 + GRACE_MS, GRACE_MS);
	CU_ASSERT_EQUAL(garbage.blobs, 1);
	CU_ASSERT_EQUAL(garbage.waiting, 0);
	CU_ASSERT_EQUAL(garbage.next_at, INT64_MAX);
	CU_ASSERT_FALSE(has_blob(st, "unused"));
}

static void test_store_collect__starts_the_wait_anew_after_a_use(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct err err = {.msg = ""};

	put_blob_of(st, "module");
	(void)collect(st, 0, GRACE_MS);
	CU_ASSERT_EQUAL(put_record(st, "default/auth", "0a", &err), 0);
	CU_ASSERT_EQUAL(collect(st, 2 * GRACE_MS, GRACE_MS).waiting, 0);
	CU_ASSERT_EQUAL(store_delete_record(st, "default/auth", &err), 0);
	CU_ASSERT_EQUAL(collect(st, 3 * GRACE_MS, GRACE_MS).waiting, 1);
	CU_ASSERT(has_blob(st, "module"));
	CU_ASSERT_EQUAL(collect(st, 4 * GRACE_MS, GRACE_MS).blobs, 1);
}

/* Nobody collected while it was in use. */
static void test_store_collect__starts_the_wait_anew_after_a_use_it_did_not_see(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct err err = {.msg = ""};

	put_blob_of(st, "module");
	(void)collect(st, 0, GRACE_MS);
	CU_ASSERT_EQUAL(put_record(st, "default/auth", "0a", &err), 0);
	CU_ASSERT_EQUAL(store_delete_record(st, "default/auth", &err), 0);
	CU_ASSERT_EQUAL(collect(st, GRACE_MS, GRACE_MS).waiting, 1);
	CU_ASSERT(has_blob(st, "module"));
}

/* It is fetched again after it fell out of use, and its record is still to come. */
static void test_store_collect__starts_the_wait_anew_after_a_commit(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);

	put_blob_of(st, "module");
	(void)collect(st, 0, GRACE_MS);
	put_blob_of(st, "module");
	CU_ASSERT_EQUAL(collect(st, GRACE_MS, GRACE_MS).waiting, 1);
	CU_ASSERT(has_blob(st, "module"));
}

static void test_store_collect__does_not_count_the_time_of_another_writer(void)
{
	AUTO(folder) struct folder f = folder_new();

	{
		AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);

		put_blob_of(st, "module");
		(void)collect(st, 0, GRACE_MS);
	}
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);

	CU_ASSERT_EQUAL(collect(st, 10 * GRACE_MS, GRACE_MS).waiting, 1);
}

static bool is_lease(void *arg, const struct digest *digest)
{
	return digest_equal(arg, digest);
}

static void test_store_collect__keeps_what_its_owner_needs(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct digest lease;
	struct store_policy policy = {.needs = is_lease, .arg = &lease};

	put_blob_of(st, "leased");
	put_blob_of(st, "unused");
	digest_of(&lease, "leased", 6);
	store_set_policy(st, &policy);
	CU_ASSERT_EQUAL(collect(st, 0, 0).blobs, 1);
	CU_ASSERT(has_blob(st, "leased"));
	CU_ASSERT_FALSE(has_blob(st, "unused"));
}

static void test_store_collect__removes_nothing_while_a_record_is_unreadable(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct store_garbage garbage;
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(put_record(st, "default/auth", "0a", &err), 0);
	CU_ASSERT_EQUAL(put_record_of(st, "default/rate", "0a", "second", &err), 0);
	overwrite(f.path, "resources/default/auth", "rotten");
	CU_ASSERT_EQUAL(store_collect(st, 0, 0, &garbage, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_UNVERIFIED);
	ASSERT_HAS(err.msg, "default/auth");
	CU_ASSERT_EQUAL(garbage.blobs, 0);
	CU_ASSERT(has_blob(st, "module"));
	CU_ASSERT_EQUAL(put_record_of(st, "default/auth", "0b", "second", &err), 0);
	CU_ASSERT_EQUAL(collect(st, 0, 0).blobs, 1);
	CU_ASSERT_FALSE(has_blob(st, "module"));
}

static void test_store_collect__leaves_what_is_no_blob(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct digest digest;

	overwrite(f.path, "blobs/sha256/notes.txt", "mine");
	digest_of(&digest, "a folder", 8);
	CU_ASSERT_EQUAL(mkdirat(st->blobs, digest.hex, 0700), 0);
	CU_ASSERT_EQUAL(collect(st, 0, 0).blobs, 0);
	CU_ASSERT(path_exists(f.path, "blobs/sha256/notes.txt"));
}

static void test_store_collect__leaves_a_reader_what_it_has_open(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(store) struct store *reader = open_store(f.path, STORE_READ);
	AUTO(buf) struct buf text = BUF_INIT(100);
	struct digest digest;
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL_FATAL(put_blob(st, "module", &digest, &err), 0);
	AUTO(fd) int fd = store_open_blob(reader, &digest, &err);

	CU_ASSERT_EQUAL(collect(st, 0, 0).blobs, 1);
	CU_ASSERT_EQUAL(io_read(fd, &text, &err), 0);
	CU_ASSERT_STRING_EQUAL(buf_text(&text), "module");
}

static void test_store_used__adds_up_the_blobs(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct err err = {.msg = ""};
	uint64_t used = 1;

	CU_ASSERT_EQUAL(store_used(st, &used, &err), 0);
	CU_ASSERT_EQUAL(used, 0);
	put_blob_of(st, "12345");
	put_blob_of(st, "1234567");
	overwrite(f.path, "blobs/sha256/notes.txt", "mine");
	CU_ASSERT_EQUAL(store_used(st, &used, &err), 0);
	CU_ASSERT_EQUAL(used, 12);
}

TEST_MAIN("collect", TEST(test_store_collect__removes_what_no_record_names),
	TEST(test_store_collect__keeps_the_module_beside_what_is_served),
	TEST(test_store_collect__waits_from_when_it_saw_no_need),
	TEST(test_store_collect__starts_the_wait_anew_after_a_use),
	TEST(test_store_collect__starts_the_wait_anew_after_a_use_it_did_not_see),
	TEST(test_store_collect__starts_the_wait_anew_after_a_commit),
	TEST(test_store_collect__does_not_count_the_time_of_another_writer),
	TEST(test_store_collect__keeps_what_its_owner_needs),
	TEST(test_store_collect__removes_nothing_while_a_record_is_unreadable),
	TEST(test_store_collect__leaves_what_is_no_blob),
	TEST(test_store_collect__leaves_a_reader_what_it_has_open),
	TEST(test_store_used__adds_up_the_blobs))
