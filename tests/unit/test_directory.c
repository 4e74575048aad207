/* SPDX-License-Identifier: Apache-2.0 */
/* What scans find; test_directory_watch.c has what wakes them. */
#include "kube/directory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/limits.h"
#include "tests/unit/directory_place.h"
#include "tests/unit/test.h"

static void test_directory_open__refuses_what_is_no_folder(void)
{
	AUTO(place) struct place p = {.dir = NULL};
	struct directory *dir = NULL;
	struct err err = {.code = ERR_NONE};

	place_open(&p);
	put_map(&p, "a.yaml", "x", 1);
	CU_ASSERT_EQUAL(directory_open(&dir, in(&p, "a.yaml"), &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, "a.yaml");
	CU_ASSERT_EQUAL(directory_open(&dir, in(&p, "none"), &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_NOT_FOUND);
	CU_ASSERT_PTR_NULL(dir);
}

static void test_directory_scan__follows_a_file_through_its_life(void)
{
	AUTO(place) struct place p = {.dir = NULL};

	place_open(&p);
	CU_ASSERT_FALSE(directory_complete(p.dir));
	expect(&p, "");
	CU_ASSERT_TRUE(directory_complete(p.dir));
	put_map(&p, "a.yaml", "x", 1);
	expect(&p, "+x=1(a.yaml) ");
	expect(&p, "");
	put_map(&p, "a.yaml", "x", 2);
	expect(&p, "+x=2(a.yaml) ");
	erase(&p, "a.yaml");
	expect(&p, "-x(a.yaml) ");
	expect(&p, "");
	CU_ASSERT_TRUE(directory_complete(p.dir));
}

static void test_directory_scan__sees_a_change_within_one_tick_of_the_clock(void)
{
	AUTO(place) struct place p = {.dir = NULL};
	char events[32];

	place_open(&p);
	for (int i = 0; i < 200; i++) {
		put_map(&p, "a.yaml", "x", i % 10);
		(void)snprintf(events, sizeof(events), "+x=%d(a.yaml) ", i % 10);
		expect(&p, events);
	}
}

static void test_directory_scan__is_silent_when_a_file_is_only_touched(void)
{
	AUTO(place) struct place p = {.dir = NULL};

	place_open(&p);
	put_two(&p, "a.yaml", map_text("x", 1), map_text("y", 1));
	expect(&p, "+x=1(a.yaml) +y=1(a.yaml) ");
	let_clock_tick();
	CU_ASSERT_EQUAL(utimensat(AT_FDCWD, in(&p, "a.yaml"), NULL, 0), 0);
	expect(&p, "");
	put_two(&p, "a.yaml", map_text("y", 1), map_text("x", 1));
	expect(&p, "");
	put_two(&p, "a.yaml", "# another comment\n", map_text("x", 1));
	expect(&p, "-y(a.yaml) ");
}

static void test_directory_scan__sees_an_atomic_rename(void)
{
	AUTO(place) struct place p = {.dir = NULL};

	place_open(&p);
	put_map(&p, "a.yaml", "x", 1);
	expect(&p, "+x=1(a.yaml) ");
	put_map(&p, ".a.yaml.tmp", "x", 2);
	expect(&p, "");
	move(&p, ".a.yaml.tmp", "a.yaml");
	expect(&p, "+x=2(a.yaml) ");
	move(&p, "a.yaml", "b.yml");
	expect(&p, "");
	erase(&p, "b.yml");
	expect(&p, "-x(b.yml) ");
}

static void test_directory_scan__sees_an_editor_save_by_backup(void)
{
	AUTO(place) struct place p = {.dir = NULL};

	place_open(&p);
	put_map(&p, "a.yaml", "x", 1);
	expect(&p, "+x=1(a.yaml) ");
	move(&p, "a.yaml", "a.yaml~");
	put_map(&p, "a.yaml", "x", 2);
	erase(&p, "a.yaml~");
	expect(&p, "+x=2(a.yaml) ");
	CU_ASSERT_TRUE(directory_complete(p.dir));
}

static void put_version(const struct place *p, const char *folder, int version)
{
	char name[64];

	CU_ASSERT_EQUAL(mkdir(in(p, folder), 0700), 0);
	(void)snprintf(name, sizeof(name), "%s/a.yaml", folder);
	put_map(p, name, "x", version);
}

static void test_directory_scan__sees_the_swap_of_a_mounted_configmap(void)
{
	AUTO(place) struct place p = {.dir = NULL};

	place_open(&p);
	put_version(&p, "..1", 1);
	CU_ASSERT_EQUAL(symlink("..1", in(&p, "..data")), 0);
	CU_ASSERT_EQUAL(symlink("..data/a.yaml", in(&p, "a.yaml")), 0);
	expect(&p, "+x=1(a.yaml) ");
	put_version(&p, "..2", 2);
	CU_ASSERT_EQUAL(symlink("..2", in(&p, "..data_tmp")), 0);
	expect(&p, "");
	CU_ASSERT_FALSE(woken(&p, 0));
	move(&p, "..data_tmp", "..data");
	CU_ASSERT_TRUE(woken(&p, POLL_MS));
	erase(&p, "..1/a.yaml");
	CU_ASSERT_EQUAL(rmdir(in(&p, "..1")), 0);
	expect(&p, "+x=2(a.yaml) ");
}

static void test_directory_scan__never_misses_an_object_that_moves(void)
{
	AUTO(place) struct place p = {.dir = NULL};

	place_open(&p);
	put_two(&p, "a.yaml", map_text("x", 1), map_text("y", 1));
	put_map(&p, "b.yaml", "z", 1);
	expect(&p, "+x=1(a.yaml) +y=1(a.yaml) +z=1(b.yaml) ");
	put_map(&p, "a.yaml", "x", 1);
	put_two(&p, "b.yaml", map_text("y", 2), map_text("w", 1));
	expect(&p, "+y=2(b.yaml) +w=1(b.yaml) -z(b.yaml) ");
}

static void test_directory_scan__keeps_what_a_broken_file_held(void)
{
	AUTO(place) struct place p = {.dir = NULL};

	place_open(&p);
	put_two(&p, "a.yaml", map_text("x", 1), map_text("y", 1));
	expect(&p, "+x=1(a.yaml) +y=1(a.yaml) ");
	put(&p, "a.yaml", BROKEN);
	expect(&p, "!a.yaml ");
	let_clock_tick();
	expect(&p, "");
	CU_ASSERT_FALSE(directory_complete(p.dir));
	CU_ASSERT_EQUAL(utimensat(AT_FDCWD, in(&p, "a.yaml"), NULL, 0), 0);
	expect(&p, "");
	put(&p, "a.yaml", BROKEN "# still\n");
	expect(&p, "!a.yaml ");
	put_map(&p, "a.yaml", "x", 2);
	expect(&p, "+x=2(a.yaml) ~a.yaml -y(a.yaml) ");
	CU_ASSERT_TRUE(directory_complete(p.dir));
	put(&p, "a.yaml", BROKEN);
	expect(&p, "!a.yaml ");
	erase(&p, "a.yaml");
	expect(&p, "~a.yaml -x(a.yaml) ");
	CU_ASSERT_TRUE(directory_complete(p.dir));
}

static void test_directory_scan__applies_the_right_documents_of_a_wrong_file(void)
{
	AUTO(place) struct place p = {.dir = NULL};

	place_open(&p);
	put_two(&p, "a.yaml", map_text("x", 1), map_text("y", 1));
	expect(&p, "+x=1(a.yaml) +y=1(a.yaml) ");
	put_two(&p, "a.yaml", map_text("x", 2), WRONG);
	expect(&p, "+x=2(a.yaml) !a.yaml ");
	put_map(&p, "a.yaml", "x", 2);
	expect(&p, "~a.yaml -y(a.yaml) ");
}

static void test_directory_scan__keeps_what_a_file_held_that_is_empty_now(void)
{
	AUTO(place) struct place p = {.dir = NULL};

	place_open(&p);
	put_map(&p, "a.yaml", "x", 1);
	expect(&p, "+x=1(a.yaml) ");
	put(&p, "a.yaml", "");
	expect(&p, "!a.yaml ");
	put(&p, "a.yaml", "# nothing any more\n");
	expect(&p, "~a.yaml -x(a.yaml) ");
}

static void test_directory_scan__tries_an_unreadable_file_again(void)
{
	AUTO(place) struct place p = {.dir = NULL};

	place_open(&p);
	put_map(&p, "a.yaml", "x", 1);
	expect(&p, "+x=1(a.yaml) ");
	erase(&p, "a.yaml");
	CU_ASSERT_EQUAL(symlink("target", in(&p, "a.yaml")), 0);
	expect(&p, "!a.yaml ");
	expect(&p, "");
	put_map(&p, "target", "x", 1);
	expect(&p, "~a.yaml ");
	put_map(&p, "target", "x", 2);
	expect(&p, "+x=2(a.yaml) ");
}

static void test_directory_scan__reads_again_after_a_failure_that_passed(void)
{
	AUTO(place) struct place p = {.dir = NULL};

	place_open(&p);
	put_map(&p, "a.yaml", "x", 1);
	let_clock_tick();

	/* The folder has the one, and there is none for the file. */
	struct rlimit before = allow_one_descriptor();

	expect(&p, "!a.yaml ");
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &before), 0);
	CU_ASSERT_FALSE(directory_complete(p.dir));
	expect(&p, "+x=1(a.yaml) ~a.yaml ");
	CU_ASSERT_TRUE(directory_complete(p.dir));
}

