/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/scratch.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/test.h"

static void test_scratch_open__leaves_no_name(void)
{
	AUTO(fixture_dir) char *folder = fixture_dir();
	AUTO(fd) int fd = -1;
	struct err err = {0};
	struct stat st = {0};

	fd = scratch_open(folder, &err);
	CU_ASSERT_TRUE_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(io_write(fd, "x", 1, &err), 0);
	CU_ASSERT_TRUE(fixture_file_is(fd, "x", 1));
	CU_ASSERT_EQUAL(fstat(fd, &st), 0);
	CU_ASSERT_EQUAL(st.st_nlink, 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	CU_ASSERT_EQUAL(rmdir(folder), 0);
	CU_ASSERT_EQUAL_FATAL(mkdir(folder, 0700), 0);
}

static void test_scratch_open__names_a_folder_that_is_not_there(void)
{
	struct err err = {0};

	CU_ASSERT_EQUAL(scratch_open("/nonexistent", &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_NOT_FOUND);
	ASSERT_HAS(err.msg, "/nonexistent");
}

static void test_scratch_open__has_a_folder_of_its_own(void)
{
	AUTO(fd) int fd = -1;
	struct err err = {0};

	fd = scratch_open(NULL, &err);
	CU_ASSERT_TRUE(fd >= 0);
}

/* Copies n bytes from one kind of file to another. */
static void assert_copies(int to, int from, size_t n)
{
	AUTO(free) char *bytes = xcalloc(1, n + 1);
	struct err err = {0};

	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(i * 7 + i / 251);
	CU_ASSERT_EQUAL_FATAL(io_write(from, bytes, n, &err), 0);
	CU_ASSERT_EQUAL_FATAL(io_write(to, "what was there before", 21, &err), 0);
	CU_ASSERT_EQUAL(scratch_copy(to, from, n, &err), 0);
	CU_ASSERT_EQUAL(lseek(to, 0, SEEK_CUR), (off_t)n);
	CU_ASSERT_TRUE(fixture_file_is(to, bytes, n));
}

static void test_scratch_copy__copies_between_any_two_files(void)
{
	AUTO(fixture_dir) char *folder = fixture_dir();
	static const size_t sizes[] = {0, 1, 4096, LIMIT_MIB / 2 + 3};
	struct err err = {0};

	for (size_t i = 0; i < 4 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		AUTO(fd) int to = i % 2 ? fixture_file() : scratch_open(folder, &err);
		AUTO(fd) int from = i / 2 % 2 ? fixture_file() : scratch_open(folder, &err);

		assert_copies(to, from, sizes[i / 4]);
	}
}

static void test_scratch_copy__takes_the_first_bytes_only(void)
{
	AUTO(fd) int to = fixture_file();
	AUTO(fd) int from = fixture_file();
	struct err err = {0};

	CU_ASSERT_EQUAL(io_write(from, "hello", 5, &err), 0);
	CU_ASSERT_EQUAL(scratch_copy(to, from, 4, &err), 0);
	CU_ASSERT_TRUE(fixture_file_is(to, "hell", 4));
}

static void test_scratch_copy__reports_a_file_that_is_too_short(void)
{
	AUTO(fd) int to = fixture_file();
	AUTO(fd) int from = fixture_file();
	struct err err = {0};

	CU_ASSERT_EQUAL(io_write(from, "hello", 5, &err), 0);
	CU_ASSERT_EQUAL(scratch_copy(to, from, 6, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_TRANSIENT);
	ASSERT_HAS(err.msg, "shorter");
}

static void test_scratch_copy__reports_a_file_that_takes_nothing(void)
{
	AUTO(fd) int to = fixture_full();
	AUTO(fd) int from = fixture_file();
	struct err err = {0};

	CU_ASSERT_EQUAL(scratch_copy(to, from, 0, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_TRANSIENT);
}

TEST_MAIN("scratch", TEST(test_scratch_open__leaves_no_name),
	TEST(test_scratch_open__names_a_folder_that_is_not_there),
	TEST(test_scratch_open__has_a_folder_of_its_own),
	TEST(test_scratch_copy__copies_between_any_two_files),
	TEST(test_scratch_copy__takes_the_first_bytes_only),
	TEST(test_scratch_copy__reports_a_file_that_is_too_short),
	TEST(test_scratch_copy__reports_a_file_that_takes_nothing))
