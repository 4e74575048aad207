/* SPDX-License-Identifier: Apache-2.0 */
/* What wakes scans of kube/directory.c, and what becomes of that when the folder goes. */
#include "kube/directory.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "tests/unit/directory_place.h"
#include "tests/unit/test.h"

static void test_directory_scan__survives_a_folder_that_is_replaced(void)
{
	AUTO(place) struct place p = {.dir = NULL};
	char away[600];

	place_open(&p);
	put_map(&p, "a.yaml", "x", 1);
	expect(&p, "+x=1(a.yaml) ");
	(void)snprintf(away, sizeof(away), "%s/away", p.base);
	CU_ASSERT_EQUAL(rename(p.path, away), 0);
	CU_ASSERT_TRUE(woken(&p, POLL_MS));
	expect_failure(&p, ERR_TRANSIENT);
	CU_ASSERT_EQUAL(directory_fd(p.dir), -1);

	CU_ASSERT_EQUAL(mkdir(p.path, 0700), 0);
	put_map(&p, "b.yaml", "y", 1);
	expect(&p, "+y=1(b.yaml) -x(a.yaml) ");
	expect(&p, "");
	CU_ASSERT_FALSE(woken(&p, 0));
	put_map(&p, "b.yaml", "y", 2);
	CU_ASSERT_TRUE(woken(&p, POLL_MS));
	expect(&p, "+y=2(b.yaml) ");
}

static void test_directory_scan__survives_a_folder_that_is_exchanged(void)
{
	AUTO(place) struct place p = {.dir = NULL};
	struct place next = {.dir = NULL};

	place_open(&p);
	put_map(&p, "a.yaml", "x", 1);
	expect(&p, "+x=1(a.yaml) ");
	(void)snprintf(next.path, sizeof(next.path), "%s/next", p.base);
	CU_ASSERT_EQUAL(mkdir(next.path, 0700), 0);
	put_map(&next, "a.yaml", "x", 2);
	CU_ASSERT_EQUAL(renameat2(AT_FDCWD, next.path, AT_FDCWD, p.path, RENAME_EXCHANGE), 0);
	CU_ASSERT_TRUE(woken(&p, POLL_MS));
	expect(&p, "+x=2(a.yaml) ");
	expect(&p, "");
	put_map(&next, "a.yaml", "x", 3);
	CU_ASSERT_FALSE(woken(&p, 0));
	put_map(&p, "a.yaml", "x", 4);
	CU_ASSERT_TRUE(woken(&p, POLL_MS));
	expect(&p, "+x=4(a.yaml) ");
}

static void test_directory_fd__wakes_for_every_kind_of_change(void)
{
	AUTO(place) struct place p = {.dir = NULL};

	place_open(&p);
	CU_ASSERT_FALSE(woken(&p, 0));
	put_map(&p, "a.yaml", "x", 1);
	CU_ASSERT_TRUE(woken(&p, POLL_MS));
	expect(&p, "+x=1(a.yaml) ");
	CU_ASSERT_FALSE(woken(&p, 0));
	move(&p, "a.yaml", "b.yaml");
	CU_ASSERT_TRUE(woken(&p, POLL_MS));
	expect(&p, "");
	CU_ASSERT_EQUAL(chmod(in(&p, "b.yaml"), 0644), 0);
	CU_ASSERT_TRUE(woken(&p, POLL_MS));
	expect(&p, "");
	erase(&p, "b.yaml");
	CU_ASSERT_TRUE(woken(&p, POLL_MS));
	expect(&p, "-x(b.yaml) ");
	CU_ASSERT_FALSE(woken(&p, 0));
}

static void test_directory_fd__is_none_where_inotify_is_not_to_be_had(void)
{
	AUTO(place) struct place p = {.dir = NULL};
	struct err err = {.code = ERR_NONE};

	place_open(&p);
	directory_close(STEAL(p.dir));

	struct rlimit before = allow_one_descriptor();
	int opened = directory_open(&p.dir, p.path, &err);

	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &before), 0);
	CU_ASSERT_EQUAL_FATAL(opened, 0);
	CU_ASSERT_EQUAL(directory_fd(p.dir), -1);
	put_map(&p, "a.yaml", "x", 1);
	expect(&p, "+x=1(a.yaml) ");
	CU_ASSERT_TRUE(directory_fd(p.dir) >= 0);
}

TEST_MAIN("directory_watch", TEST(test_directory_scan__survives_a_folder_that_is_replaced),
	TEST(test_directory_scan__survives_a_folder_that_is_exchanged),
	TEST(test_directory_fd__wakes_for_every_kind_of_change),
	TEST(test_directory_fd__is_none_where_inotify_is_not_to_be_had))
