/* SPDX-License-Identifier: Apache-2.0 */
#include "store/layout.h"

#include "tests/unit/store_fixture.h"
#include "tests/unit/test.h"

#define LEFTOVER "0123456789abcdef0123456789abcdef"

/* Opens the fixture's folder, which is made. */
static int open_folder(const struct folder *f)
{
	struct err err = {.msg = ""};
	int fd = -1;

	CU_ASSERT_EQUAL_FATAL(mkdir(f->path, 0700), 0);
	fd = layout_open_folder(AT_FDCWD, f->path, &err);
	CU_ASSERT_FATAL(fd >= 0);
	return fd;
}

/* The code with which a descriptor was refused; ERR_NONE where there is one. */
static enum err_code code_of(int opened, const struct err *err)
{
	AUTO(fd) int fd = opened;

	return fd < 0 ? err->code : ERR_NONE;
}

static void test_layout_open_folder__opens_only_folders(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(fd) int at = open_folder(&f);
	struct err err;

	overwrite(f.path, "file", "text");
	CU_ASSERT_EQUAL(mkdirat(at, "folder", 0700), 0);
	CU_ASSERT_EQUAL(symlinkat("folder", at, "link"), 0);
	CU_ASSERT_EQUAL(code_of(layout_open_folder(at, "folder", &err), &err), ERR_NONE);
	CU_ASSERT_EQUAL(code_of(layout_open_folder(at, "absent", &err), &err), ERR_NOT_FOUND);
	CU_ASSERT_EQUAL(code_of(layout_open_folder(at, "file", &err), &err), ERR_INVALID);
	ASSERT_HAS(err.msg, "file: must be a folder");
	CU_ASSERT_EQUAL(code_of(layout_open_folder(at, "link", &err), &err), ERR_INVALID);
}

