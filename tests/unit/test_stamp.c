/* SPDX-License-Identifier: Apache-2.0 */
#include "base/stamp.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

/* Two files in a folder of their own. */
struct place {
	char *dir, *file, *other; /* owned */
};

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	(void)fputs(text, f);
	(void)fclose(f);
}

/* Gives a file times of long ago, so that no test depends on the tick of the clock. */
static void set_modified(const char *path, time_t second)
{
	const struct timespec times[2] = {{.tv_sec = second}, {.tv_sec = second}};

	CU_ASSERT_EQUAL(utimensat(AT_FDCWD, path, times, 0), 0);
}

static struct place place_new(void)
{
	const char *base = getenv("TMPDIR");
	struct place p = {.dir = xasprintf("%s/test_stamp.XXXXXX", base ? base : "/tmp")};

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(p.dir));
	p.file = xasprintf("%s/file", p.dir);
	p.other = xasprintf("%s/other", p.dir);
	write_file(p.file, "one");
	set_modified(p.file, 1000);
	return p;
}

static void auto_place(struct place *p)
{
	(void)unlink(p->file);
	(void)unlink(p->other);
	(void)rmdir(p->dir);
	free(p->dir);
	free(p->file);
	free(p->other);
}

static void test_stamp_take__sees_a_file_once(void)
{
	AUTO(place) struct place p = place_new();
	struct stamp stamp = {0};

	CU_ASSERT_TRUE(stamp_take(&stamp, p.file));
	CU_ASSERT_FALSE(stamp_take(&stamp, p.file));
}

static void test_stamp_take__sees_a_write_of_the_same_size(void)
{
	AUTO(place) struct place p = place_new();
	struct stamp stamp = {0};

	(void)stamp_take(&stamp, p.file);
	write_file(p.file, "two");
	set_modified(p.file, 2000);
	CU_ASSERT_TRUE(stamp_take(&stamp, p.file));
	CU_ASSERT_FALSE(stamp_take(&stamp, p.file));
}

static void test_stamp_take__sees_another_file_of_the_same_size_and_time(void)
{
	AUTO(place) struct place p = place_new();
	struct stamp stamp = {0};

	(void)stamp_take(&stamp, p.file);
	write_file(p.other, "two");
	set_modified(p.other, 1000);
	CU_ASSERT_EQUAL(rename(p.other, p.file), 0);
	CU_ASSERT_TRUE(stamp_take(&stamp, p.file));
}

static void test_stamp_take__sees_a_link_that_points_elsewhere(void)
{
	AUTO(place) struct place p = place_new();
	AUTO(free) char *link = xasprintf("%s/link", p.dir);
	struct stamp stamp = {0};

	write_file(p.other, "two");
	CU_ASSERT_EQUAL(symlink("file", link), 0);
	(void)stamp_take(&stamp, link);
	CU_ASSERT_EQUAL(unlink(link), 0);
	CU_ASSERT_EQUAL(symlink("other", link), 0);
	CU_ASSERT_TRUE(stamp_take(&stamp, link));
	CU_ASSERT_EQUAL(unlink(link), 0);
}

static void test_stamp_take__sees_a_file_go_and_come_back(void)
{
	AUTO(place) struct place p = place_new();
	struct stamp stamp = {0};

	(void)stamp_take(&stamp, p.file);
	CU_ASSERT_EQUAL(rename(p.file, p.other), 0);
	CU_ASSERT_TRUE(stamp_take(&stamp, p.file));
	CU_ASSERT_FALSE(stamp_take(&stamp, p.file));
	CU_ASSERT_EQUAL(rename(p.other, p.file), 0);
	CU_ASSERT_TRUE(stamp_take(&stamp, p.file));
}

TEST_MAIN("stamp", TEST(test_stamp_take__sees_a_file_once),
	TEST(test_stamp_take__sees_a_write_of_the_same_size),
	TEST(test_stamp_take__sees_another_file_of_the_same_size_and_time),
	TEST(test_stamp_take__sees_a_link_that_points_elsewhere),
	TEST(test_stamp_take__sees_a_file_go_and_come_back))
