/* SPDX-License-Identifier: Apache-2.0 */
#include "store/scrub.h"

#include "base/limits.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/test.h"

#define BLOBS 5

static void put_some(struct store *st, struct digest digests[BLOBS])
{
	static const char *const texts[BLOBS] = {"one", "two", "three", "four", "five"};
	struct err err = {.msg = ""};

	for (size_t i = 0; i < BLOBS; i++)
		CU_ASSERT_EQUAL_FATAL(put_blob(st, texts[i], &digests[i], &err), 0);
}

static bool has_blob(const struct store *st, const struct digest *digest)
{
	uint64_t size = 0;

	return store_has_blob(st, digest, &size);
}

static void damage(const struct folder *f, const struct digest *digest, const char *text)
{
	AUTO(free) char *path = xasprintf("blobs/sha256/%s", digest->hex);

	overwrite(f->path, path, text);
}

static void test_store_scrub__looks_at_each_blob_once_a_round(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct store_scrub s = {.blobs = 0};
	struct digest digests[BLOBS];
	struct err err = {.msg = ""};

	put_some(st, digests);
	overwrite(f.path, "blobs/sha256/notes.txt", "mine");
	for (int round = 0; round < 2; round++) {
		size_t seen[BLOBS] = {0};

		for (size_t i = 0; i < BLOBS; i++) {
			CU_ASSERT_EQUAL(store_scrub(st, &s, &err), 0);
			CU_ASSERT_EQUAL(s.blobs, BLOBS);
			for (size_t j = 0; j < BLOBS; j++)
				seen[j] += digest_equal(&s.last, &digests[j]);
		}
		for (size_t j = 0; j < BLOBS; j++)
			CU_ASSERT_EQUAL(seen[j], 1);
		CU_ASSERT_EQUAL(store_scrub(st, &s, &err), 0);
		CU_ASSERT_FALSE(digest_is_set(&s.last));
	}
}

static void test_store_scrub__removes_what_rotted_and_nothing_else(void)
{
	static const char *const rot[] = {"thref", "", "three, and more"};

	for (size_t k = 0; k < sizeof(rot) / sizeof(rot[0]); k++) {
		AUTO(folder) struct folder f = folder_new();
		AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
		struct store_scrub s = {.blobs = 0};
		struct digest digests[BLOBS];
		size_t found = 0;

		put_some(st, digests);
		damage(&f, &digests[2], rot[k]);
		for (size_t i = 0; i < BLOBS; i++) {
			struct err err = {.msg = ""};

			if (store_scrub(st, &s, &err) == 0)
				continue;
			found++;
			CU_ASSERT_EQUAL(err.code, ERR_UNVERIFIED);
			ASSERT_HAS(err.msg, digests[2].hex);
			CU_ASSERT(digest_equal(&s.last, &digests[2]));
		}
		CU_ASSERT_EQUAL(found, 1);
		for (size_t i = 0; i < BLOBS; i++)
			CU_ASSERT_EQUAL(has_blob(st, &digests[i]), i != 2);
	}
}

static void test_store_scrub__removes_what_is_longer_than_any_module(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct store_scrub s = {.blobs = 0};
	struct digest digest;
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL_FATAL(put_blob(st, "module", &digest, &err), 0);
	CU_ASSERT_EQUAL(fchmodat(st->blobs, digest.hex, 0600, 0), 0);
	AUTO(fd) int fd = openat(st->blobs, digest.hex, O_WRONLY | O_CLOEXEC);

	CU_ASSERT_EQUAL_FATAL(ftruncate(fd, LIMIT_MODULE_BYTES + 1), 0);
	CU_ASSERT_EQUAL(store_scrub(st, &s, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_UNVERIFIED);
	CU_ASSERT_FALSE(has_blob(st, &digest));
}

static void test_store_scrub__ends_the_round_of_an_empty_store(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct store_scrub s = {.blobs = 7};
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(store_scrub(st, &s, &err), 0);
	CU_ASSERT_FALSE(digest_is_set(&s.last));
	CU_ASSERT_EQUAL(s.blobs, 0);
}

static void test_store_scrub__leaves_what_it_cannot_read(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct store_scrub s = {.blobs = 0};
	struct digest digest;
	struct err err = {.msg = ""};

	digest_of(&digest, "a folder", 8);
	CU_ASSERT_EQUAL(mkdirat(st->blobs, digest.hex, 0700), 0);
	CU_ASSERT_EQUAL(store_scrub(st, &s, &err), -1);
	CU_ASSERT_NOT_EQUAL(err.code, ERR_UNVERIFIED);
	CU_ASSERT_EQUAL(store_scrub(st, &s, &err), 0); /* it goes on */
	CU_ASSERT_FALSE(digest_is_set(&s.last));
}

TEST_MAIN("scrub", TEST(test_store_scrub__looks_at_each_blob_once_a_round),
	TEST(test_store_scrub__removes_what_rotted_and_nothing_else),
	TEST(test_store_scrub__removes_what_is_longer_than_any_module),
	TEST(test_store_scrub__ends_the_round_of_an_empty_store),
	TEST(test_store_scrub__leaves_what_it_cannot_read))
