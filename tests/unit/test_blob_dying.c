/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A get between the last unref of a blob and its removal from the cache's table: too short a moment
 * to be met by racing, so it is made by hand, from within.
 */
/* NOLINTNEXTLINE(bugprone-suspicious-include): for struct blob, which is opaque to all others */
#include "store/blob.c"

#include "tests/unit/store_fixture.h"
#include "tests/unit/test.h"

static void auto_cache(struct blob_cache **cache)
{
	blob_cache_free(*cache);
}

static void test_blob_cache_get__passes_over_one_that_is_about_to_go(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(cache) struct blob_cache *cache = blob_cache_new();
	struct digest digest;
	struct err err;

	CU_ASSERT_EQUAL_FATAL(put_blob(st, "module", &digest, &err), 0);
	struct blob *dying = blob_cache_get(cache, st, &digest, 6, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(dying);
	atomic_store(&dying->refs, 0);
	AUTO(blob) struct blob *fresh = blob_cache_get(cache, st, &digest, 6, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(fresh);
	CU_ASSERT_PTR_NOT_EQUAL(fresh, dying);
	CU_ASSERT_EQUAL(blob_cache_bytes(cache), 12);
	atomic_store(&dying->refs, 1);
	blob_unref(dying);
	CU_ASSERT_EQUAL(blob_cache_bytes(cache), 6);
	AUTO(blob) struct blob *again = blob_cache_get(cache, st, &digest, 6, &err);

	CU_ASSERT_PTR_EQUAL(again, fresh);
}

TEST_MAIN("blob_dying", TEST(test_blob_cache_get__passes_over_one_that_is_about_to_go))
