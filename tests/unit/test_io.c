/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

/* A folder that is gone, with all that lies in it, where its scope ends. */
struct folder {
	char *path; /* owned */
	int fd;     /* owned */
};

static struct folder folder_new(void)
{
	const char *base = getenv("TMPDIR");
	struct folder f = {.path = xasprintf("%s/test_io.XXXXXX", base ? base : "/tmp")};

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(f.path));
	f.fd = open(f.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CU_ASSERT_FATAL(f.fd >= 0);
	return f;
}

/* Returns how many entries there are; removes them where remove is set. */
static unsigned folder_walk(const struct folder *f, bool remove)
{
	AUTO(dir) DIR *dir = opendir(f->path);
	const struct dirent *entry = NULL;
	unsigned n = 0;

	while (dir && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		n++;
		if (remove && unlinkat(f->fd, entry->d_name, 0) < 0)
			(void)unlinkat(f->fd, entry->d_name, AT_REMOVEDIR);
	}
	return n;
}

static void auto_folder(struct folder *f)
{
	folder_walk(f, true);
	close(f->fd);
	(void)rmdir(f->path);
	free(f->path);
}

static void test_io_write__writes_all(void)
{
	struct err err;
	int ends[2];
	char out[8] = "";

	CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);

	AUTO(fd) int reading = ends[0];
	AUTO(fd) int writing = ends[1];

	CU_ASSERT_EQUAL(io_write(writing, "abc", 3, &err), 0);
	CU_ASSERT_EQUAL(io_write(writing, "", 0, &err), 0);
	CU_ASSERT_EQUAL(read(reading, out, sizeof(out)), 3);
	CU_ASSERT_STRING_EQUAL(out, "abc");
}