static void test_directory_scan__refuses_a_file_over_the_ceiling(void)
{
	AUTO(place) struct place p = {.dir = NULL};

	place_open(&p);
	put_map(&p, "a.yaml", "x", 1);
	expect(&p, "+x=1(a.yaml) ");
	CU_ASSERT_EQUAL(truncate(in(&p, "a.yaml"), LIMIT_MANIFEST_BYTES + 1), 0);
	expect(&p, "!a.yaml ");
	let_clock_tick();
	expect(&p, "");
	put_map(&p, "a.yaml", "x", 1);
	expect(&p, "~a.yaml ");
}

static void test_directory_scan__refuses_what_is_no_regular_file(void)
{
	AUTO(place) struct place p = {.dir = NULL};

	place_open(&p);
	CU_ASSERT_EQUAL(mkfifo(in(&p, "a.yaml"), 0600), 0);
	expect(&p, "!a.yaml ");
	expect(&p, "");
}

static void test_directory_scan__refuses_a_folder_of_too_many_files(void)
{
	AUTO(place) struct place p = {.dir = NULL};
	char name[32];

	place_open(&p);
	put_map(&p, "a.yaml", "x", 1);
	expect(&p, "+x=1(a.yaml) ");
	for (int i = 0; i < LIMIT_MANIFEST_FILES; i++) {
		(void)snprintf(name, sizeof(name), "l%d.yaml", i);
		if (symlink("a.yaml", in(&p, name)) < 0)
			CU_FAIL_FATAL("symlink");
	}
	expect_failure(&p, ERR_INVALID);
	for (int i = 0; i < LIMIT_MANIFEST_FILES; i++) {
		(void)snprintf(name, sizeof(name), "l%d.yaml", i);
		erase(&p, name);
	}
	expect(&p, "");
	CU_ASSERT_TRUE(directory_complete(p.dir));
}

