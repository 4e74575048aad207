/* SPDX-License-Identifier: Apache-2.0 */
/* When a scan of kube/directory.c looks only at the files that inotify named.  What shows it is a
 * link: inotify does not see that its target changed, and only a listing of the folder does. */
#include "kube/directory.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "tests/unit/directory_place.h"
#include "tests/unit/test.h"

/* Opens a folder whose link.yaml shows l in version 1, and a.yaml x in version 1. */
static void open_with_link(struct place *p)
{
	place_open(p);
	CU_ASSERT_EQUAL(mkdir(in(p, "targets"), 0700), 0);
	put_map(p, "targets/link", "l", 1);
	CU_ASSERT_EQUAL(symlink("targets/link", in(p, "link.yaml")), 0);
	put_map(p, "a.yaml", "x", 1);
	let_clock_tick();
	expect(p, "+x=1(a.yaml) +l=1(link.yaml) ");
}

/* As `mv` and most programs do that write a file. */
static void replace_map(const struct place *p, const char *name, const char *object, int version)
{
	put_map(p, ".new", object, version);
	move(p, ".new", name);
}

static void test_directory_scan__looks_only_at_what_landed(void)
{
	AUTO(place) struct place p = {.dir = NULL};

	open_with_link(&p);
	put_map(&p, "targets/link", "l", 2);
	replace_map(&p, "a.yaml", "x", 2);
	expect(&p, "+x=2(a.yaml) ");
	put_map(&p, "a.yaml", "x", 3);
	expect(&p, "+x=3(a.yaml) ");
	replace_map(&p, "b.yaml", "y", 1);
	expect(&p, "+y=1(b.yaml) ");
	CU_ASSERT_TRUE(directory_complete(p.dir));
	expect(&p, "+l=2(link.yaml) ");
	expect(&p, "");
}

static void test_directory_scan__lists_after_a_removal(void)
{
	AUTO(place) struct place p = {.dir = NULL};

	open_with_link(&p);
	put_map(&p, "targets/link", "l", 2);
	replace_map(&p, "b.yaml", "y", 1);
	erase(&p, "a.yaml");
	expect(&p, "+y=1(b.yaml) +l=2(link.yaml) -x(a.yaml) ");
}

static void test_directory_scan__lists_after_a_move_away(void)
{
	AUTO(place) struct place p = {.dir = NULL};

	open_with_link(&p);
	put_map(&p, "targets/link", "l", 2);
	move(&p, "a.yaml", "b.yaml");
	expect(&p, "+l=2(link.yaml) ");
	erase(&p, "b.yaml");
	expect(&p, "-x(b.yaml) ");
}

static void test_directory_scan__lists_after_another_name_was_swapped_in(void)
{
	AUTO(place) struct place p = {.dir = NULL};

	open_with_link(&p);
	put_map(&p, "targets/link", "l", 2);
	replace_map(&p, "a.yaml", "x", 2);
	CU_ASSERT_EQUAL(symlink("targets", in(&p, "..data_tmp")), 0);
	move(&p, "..data_tmp", "..data");
	CU_ASSERT_TRUE(directory_settled(p.dir));
	expect(&p, "+x=2(a.yaml) +l=2(link.yaml) ");
}

static void test_directory_scan__lists_where_what_landed_cannot_be_looked_at(void)
{
	AUTO(place) struct place p = {.dir = NULL};

	open_with_link(&p);
	put_map(&p, "targets/link", "l", 2);
	CU_ASSERT_EQUAL(symlink("nowhere", in(&p, ".new")), 0);
	move(&p, ".new", "a.yaml");
	CU_ASSERT_TRUE(directory_settled(p.dir));
	expect(&p, "!a.yaml +l=2(link.yaml) ");
	CU_ASSERT_FALSE(directory_complete(p.dir));
}

static void test_directory_scan__looks_only_at_what_landed_beside_a_wrong_file(void)
{
	AUTO(place) struct place p = {.dir = NULL};

	open_with_link(&p);
	put(&p, "wrong.yaml", BROKEN);
	expect(&p, "!wrong.yaml ");
	let_clock_tick();
	put_map(&p, "targets/link", "l", 2);
	replace_map(&p, "a.yaml", "x", 2);
	expect(&p, "+x=2(a.yaml) ");
	CU_ASSERT_FALSE(directory_complete(p.dir));
	replace_map(&p, "wrong.yaml", "w", 1);
	expect(&p, "+w=1(wrong.yaml) ~wrong.yaml ");
	CU_ASSERT_TRUE(directory_complete(p.dir));
}

static void test_directory_scan__refills_before_what_landed_gives_way(void)
{
	AUTO(place) struct place p = {.dir = NULL};

	open_with_link(&p);
	replace_map(&p, "b.yaml", "y", 1);
	expect(&p, "+y=1(b.yaml) ");
	replace_map(&p, "a.yaml", "y", 2);
	expect(&p, "+y=2(a.yaml) ?b.yaml -x(a.yaml) ");
	replace_map(&p, "a.yaml", "x", 2);
	expect(&p, "+x=2(a.yaml) +y=1(b.yaml) ~b.yaml ");
}

static void test_directory_scan__passes_over_a_folder_that_landed(void)
{
	AUTO(place) struct place p = {.dir = NULL};

	open_with_link(&p);
	put_map(&p, "targets/link", "l", 2);
	CU_ASSERT_EQUAL(mkdir(in(&p, ".new"), 0700), 0);
	move(&p, ".new", "folder.yaml");
	expect(&p, "");
	CU_ASSERT_TRUE(directory_complete(p.dir));
	expect(&p, "+l=2(link.yaml) ");
}

static void test_directory_settled__tells_a_whole_file_from_one_under_way(void)
{
	AUTO(place) struct place p = {.dir = NULL};
	AUTO(fd) int fd = -1;

	place_open(&p);
	CU_ASSERT_FALSE(directory_settled(p.dir));
	fd = open(in(&p, "a.yaml"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CU_ASSERT_FALSE(directory_settled(p.dir));
	auto_fd(&fd);
	fd = -1;
	CU_ASSERT_FALSE(directory_settled(p.dir));
	put_map(&p, "a.yaml", "x", 1);
	expect(&p, "+x=1(a.yaml) ");
	CU_ASSERT_FALSE(directory_settled(p.dir));

	put_map(&p, "a.yaml", "x", 2);
	CU_ASSERT_TRUE(directory_settled(p.dir));
	expect(&p, "+x=2(a.yaml) ");
	replace_map(&p, "b.yaml", "y", 1);
	CU_ASSERT_TRUE(directory_settled(p.dir));
	move(&p, "b.yaml", "b.old");
	CU_ASSERT_FALSE(directory_settled(p.dir));
	expect(&p, "");
	put_map(&p, "notes", "z", 1);
	CU_ASSERT_FALSE(directory_settled(p.dir));
	expect(&p, "");
}

TEST_MAIN("directory_landed", TEST(test_directory_scan__looks_only_at_what_landed),
	TEST(test_directory_scan__lists_after_a_removal),
	TEST(test_directory_scan__lists_after_a_move_away),
	TEST(test_directory_scan__lists_after_another_name_was_swapped_in),
	TEST(test_directory_scan__lists_where_what_landed_cannot_be_looked_at),
	TEST(test_directory_scan__looks_only_at_what_landed_beside_a_wrong_file),
	TEST(test_directory_scan__refills_before_what_landed_gives_way),
	TEST(test_directory_scan__passes_over_a_folder_that_landed),
	TEST(test_directory_settled__tells_a_whole_file_from_one_under_way))
