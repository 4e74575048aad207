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

/* A store in a folder of its own, and what a controller heard. */
struct bed {
	struct folder folder;
	struct store *store;
	char *file; /* of the refusals */
	struct refusals *heard;
	struct refused refused;
};

static struct bed bed_new(void)
{
	struct bed b = {.folder = folder_new(), .heard = refusals_new(8)};

	b.store = open_store(b.folder.path, STORE_WRITE);
	b.file = xasprintf("%s/" STORE_REFUSALS, b.folder.path);
	return b;
}

static void auto_bed(struct bed *b)
{
	refused_clear(&b->refused);
	refusals_free(b->heard);
	free(b->file);
	store_close(b->store);
	auto_folder(&b->folder);
}

static void keep(struct bed *b)
{
	refused_keep(&b->refused, b->store, b->heard);
}

static void test_refused_keep__adds_to_what_the_store_has(void)
{
	AUTO(bed) struct bed b = bed_new();

	refused_keep(&b.refused, b.store, NULL);
	CU_ASSERT_PTR_NULL(kept(b.store, "n", "01"));
	refusals_add(b.heard, "n", "a/1", "01", "no");
	keep(&b);
	assert_kept(b.store, "n", "01", "no");
	refused_clear(&b.refused); /* another controller, which heard nothing of that */
	refusals_free(b.heard);
	b.heard = refusals_new(8);
	refusals_add(b.heard, "m", "a/1", "01", "nor this");
	keep(&b);
	assert_kept(b.store, "n", "01", "no");
	assert_kept(b.store, "m", "01", "nor this");
}

static void test_refused_keep__writes_what_is_new_alone(void)
{
	AUTO(bed) struct bed b = bed_new();

	refusals_add(b.heard, "n", "a/1", "01", "no");
	keep(&b);
	CU_ASSERT_EQUAL(unlink(b.file), 0);
	keep(&b);
	CU_ASSERT_EQUAL(access(b.file, F_OK), -1);
	refusals_add(b.heard, "m", "a/1", "01", "nor this");
	keep(&b);
	assert_kept(b.store, "n", "01", "no");
	assert_kept(b.store, "m", "01", "nor this");
}

static void test_refused_keep__tries_again_what_failed(void)
{
	AUTO(bed) struct bed b = bed_new();

	CU_ASSERT_EQUAL(mkdir(b.file, 0700), 0);
	refusals_add(b.heard, "n", "a/1", "01", "no");
	keep(&b);
	CU_ASSERT_TRUE(b.refused.failing);
	CU_ASSERT_EQUAL(rmdir(b.file), 0);
	keep(&b);
	CU_ASSERT_FALSE(b.refused.failing);
	assert_kept(b.store, "n", "01", "no");
}

static void test_refused_keep__replaces_what_cannot_be_read(void)
{
	AUTO(bed) struct bed b = bed_new();
	AUTO(fd) int fd = open(b.file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	struct err err;

	CU_ASSERT_EQUAL(write(fd, "rot", 3), 3);
	CU_ASSERT_EQUAL(store_read_refusals(b.store, b.heard, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	refusals_add(b.heard, "n", "a/1", "01", "no");
	keep(&b);
	assert_kept(b.store, "n", "01", "no");
}

TEST_MAIN("refused", TEST(test_refused_keep__adds_to_what_the_store_has),
	TEST(test_refused_keep__writes_what_is_new_alone),
	TEST(test_refused_keep__tries_again_what_failed),
	TEST(test_refused_keep__replaces_what_cannot_be_read))