static void test_layout_make_folder__makes_it_once(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(fd) int at = open_folder(&f);
	struct stat st;
	struct err err;

	for (int i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(code_of(layout_make_folder(at, "new", &err), &err), ERR_NONE);
	CU_ASSERT_EQUAL(fstatat(at, "new", &st, 0), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0700);
	overwrite(f.path, "file", "text");
	CU_ASSERT_EQUAL(code_of(layout_make_folder(at, "file", &err), &err), ERR_INVALID);
}

static void test_layout_open_file__opens_only_regular_files(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(fd) int at = open_folder(&f);
	struct err err;

	overwrite(f.path, "file", "text");
	CU_ASSERT_EQUAL(mkdirat(at, "folder", 0700), 0);
	CU_ASSERT_EQUAL(mkfifoat(at, "fifo", 0600), 0);
	CU_ASSERT_EQUAL(symlinkat("file", at, "link"), 0);
	CU_ASSERT_EQUAL(code_of(layout_open_file(at, "file", &err), &err), ERR_NONE);
	CU_ASSERT_EQUAL(code_of(layout_open_file(at, "absent", &err), &err), ERR_NOT_FOUND);
	CU_ASSERT_EQUAL(code_of(layout_open_file(at, "folder", &err), &err), ERR_INVALID);
	CU_ASSERT_EQUAL(code_of(layout_open_file(at, "fifo", &err), &err), ERR_INVALID);
	CU_ASSERT_EQUAL(code_of(layout_open_file(at, "link", &err), &err), ERR_INVALID);
	ASSERT_HAS(err.msg, "link: must be a regular file");
}

static void test_layout_sync__fails_where_nothing_can_be_synced(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(fd) int at = open_folder(&f);
	struct err err;

	CU_ASSERT_EQUAL(layout_sync(at, &err), 0);
	CU_ASSERT_EQUAL(layout_sync(-1, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_TRANSIENT);
}

struct names {
	char text[256];
	size_t left; /* so many more before it gives up */
};

static int gather(void *arg, int folder, const char *name, struct err *err)
{
	struct names *names = arg;
	size_t len = strlen(names->text);

	(void)folder;
	if (names->left-- == 0)
		return err_set(err, ERR_CONFLICT, "enough");
	(void)snprintf(names->text + len, sizeof(names->text) - len, "%s ", name);
	return 0;
}

static void test_layout_walk__sees_every_entry_each_time(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(fd) int at = open_folder(&f);
	struct err err;

	overwrite(f.path, "one", "");
	overwrite(f.path, ".two", "");
	CU_ASSERT_EQUAL(mkdirat(at, "three", 0), 0);
	for (int i = 0; i < 2; i++) {
		struct names names = {.left = 10};

		CU_ASSERT_EQUAL(layout_walk(at, gather, &names, &err), 0);
		CU_ASSERT_EQUAL(names.left, 7);
		ASSERT_HAS(names.text, "one ");
		ASSERT_HAS(names.text, ".two ");
		ASSERT_HAS(names.text, "three ");
	}
}

static void test_layout_walk__ends_with_what_the_visitor_says(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(fd) int at = open_folder(&f);
	struct names names = {.left = 1};
	struct err err;

	overwrite(f.path, "one", "");
	overwrite(f.path, "two", "");
	CU_ASSERT_EQUAL(layout_walk(at, gather, &names, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_CONFLICT);
	CU_ASSERT_EQUAL(strlen(names.text), 4);
}

static void test_layout_check_ours__takes_a_store_and_what_may_become_one(void)
{
	static const struct {
		const char *files[3];
		enum err_code code;
	} cases[] = {
		{{NULL}, ERR_NONE},
		{{"lost+found"}, ERR_NONE},
		{{"lock", "ingest"}, ERR_NONE},
		{{"lock", "oci-layout", "notes.txt"}, ERR_NONE},
		{{"oci-layout"}, ERR_INVALID},
		{{"lock", "notes.txt"}, ERR_INVALID},
		{{"resources"}, ERR_INVALID},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(folder) struct folder f = folder_new();
		AUTO(fd) int at = open_folder(&f);
		struct err err = {.code = ERR_NONE};

		for (size_t j = 0; j < 3 && cases[i].files[j]; j++)
			overwrite(f.path, cases[i].files[j], "");
		CU_ASSERT_EQUAL(layout_check_ours(at, &err), cases[i].code == ERR_NONE ? 0 : -1);
		CU_ASSERT_EQUAL(err.code, cases[i].code);
	}
}

static void test_layout_sweep__removes_only_files_of_a_writers_naming(void)
{
	static const char *const kept[] = {
		"cafe", LEFTOVER ".txt", LEFTOVER "0", "0123456789ABCDEF0123456789abcdef"};
	AUTO(folder) struct folder f = folder_new();
	AUTO(fd) int at = open_folder(&f);
	struct err err;

	overwrite(f.path, LEFTOVER, "half a mod");
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		overwrite(f.path, kept[i], "mine");
	CU_ASSERT_EQUAL(mkdirat(at, "fedcba9876543210fedcba9876543210", 0700), 0);
	CU_ASSERT_EQUAL(layout_sweep(at, &err), 0);
	CU_ASSERT_FALSE(path_exists(f.path, LEFTOVER));
	CU_ASSERT(path_exists(f.path, "fedcba9876543210fedcba9876543210"));
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		CU_ASSERT(path_exists(f.path, kept[i]));
}

TEST_MAIN("layout", TEST(test_layout_open_folder__opens_only_folders),
	TEST(test_layout_make_folder__makes_it_once),
	TEST(test_layout_open_file__opens_only_regular_files),
	TEST(test_layout_sync__fails_where_nothing_can_be_synced),
	TEST(test_layout_walk__sees_every_entry_each_time),
	TEST(test_layout_walk__ends_with_what_the_visitor_says),
	TEST(test_layout_check_ours__takes_a_store_and_what_may_become_one),
	TEST(test_layout_sweep__removes_only_files_of_a_writers_naming))
