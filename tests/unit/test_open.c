/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <sys/wait.h>

#include "tests/unit/store_fixture.h"
#include "tests/unit/test.h"

static enum err_code try_open(const char *dir, enum store_mode mode, struct err *err)
{
	AUTO(store) struct store *st = NULL;

	*err = (struct err){.code = ERR_NONE};
	CU_ASSERT_EQUAL(store_open(&st, dir, mode, err), err->code == ERR_NONE ? 0 : -1);
	return err->code;
}

static void make_folder(const char *dir, const char *path)
{
	AUTO(free) char *full = xasprintf("%s/%s", dir, path);

	CU_ASSERT_EQUAL(mkdir(full, 0700), 0);
}

static mode_t mode_of(const char *dir, const char *path)
{
	AUTO(free) char *full = xasprintf("%s/%s", dir, path);
	struct stat st = {.st_mode = 0};

	CU_ASSERT_EQUAL(lstat(full, &st), 0);
	return st.st_mode & 07777;
}

static void test_store_open__makes_an_image_layout(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(buf) struct buf text = BUF_INIT(100);
	struct err err;

	CU_ASSERT_STRING_EQUAL(store_dir(st), f.path);
	CU_ASSERT_EQUAL(io_read_file(st->fd, "oci-layout", &text, &err), 0);
	CU_ASSERT_STRING_EQUAL(buf_text(&text), "{\"imageLayoutVersion\":\"1.0.0\"}");
	CU_ASSERT_EQUAL(mode_of(f.path, "."), 0700);
	CU_ASSERT_EQUAL(mode_of(f.path, "blobs/sha256"), 0700);
	CU_ASSERT_EQUAL(mode_of(f.path, "resources"), 0700);
	CU_ASSERT_EQUAL(mode_of(f.path, "ingest"), 0700);
	CU_ASSERT_EQUAL(mode_of(f.path, "oci-layout"), 0600);
	CU_ASSERT_EQUAL(mode_of(f.path, "lock"), 0600);
}

static void test_store_open__takes_an_empty_volume(void)
{
	AUTO(folder) struct folder f = folder_new();
	struct err err;

	make_folder(f.top, "store");
	make_folder(f.path, "lost+found");
	CU_ASSERT_EQUAL(try_open(f.path, STORE_READ, &err), ERR_NOT_FOUND);
	CU_ASSERT_EQUAL(try_open(f.path, STORE_WRITE, &err), ERR_NONE);
	CU_ASSERT(path_exists(f.path, "lost+found"));
	CU_ASSERT_EQUAL(try_open(f.path, STORE_READ, &err), ERR_NONE);
}

static void test_store_open__refuses_a_folder_of_somebody_else(void)
{
	AUTO(folder) struct folder f = folder_new();
	struct err err;

	make_folder(f.top, "store");
	overwrite(f.path, "letter.txt", "Dear");
	CU_ASSERT_EQUAL(try_open(f.path, STORE_WRITE, &err), ERR_INVALID);
	ASSERT_HAS(err.msg, "letter.txt");
	CU_ASSERT_EQUAL(try_open(f.path, STORE_READ, &err), ERR_INVALID);
	CU_ASSERT_FALSE(path_exists(f.path, "lock"));
}