static void test_io_write__tells_no_room_from_other_failures(void)
{
	AUTO(fd) int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	AUTO(fd) int readonly = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct err err;

	CU_ASSERT_EQUAL(io_write(full, "abc", 3, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_FULL);
	CU_ASSERT_EQUAL(io_write(readonly, "abc", 3, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_TRANSIENT);
}

static void put_file(const struct folder *f, const char *name, const char *text, size_t n)
{
	AUTO(fd) int fd = openat(f->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL_FATAL(write(fd, text, n), (ssize_t)n);
}

static void test_io_read__appends_to_what_is_there(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(buf) struct buf out = BUF_INIT(100);
	struct err err;

	put_file(&f, "x", "world\0!", 7);
	CU_ASSERT_EQUAL(buf_append(&out, "hello ", 6, &err), 0);
	CU_ASSERT_EQUAL(io_read_file(f.fd, "x", &out, &err), 0);
	CU_ASSERT_EQUAL(out.len, 13);
	CU_ASSERT_EQUAL(memcmp(out.data, "hello world\0!", 14), 0);
}

static void test_io_read__accepts_exactly_the_ceiling(void)
{
	AUTO(folder) struct folder f = folder_new();
	struct err err;

	put_file(&f, "x", "12345", 5);
	for (size_t max = 0; max < 8; max++) {
		AUTO(buf) struct buf out = BUF_INIT(max);
		int rc = io_read_file(f.fd, "x", &out, &err);

		CU_ASSERT_EQUAL(rc, max < 5 ? -1 : 0);
		CU_ASSERT_EQUAL(out.len, max < 5 ? 0 : 5);
		CU_ASSERT_STRING_EQUAL(buf_text(&out), max < 5 ? "" : "12345");
		if (rc < 0) {
			CU_ASSERT_EQUAL(err.code, ERR_INVALID);
			ASSERT_HAS(err.msg, "x: more than");
		}
	}
}

static void test_io_read__reads_more_than_one_chunk(void)
{
	AUTO(folder) struct folder f = folder_new();
	size_t n = 300001;
	AUTO(free) char *text = xmalloc(n);
	AUTO(buf) struct buf out = BUF_INIT(n);
	struct err err;

	for (size_t i = 0; i < n; i++)
		text[i] = (char)('a' + i % 23);
	put_file(&f, "x", text, n);
	CU_ASSERT_EQUAL(io_read_file(f.fd, "x", &out, &err), 0);
	CU_ASSERT_EQUAL_FATAL(out.len, n);
	CU_ASSERT_EQUAL(memcmp(out.data, text, n), 0);
}

static void test_io_read__stops_at_the_ceiling_of_an_endless_file(void)
{
	AUTO(fd) int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	AUTO(buf) struct buf out = BUF_INIT(100000);
	struct err err;

	CU_ASSERT_EQUAL(io_read(fd, &out, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	CU_ASSERT_EQUAL(out.len, 0);
}

static void test_io_read_file__refuses_what_is_no_regular_file(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(buf) struct buf out = BUF_INIT(100);
	struct err err;

	CU_ASSERT_EQUAL_FATAL(mkfifoat(f.fd, "fifo", 0600), 0);
	CU_ASSERT_EQUAL(io_read_file(f.fd, "fifo", &out, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, "fifo: must be a regular file");
	CU_ASSERT_EQUAL(io_read_file(f.fd, ".", &out, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	CU_ASSERT_EQUAL(io_read_file(f.fd, "missing", &out, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_NOT_FOUND);
	ASSERT_HAS(err.msg, "missing");
}

static void test_io_read_file__says_denied(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(buf) struct buf out = BUF_INIT(100);
	struct err err;

	put_file(&f, "x", "1", 1);
	CU_ASSERT_EQUAL_FATAL(fchmodat(f.fd, "x", 0, 0), 0);
	if (geteuid() == 0)
		return; /* root may read it all the same */
	CU_ASSERT_EQUAL(io_read_file(f.fd, "x", &out, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_DENIED);
}

static void test_io_replace__puts_the_new_file_in_place(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(buf) struct buf out = BUF_INIT(100);
	struct err err;
	struct stat st;
	mode_t before = umask(077);

	CU_ASSERT_EQUAL(io_replace(f.fd, "x", "old text", 8, 0600, &err), 0);
	CU_ASSERT_EQUAL(io_replace(f.fd, "x", "new", 3, 0444, &err), 0);
	(void)umask(before);
	CU_ASSERT_EQUAL(io_read_file(f.fd, "x", &out, &err), 0);
	CU_ASSERT_STRING_EQUAL(buf_text(&out), "new");
	CU_ASSERT_EQUAL(fstatat(f.fd, "x", &st, 0), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0444);
	CU_ASSERT_EQUAL(folder_walk(&f, false), 1);
}

static void test_io_replace__accepts_the_longest_name(void)
{
	AUTO(folder) struct folder f = folder_new();
	struct err err;
	char name[256];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	CU_ASSERT_EQUAL(io_replace(f.fd, name, "", 0, 0600, &err), 0);
}

static void test_io_replace__leaves_nothing_when_it_fails(void)
{
	AUTO(folder) struct folder f = folder_new();
	struct err err;

	CU_ASSERT_EQUAL_FATAL(mkdirat(f.fd, "folder", 0700), 0);
	CU_ASSERT_EQUAL(io_replace(f.fd, "folder", "x", 1, 0600, &err), -1);
	ASSERT_HAS(err.msg, "replace folder: rename");
	CU_ASSERT_EQUAL(folder_walk(&f, false), 1);
	CU_ASSERT_EQUAL(io_replace(f.fd, "folder/x", "x", 1, 0600, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	CU_ASSERT_EQUAL(folder_walk(&f, false), 1);
}

static void test_io_replace__says_that_the_folder_is_gone(void)
{
	struct folder f = folder_new();
	struct err err;

	CU_ASSERT_EQUAL_FATAL(rmdir(f.path), 0);
	CU_ASSERT_EQUAL(io_replace(f.fd, "x", "x", 1, 0600, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_NOT_FOUND);
	ASSERT_HAS(err.msg, "replace x");
	close(f.fd);
	free(f.path);
}

static void test_io_monotonic_ms__does_not_go_back(void)
{
	int64_t before = io_monotonic_ms();

	CU_ASSERT_TRUE(before > 0);
	CU_ASSERT_TRUE(io_monotonic_ms() >= before);
}

TEST_MAIN("io", TEST(test_io_write__writes_all),
	TEST(test_io_write__tells_no_room_from_other_failures),
	TEST(test_io_read__appends_to_what_is_there),
	TEST(test_io_read__accepts_exactly_the_ceiling),
	TEST(test_io_read__reads_more_than_one_chunk),
	TEST(test_io_read__stops_at_the_ceiling_of_an_endless_file),
	TEST(test_io_read_file__refuses_what_is_no_regular_file),
	TEST(test_io_read_file__says_denied), TEST(test_io_replace__puts_the_new_file_in_place),
	TEST(test_io_replace__accepts_the_longest_name),
	TEST(test_io_replace__leaves_nothing_when_it_fails),
	TEST(test_io_replace__says_that_the_folder_is_gone),
	TEST(test_io_monotonic_ms__does_not_go_back))
