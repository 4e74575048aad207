/* SPDX-License-Identifier: Apache-2.0 */
#include "store/blob.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/limits.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/test.h"

#define THREADS 4
#define ROUNDS 1000

static void auto_cache(struct blob_cache **cache)
{
	blob_cache_free(*cache);
}

static void test_blob_cache_get__shares_one_copy(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(cache) struct blob_cache *cache = blob_cache_new();
	struct digest digest;
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL_FATAL(put_blob(st, "module", &digest, &err), 0);
	AUTO(blob) struct blob *one = blob_cache_get(cache, st, &digest, 6, &err);
	AUTO(blob) struct blob *two = blob_cache_get(cache, st, &digest, 6, &err);
	AUTO(blob) struct blob *three = blob_ref(one);

	CU_ASSERT_PTR_NOT_NULL_FATAL(one);
	CU_ASSERT_PTR_EQUAL(one, two);
	CU_ASSERT_PTR_EQUAL(one, three);
	CU_ASSERT_EQUAL(blob_size(one), 6);
	CU_ASSERT_EQUAL(memcmp(blob_bytes(one), "module", 6), 0);
	CU_ASSERT_EQUAL(blob_cache_bytes(cache), 6);
}

static void test_blob_cache_get__reads_a_module_of_many_chunks(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(cache) struct blob_cache *cache = blob_cache_new();
	size_t n = 3 * LIMIT_MIB + 17;
	AUTO(free) char *text = xmalloc(n + 1);
	struct digest digest;
	struct err err = {.msg = ""};

	for (size_t i = 0; i < n; i++)
		text[i] = (char)('a' + i * i % 26);
	text[n] = '\0';
	CU_ASSERT_EQUAL_FATAL(put_blob(st, text, &digest, &err), 0);
	AUTO(blob) struct blob *b = blob_cache_get(cache, st, &digest, n, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	CU_ASSERT_EQUAL(memcmp(blob_bytes(b), text, n), 0);
}

static void test_blob_cache_get__takes_an_empty_blob(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(cache) struct blob_cache *cache = blob_cache_new();
	struct digest digest;
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL_FATAL(put_blob(st, "", &digest, &err), 0);
	AUTO(blob) struct blob *b = blob_cache_get(cache, st, &digest, 0, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	CU_ASSERT_EQUAL(blob_size(b), 0);
	CU_ASSERT_PTR_NOT_NULL(blob_bytes(b));
}

static enum err_code get_code(
	struct blob_cache *cache, struct store *st, const struct digest *digest, uint64_t size)
{
	struct err err = {.code = ERR_NONE};
	AUTO(blob) struct blob *b = blob_cache_get(cache, st, digest, size, &err);

	CU_ASSERT_EQUAL(b == NULL, err.code != ERR_NONE);
	if (!b)
		ASSERT_HAS(err.msg, digest->hex);
	return err.code;
}

static void test_blob_cache_get__serves_nothing_that_is_not_what_its_name_says(void)
{
	static const char *const damaged[] = {"Module", "modul", "module2", ""};
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(cache) struct blob_cache *cache = blob_cache_new();
	struct digest digest;
	struct err err;

	CU_ASSERT_EQUAL_FATAL(put_blob(st, "module", &digest, &err), 0);
	AUTO(free) char *path = xasprintf("blobs/sha256/%s", digest.hex);

	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		overwrite(f.path, path, damaged[i]);
		CU_ASSERT_EQUAL(get_code(cache, st, &digest, 6), ERR_UNVERIFIED);
	}
	CU_ASSERT_EQUAL(blob_cache_bytes(cache), 0);
	overwrite(f.path, path, "module");
	CU_ASSERT_EQUAL(get_code(cache, st, &digest, 6), ERR_NONE);
}

static void test_blob_cache_get__says_what_else_is_wrong(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(cache) struct blob_cache *cache = blob_cache_new();
	struct digest digest;
	struct err err;

	digest_of(&digest, "module", 6);
	CU_ASSERT_EQUAL(get_code(cache, st, &digest, 6), ERR_NOT_FOUND);
	CU_ASSERT_EQUAL_FATAL(put_blob(st, "module", &digest, &err), 0);
	CU_ASSERT_EQUAL(get_code(cache, st, &digest, 7), ERR_INVALID);
	AUTO(blob) struct blob *b = blob_cache_get(cache, st, &digest, 6, &err);

	CU_ASSERT_PTR_NOT_NULL(b);
	CU_ASSERT_EQUAL(get_code(cache, st, &digest, 5), ERR_INVALID);
}

static void test_blob_bytes__outlive_the_file(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(cache) struct blob_cache *cache = blob_cache_new();
	struct digest digest;
	struct err err;

	CU_ASSERT_EQUAL_FATAL(put_blob(st, "module", &digest, &err), 0);
	AUTO(free) char *path = xasprintf("blobs/sha256/%s", digest.hex);
	AUTO(blob) struct blob *b = blob_cache_get(cache, st, &digest, 6, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	overwrite(f.path, path, "");
	CU_ASSERT_EQUAL(memcmp(blob_bytes(b), "module", 6), 0);
}

static void test_blob_unref__frees_with_the_last(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(cache) struct blob_cache *cache = blob_cache_new();
	struct digest digest;
	struct err err;

	CU_ASSERT_EQUAL_FATAL(put_blob(st, "module", &digest, &err), 0);
	struct blob *b = blob_cache_get(cache, st, &digest, 6, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	blob_unref(blob_ref(b));
	CU_ASSERT_EQUAL(blob_cache_bytes(cache), 6);
	blob_unref(b);
	CU_ASSERT_EQUAL(blob_cache_bytes(cache), 0);
	blob_unref(NULL);
	CU_ASSERT_EQUAL(get_code(cache, st, &digest, 6), ERR_NONE);
}

static void test_blob_cache_free__leaves_blobs_alive(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct blob_cache *cache = blob_cache_new();
	struct digest digest;
	struct err err;

	CU_ASSERT_EQUAL_FATAL(put_blob(st, "module", &digest, &err), 0);
	AUTO(blob) struct blob *b = blob_cache_get(cache, st, &digest, 6, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	blob_cache_free(cache);
	CU_ASSERT_EQUAL(memcmp(blob_bytes(b), "module", 6), 0);
}

/* One blob that is handed from the getter to the droppers, each of which drops it at its own
 * pace. */
struct relay {
	_Atomic(struct blob *) slot;
	struct blob_cache *cache; /* borrowed */
	atomic_bool done;
	atomic_uint wrong;
};

static void *drop(void *arg)
{
	struct relay *relay = arg;

	while (!atomic_load(&relay->done) || atomic_load(&relay->slot)) {
		struct blob *b = atomic_exchange(&relay->slot, NULL);

		if (!b) {
			/* Keeps the lock busy, so that a last reference is gone for a while before
			 * its blob leaves the table. */
			(void)blob_cache_bytes(relay->cache);
			continue;
		}
		struct blob *second = blob_ref(b);

		blob_unref(b);
		if (blob_size(second) != 6 || memcmp(blob_bytes(second), "module", 6) != 0)
			atomic_fetch_add(&relay->wrong, 1);
		blob_unref(second);
	}
	return NULL;
}

static void test_blob_unref__races_with_gets(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(cache) struct blob_cache *cache = blob_cache_new();
	struct relay relay = {.cache = cache};
	pthread_t threads[THREADS];
	struct digest digest;
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL_FATAL(put_blob(st, "module", &digest, &err), 0);
	for (int i = 0; i < THREADS; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, drop, &relay), 0);
	for (int i = 0; i < ROUNDS; i++) {
		struct blob *b = blob_cache_get(cache, st, &digest, 6, &err);

		CU_ASSERT_PTR_NOT_NULL(b);
		blob_unref(atomic_exchange(&relay.slot, b));
	}
	atomic_store(&relay.done, true);
	for (int i = 0; i < THREADS; i++)
		CU_ASSERT_EQUAL(pthread_join(threads[i], NULL), 0);
	CU_ASSERT_EQUAL(atomic_load(&relay.wrong), 0);
	CU_ASSERT_EQUAL(blob_cache_bytes(cache), 0);
}

TEST_MAIN("blob", TEST(test_blob_cache_get__shares_one_copy),
	TEST(test_blob_cache_get__reads_a_module_of_many_chunks),
	TEST(test_blob_cache_get__takes_an_empty_blob),
	TEST(test_blob_cache_get__serves_nothing_that_is_not_what_its_name_says),
	TEST(test_blob_cache_get__says_what_else_is_wrong), TEST(test_blob_bytes__outlive_the_file),
	TEST(test_blob_unref__frees_with_the_last), TEST(test_blob_cache_free__leaves_blobs_alive),
	TEST(test_blob_unref__races_with_gets))