static void test_store_open__refuses_an_image_layout_of_another_program(void)
{
	AUTO(folder) struct folder f = folder_new();
	struct err err;

	make_folder(f.top, "store");
	make_folder(f.path, "blobs");
	overwrite(f.path, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
	CU_ASSERT_EQUAL(try_open(f.path, STORE_WRITE, &err), ERR_INVALID);
	CU_ASSERT_FALSE(path_exists(f.path, "ingest"));
}

static void test_store_open__makes_the_folders_above_too(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(free) char *deep = xasprintf("%s/a//b/store/", f.top);
	struct err err;

	CU_ASSERT_EQUAL(try_open(deep, STORE_READ, &err), ERR_NOT_FOUND);
	CU_ASSERT_FALSE(path_exists(f.top, "a"));
	CU_ASSERT_EQUAL(try_open(deep, STORE_WRITE, &err), ERR_NONE);
	CU_ASSERT_EQUAL(mode_of(f.top, "a"), 0700);
	CU_ASSERT_EQUAL(mode_of(f.top, "a/b"), 0700);
	CU_ASSERT_EQUAL(try_open(deep, STORE_READ, &err), ERR_NONE);
}

static void test_store_open__says_which_folder_above_cannot_be_made(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(free) char *deep = xasprintf("%s/file/b/store", f.top);
	struct err err;

	overwrite(f.top, "file", "text");
	CU_ASSERT_EQUAL(try_open(deep, STORE_WRITE, &err), ERR_INVALID);
	ASSERT_HAS(err.msg, deep);
	CU_ASSERT_EQUAL(try_open("", STORE_WRITE, &err), ERR_NOT_FOUND);
}

static void test_store_open__refuses_a_file(void)
{
	AUTO(folder) struct folder f = folder_new();
	struct err err;

	overwrite(f.top, "store", "text");
	CU_ASSERT_EQUAL(try_open(f.path, STORE_WRITE, &err), ERR_INVALID);
	CU_ASSERT_EQUAL(try_open(f.path, STORE_READ, &err), ERR_INVALID);
}

static void test_store_open__follows_no_link_inside(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(free) char *link = xasprintf("%s/resources", f.path);
	struct err err;

	CU_ASSERT_EQUAL(try_open(f.path, STORE_WRITE, &err), ERR_NONE);
	CU_ASSERT_EQUAL(rmdir(link), 0);
	CU_ASSERT_EQUAL(symlink(f.top, link), 0);
	CU_ASSERT_EQUAL(try_open(f.path, STORE_WRITE, &err), ERR_INVALID);
	CU_ASSERT_EQUAL(try_open(f.path, STORE_READ, &err), ERR_INVALID);
}

static void test_store_open__finds_nothing_to_read_where_nothing_is(void)
{
	AUTO(folder) struct folder f = folder_new();
	struct err err;

	CU_ASSERT_EQUAL(try_open(f.path, STORE_READ, &err), ERR_NOT_FOUND);
	CU_ASSERT_FALSE(path_exists(f.top, "store"));
}

/* What a first writer leaves that dies on its way. */
static void test_store_open__goes_on_where_a_first_writer_died(void)
{
	static const char *const steps[] = {"lock", "ingest/", "oci-layout", "blobs/",
		"blobs/sha256/", "resources/", "generation"};

	for (size_t n = 0; n <= sizeof(steps) / sizeof(steps[0]); n++) {
		AUTO(folder) struct folder f = folder_new();
		struct err err;

		make_folder(f.top, "store");
		for (size_t i = 0; i < n; i++) {
			if (steps[i][strlen(steps[i]) - 1] == '/')
				make_folder(f.path, steps[i]);
			else
				overwrite(f.path, steps[i], "");
		}
		if (n > 1)
			overwrite(f.path, "ingest/0123456789abcdef0123456789abcdef", "{\"im");
		CU_ASSERT_EQUAL(try_open(f.path, STORE_WRITE, &err), ERR_NONE);
		CU_ASSERT_EQUAL(try_open(f.path, STORE_READ, &err), ERR_NONE);
		CU_ASSERT_FALSE(path_exists(f.path, "ingest/0123456789abcdef0123456789abcdef"));
	}
}

static void test_store_open__sweeps_only_what_writers_left(void)
{
	AUTO(folder) struct folder f = folder_new();
	struct err err;

	CU_ASSERT_EQUAL(try_open(f.path, STORE_WRITE, &err), ERR_NONE);
	overwrite(f.path, "ingest/00000000000000000000000000000000", "half a mod");
	overwrite(f.path, "ingest/cafe", "mine");
	overwrite(f.path, "ingest/00000000000000000000000000000000.txt", "mine");
	CU_ASSERT_EQUAL(try_open(f.path, STORE_READ, &err), ERR_NONE);
	CU_ASSERT(path_exists(f.path, "ingest/00000000000000000000000000000000"));
	CU_ASSERT_EQUAL(try_open(f.path, STORE_WRITE, &err), ERR_NONE);
	CU_ASSERT_FALSE(path_exists(f.path, "ingest/00000000000000000000000000000000"));
	CU_ASSERT(path_exists(f.path, "ingest/cafe"));
	CU_ASSERT(path_exists(f.path, "ingest/00000000000000000000000000000000.txt"));
}

static void test_store_open__has_one_writer_and_names_it(void)
{
	AUTO(folder) struct folder f = folder_new();
	struct err err;

	{
		AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
		AUTO(free) char *pid = xasprintf("process %d on ", (int)getpid());

		CU_ASSERT_EQUAL(try_open(f.path, STORE_WRITE, &err), ERR_CONFLICT);
		ASSERT_HAS(err.msg, pid);
		CU_ASSERT_EQUAL(try_open(f.path, STORE_READ, &err), ERR_NONE);
	}
	CU_ASSERT_EQUAL(try_open(f.path, STORE_WRITE, &err), ERR_NONE);
}

static void test_store_open__has_one_writer_among_processes(void)
{
	AUTO(folder) struct folder f = folder_new();
	int status = -1;

	{
		AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
		pid_t child = fork();

		if (child == 0) {
			struct store *other = NULL;
			struct err err = {.code = ERR_NONE};

			if (store_open(&other, f.path, STORE_WRITE, &err) == 0)
				_exit(1);
			_exit(err.code == ERR_CONFLICT ? 0 : 2);
		}
		CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
		CU_ASSERT_EQUAL(status, 0);
	}
}

/* Adds what can be seen of an entry from outside to a text. */
static int describe(void *arg, int at, const char *name, struct err *err)
{
	struct buf *out = arg;
	struct stat st;

	CU_ASSERT_EQUAL(fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	if (buf_printf(out, err, "%s %o %ld %ld.%09ld\n", name, st.st_mode, (long)st.st_size,
		    (long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec) < 0)
		return -1;
	if (!S_ISDIR(st.st_mode))
		return 0;

	AUTO(fd) int fd = layout_open_folder(at, name, err);

	return fd < 0 ? -1 : layout_walk(fd, describe, out, err);
}

static void ignore_record(void *arg, const char *name, const struct record_stamp *stamp)
{
	(void)arg;
	(void)name;
	(void)stamp;
}

static void test_store_open__writes_nothing_to_read(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(buf) struct buf before = BUF_INIT(65536);
	AUTO(buf) struct buf after = BUF_INIT(65536);
	AUTO(record) struct record r = RECORD_INIT;
	struct err err = {.msg = ""};

	{
		AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);

		CU_ASSERT_EQUAL(put_record(st, "default/auth", "0a", &err), 0);
	}
	record_init(&r);
	CU_ASSERT_EQUAL(describe(&before, AT_FDCWD, f.path, &err), 0);
	{
		AUTO(store) struct store *st = open_store(f.path, STORE_READ);

		CU_ASSERT_EQUAL(store_get_record(st, "default/auth", &r, &err), 0);
		CU_ASSERT_EQUAL(store_each_record(st, ignore_record, NULL, &err), 0);
		CU_ASSERT_EQUAL(store_generation(st), 2);
	}
	CU_ASSERT_EQUAL(describe(&after, AT_FDCWD, f.path, &err), 0);
	CU_ASSERT_STRING_EQUAL(buf_text(&before), buf_text(&after));
}

TEST_MAIN("open", TEST(test_store_open__makes_an_image_layout),
	TEST(test_store_open__takes_an_empty_volume),
	TEST(test_store_open__refuses_a_folder_of_somebody_else),
	TEST(test_store_open__refuses_an_image_layout_of_another_program),
	TEST(test_store_open__makes_the_folders_above_too),
	TEST(test_store_open__says_which_folder_above_cannot_be_made),
	TEST(test_store_open__refuses_a_file), TEST(test_store_open__follows_no_link_inside),
	TEST(test_store_open__finds_nothing_to_read_where_nothing_is),
	TEST(test_store_open__goes_on_where_a_first_writer_died),
	TEST(test_store_open__sweeps_only_what_writers_left),
	TEST(test_store_open__has_one_writer_and_names_it),
	TEST(test_store_open__has_one_writer_among_processes),
	TEST(test_store_open__writes_nothing_to_read))
