/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/refused.h"

#include "base/limits.h"
#include "base/log.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/test.h"

/* What the store says of node and version of a/1; the caller frees it, NULL: nothing. */
static char *kept(const struct store *st, const char *node, const char *version)
{
	AUTO(refusals) struct refusals *r = refusals_new(8);
	struct err err;

	if (store_read_refusals(st, r, &err) < 0)
		return NULL;
	return xstrdup_null(refusals_find(r, node, "a/1", version));
}

static void assert_kept(
	const struct store *st, const char *node, const char *version, const char *want)
{
	AUTO(free) char *reason = kept(st, node, version);

	CU_ASSERT_PTR_NOT_NULL_FATAL(reason);
	CU_ASSERT_STRING_EQUAL(reason, want);
}

static void auto_refused(struct refused *r)
{
	refused_clear(r);
}

static void test_refused_keep__adds_to_what_the_store_has(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(refusals) struct refusals *heard = refusals_new(8);

	refused_keep(&(struct refused){.known = NULL}, st, NULL);
	CU_ASSERT_PTR_NULL(kept(st, "n", "01"));
	for (int round = 1; round <= 2; round++) { /* two controllers, one after the other */
		AUTO(refused) struct refused r = {.known = NULL};

		refusals_add(heard, "n", round == 1 ? "a/1" : "a/2", "01", "no");
		refused_keep(&r, st, heard);
		assert_kept(st, "n", "01", "no");
	}
}

static void test_refused_keep__writes_what_is_new_alone(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(refusals) struct refusals *heard = refusals_new(8);
	AUTO(refused) struct refused r = {.known = NULL};
	AUTO(free) char *file = xasprintf("%s/" STORE_REFUSALS, f.path);

	refusals_add(heard, "n", "a/1", "01", "no");
	refused_keep(&r, st, heard);
	CU_ASSERT_EQUAL(unlink(file), 0);
	refused_keep(&r, st, heard);
	CU_ASSERT_EQUAL(access(file, F_OK), -1);
	refusals_add(heard, "m", "a/1", "01", "nor this");
	refused_keep(&r, st, heard);
	assert_kept(st, "n", "01", "no");
	assert_kept(st, "m", "01", "nor this");
}

static void test_refused_keep__tries_again_what_failed(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(refusals) struct refusals *heard = refusals_new(8);
	AUTO(refused) struct refused r = {.known = NULL};
	AUTO(free) char *file = xasprintf("%s/" STORE_REFUSALS, f.path);

	CU_ASSERT_EQUAL(mkdir(file, 0700), 0);
	refusals_add(heard, "n", "a/1", "01", "no");
	refused_keep(&r, st, heard);
	CU_ASSERT_TRUE(r.failing);
	CU_ASSERT_EQUAL(rmdir(file), 0);
	refused_keep(&r, st, heard);
	CU_ASSERT_FALSE(r.failing);
	assert_kept(st, "n", "01", "no");
}

static void test_refused_keep__replaces_what_cannot_be_read(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(refusals) struct refusals *heard = refusals_new(8);
	AUTO(refused) struct refused r = {.known = NULL};
	AUTO(free) char *file = xasprintf("%s/" STORE_REFUSALS, f.path);
	struct err err;

	AUTO(fd) int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CU_ASSERT_EQUAL(write(fd, "rot", 3), 3);
	CU_ASSERT_EQUAL(store_read_refusals(st, heard, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	refusals_add(heard, "n", "a/1", "01", "no");
	refused_keep(&r, st, heard);
	assert_kept(st, "n", "01", "no");
}

TEST_MAIN("refused", TEST(test_refused_keep__adds_to_what_the_store_has),
	TEST(test_refused_keep__writes_what_is_new_alone),
	TEST(test_refused_keep__tries_again_what_failed),
	TEST(test_refused_keep__replaces_what_cannot_be_read))
