/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/keeper.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

/* A folder that is gone, with the file in it, where its scope ends. */
struct folder {
	char *path; /* owned */
	char *file; /* owned */
};

static struct folder folder_new(void)
{
	const char *base = getenv("TMPDIR");
	struct folder f = {.path = xasprintf("%s/test_keeper.XXXXXX", base ? base : "/tmp")};

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(f.path));
	f.file = xasprintf("%s/%s", f.path, KEEPER_FILE);
	return f;
}

static void auto_folder(struct folder *f)
{
	(void)unlink(f->file);
	CU_ASSERT_EQUAL(rmdir(f->path), 0);
	free(f->path);
	free(f->file);
}

static struct keeper *open_keeper(const struct folder *f, struct refusals *r)
{
	struct err err = {.msg = ""};
	struct keeper *k = keeper_open(f->path, r, &err);

	CU_ASSERT_STRING_EQUAL(err.msg, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(k);
	return k;
}

/* What a new process would know of node n and resource a/1. */
static bool remembers(const struct folder *f, const char *version)
{
	AUTO(refusals) struct refusals *r = refusals_new(8);
	bool known;

	keeper_close(open_keeper(f, r));
	known = refusals_find(r, "n", "a/1", version) != NULL;
	return known;
}

static void test_keeper_close__leaves_all_for_the_next(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(refusals) struct refusals *r = refusals_new(8);
	struct keeper *k = open_keeper(&f, r);
	struct stat st;

	refusals_add(r, "n", "a/1", "01", "no");
	keeper_tick(k);
	refusals_add(r, "n", "a/1", "02", "no");
	keeper_close(k);
	CU_ASSERT_TRUE(remembers(&f, "01"));
	CU_ASSERT_TRUE(remembers(&f, "02"));
	CU_ASSERT_FALSE(remembers(&f, "03"));
	CU_ASSERT_EQUAL(stat(f.file, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
}

/* Waits, as long as it takes, until the file holds a refusal of version. */
static void wait_for(const struct folder *f, const char *version)
{
	for (bool found = false; !found;) {
		AUTO(buf) struct buf bytes = BUF_INIT(LIMIT_REFUSALS_BYTES);
		AUTO(refusals) struct refusals *r = refusals_new(8);
		struct err err;

		found = io_read_file(AT_FDCWD, f->file, &bytes, &err) == 0 &&
			refusals_decode(r, buf_text(&bytes), bytes.len, &err) == 0 &&
			refusals_find(r, "n", "a/1", version);
	}
}

static void test_keeper_tick__has_it_written_while_the_process_runs(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(refusals) struct refusals *r = refusals_new(8);
	struct keeper *k = open_keeper(&f, r);

	refusals_add(r, "n", "a/1", "01", "no");
	keeper_tick(k);
	wait_for(&f, "01");
	keeper_close(k);
}

static void test_keeper_close__writes_no_file_where_nothing_is_new(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(refusals) struct refusals *r = refusals_new(8);
	struct keeper *k = open_keeper(&f, r);

	keeper_tick(k);
	keeper_close(k);
	CU_ASSERT_NOT_EQUAL(access(f.file, F_OK), 0);
}

static void test_keeper_open__goes_on_without_a_file_that_is_broken(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(refusals) struct refusals *r = refusals_new(8);
	FILE *file = fopen(f.file, "we");
	struct keeper *k;

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	(void)fputs("what is this?", file);
	(void)fclose(file);
	k = open_keeper(&f, r);
	CU_ASSERT_EQUAL(refusals_count(r), 0);
	refusals_add(r, "n", "a/1", "01", "no");
	keeper_close(k);
	CU_ASSERT_TRUE(remembers(&f, "01"));
}

static void test_keeper_open__wants_a_folder_of_its_own(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(refusals) struct refusals *r = refusals_new(8);
	struct keeper *k = open_keeper(&f, r);
	struct err err;

	CU_ASSERT_PTR_NULL(keeper_open(f.path, r, &err));
	CU_ASSERT_EQUAL(err.code, ERR_CONFLICT);
	ASSERT_HAS(err.msg, f.path);
	keeper_close(k);
	keeper_close(open_keeper(&f, r));
}

static void test_keeper_open__names_a_folder_that_is_not_there(void)
{
	AUTO(refusals) struct refusals *r = refusals_new(8);
	struct err err;

	CU_ASSERT_PTR_NULL(keeper_open("/nonexistent/folder", r, &err));
	CU_ASSERT_EQUAL(err.code, ERR_NOT_FOUND);
	ASSERT_HAS(err.msg, "/nonexistent/folder");
}

int main(void)
{
	static const struct test tests[] = {TEST(test_keeper_close__leaves_all_for_the_next),
		TEST(test_keeper_tick__has_it_written_while_the_process_runs),
		TEST(test_keeper_close__writes_no_file_where_nothing_is_new),
		TEST(test_keeper_open__goes_on_without_a_file_that_is_broken),
		TEST(test_keeper_open__wants_a_folder_of_its_own),
		TEST(test_keeper_open__names_a_folder_that_is_not_there)};

	log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT); /* a broken file is warned of */
	return test_main("keeper", tests, sizeof(tests) / sizeof(tests[0]));
}