static void test_directory_scan__passes_over_what_is_no_manifest(void)
{
	AUTO(place) struct place p = {.dir = NULL};
	const char *const others[] = {".a.yaml", "a.yaml~", "#a.yaml#", ".a.yaml.swp", "a.yaml.swp",
		".#a.yaml", "4913", "README.md", "yaml"};

	place_open(&p);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		put(&p, others[i], BROKEN);
	CU_ASSERT_EQUAL(mkdir(in(&p, "folder.yaml"), 0700), 0);
	put_map(&p, "folder.yaml/a.yaml", "no", 1);
	put_map(&p, "b.yml", "x", 1);
	put(&p, "c.json",
		"{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"y\"},"
		" \"data\": {\"v\": \"1\"}}");
	expect(&p, "+x=1(b.yml) +y=1(c.json) ");
}

static void test_directory_scan__gives_a_contested_object_to_the_first_file(void)
{
	AUTO(place) struct place p = {.dir = NULL};

	place_open(&p);
	put_map(&p, "b.yaml", "x", 2);
	let_clock_tick();
	expect(&p, "+x=2(b.yaml) ");
	put_map(&p, "a.yaml", "x", 1);
	let_clock_tick();
	expect(&p, "+x=1(a.yaml) ?b.yaml ");
	expect(&p, "");
	CU_ASSERT_FALSE(directory_complete(p.dir));
	erase(&p, "a.yaml");
	expect(&p, "+x=2(b.yaml) ~b.yaml ");
	CU_ASSERT_TRUE(directory_complete(p.dir));
}

static void test_directory_scan__takes_over_at_once_after_the_conflict(void)
{
	AUTO(place) struct place p = {.dir = NULL};

	place_open(&p);
	put_map(&p, "b.yaml", "x", 2);
	let_clock_tick();
	expect(&p, "+x=2(b.yaml) ");
	put_map(&p, "a.yaml", "x", 1);
	expect(&p, "+x=1(a.yaml) ?b.yaml ");
	erase(&p, "a.yaml");
	expect(&p, "+x=2(b.yaml) ~b.yaml ");
}

static void count(void *arg, struct source_event *event)
{
	size_t *n = arg;

	*n += event->change == SOURCE_APPLIED;
	directory_event_clear(event);
}

/* Returns how many files below the folder were opened since the last call. */
static size_t opened(int watch)
{
	char events[64 * 1024] __attribute__((aligned(__alignof__(struct inotify_event))));
	size_t n = 0;
	ssize_t got = 0;

	while ((got = read(watch, events, sizeof(events))) > 0) {
		for (size_t at = 0; at < (size_t)got;) {
			struct inotify_event event;

			memcpy(&event, events + at, sizeof(event));
			CU_ASSERT_FALSE(event.mask & IN_Q_OVERFLOW);
			n += !(event.mask & IN_ISDIR);
			at += sizeof(event) + event.len;
		}
	}
	return n;
}

static void test_directory_scan__reads_only_what_changed(void)
{
	AUTO(place) struct place p = {.dir = NULL};
	AUTO(fd) int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct err err = {.code = ERR_NONE};
	size_t applied = 0;
	char name[64];

	place_open(&p);
	for (int i = 0; i < 2000; i++) {
		(void)snprintf(name, sizeof(name), "m%04d.yaml", i);
		put_map(&p, name, name, i);
	}
	let_clock_tick();
	CU_ASSERT_TRUE(inotify_add_watch(watch, p.path, IN_OPEN) >= 0);
	CU_ASSERT_EQUAL(directory_scan(p.dir, count, &applied, &err), 0);
	CU_ASSERT_EQUAL(applied, 2000);
	CU_ASSERT_EQUAL(opened(watch), 2000);

	expect(&p, "");
	CU_ASSERT_EQUAL(opened(watch), 0);

	put_map(&p, "m1234.yaml", "m1234.yaml", 0);
	(void)opened(watch);
	expect(&p, "+m1234.yaml=0(m1234.yaml) ");
	CU_ASSERT_EQUAL(opened(watch), 1);
}

TEST_MAIN("directory", TEST(test_directory_open__refuses_what_is_no_folder),
	TEST(test_directory_scan__follows_a_file_through_its_life),
	TEST(test_directory_scan__sees_a_change_within_one_tick_of_the_clock),
	TEST(test_directory_scan__is_silent_when_a_file_is_only_touched),
	TEST(test_directory_scan__sees_an_atomic_rename),
	TEST(test_directory_scan__sees_an_editor_save_by_backup),
	TEST(test_directory_scan__sees_the_swap_of_a_mounted_configmap),
	TEST(test_directory_scan__never_misses_an_object_that_moves),
	TEST(test_directory_scan__keeps_what_a_broken_file_held),
	TEST(test_directory_scan__applies_the_right_documents_of_a_wrong_file),
	TEST(test_directory_scan__keeps_what_a_file_held_that_is_empty_now),
	TEST(test_directory_scan__tries_an_unreadable_file_again),
	TEST(test_directory_scan__reads_again_after_a_failure_that_passed),
	TEST(test_directory_scan__refuses_a_file_over_the_ceiling),
	TEST(test_directory_scan__refuses_what_is_no_regular_file),
	TEST(test_directory_scan__refuses_a_folder_of_too_many_files),
	TEST(test_directory_scan__passes_over_what_is_no_manifest),
	TEST(test_directory_scan__gives_a_contested_object_to_the_first_file),
	TEST(test_directory_scan__takes_over_at_once_after_the_conflict),
	TEST(test_directory_scan__reads_only_what_changed))
