/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/local_fs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/test.h"

#define TEN "0123456789"

/* A root that holds f.wasm of ten bytes, and a file of the same name beside it. */
struct place {
	char *dir;   /* owned */
	char *root;  /* owned, below dir */
	char *inner; /* owned path of f.wasm */
	char *outer; /* owned path of the one beside the root */
};

static void place_init(struct place *p)
{
	p->dir = fixture_dir();
	p->root = xasprintf("%s/root", p->dir);
	CU_ASSERT_EQUAL_FATAL(mkdir(p->root, 0700), 0);
	p->inner = fixture_write(p->root, "f.wasm", TEN, strlen(TEN));
	p->outer = fixture_write(p->dir, "secret", "secret", 6);
}

static void auto_place(struct place *p)
{
	fixture_dir_remove(p->dir);
	free(p->root);
	free(p->inner);
	free(p->outer);
}

static void place_link(const struct place *p, const char *target, const char *name)
{
	AUTO(free) char *path = xasprintf("%s/%s", p->root, name);

	CU_ASSERT_EQUAL_FATAL(symlink(target, path), 0);
}

/* Fetches uri; *good says whether the ten bytes came, in full. */
static int fetch(const char *root, const char *uri, uint64_t max, bool *good, struct err *err)
{
	struct fetch_options options = fixture_options();
	struct fetch_request request = {.source = FETCH_LOCAL_FS, .uri = uri};
	AUTO(fd) int fd = fixture_file();
	AUTO(sink) struct sink sink = {.fd = -1};

	struct fetch_task task = {.options = &options, .request = &request};

	options.local_root = root;
	sink_init(&sink, fd, max);
	int rc = local_fs_fetch(&task, &sink, err);
	*good = rc == 0 && sink.size == strlen(TEN) && fixture_file_is(fd, TEN, strlen(TEN));
	return rc;
}

static void assert_fetched(const char *root, const char *uri)
{
	struct err err = {0};
	bool good = false;

	if (fetch(root, uri, 100, &good, &err) < 0)
		printf("\n  %s: %s\n", uri, err.msg);
	CU_ASSERT_TRUE(good);
}

static void assert_refused(const char *root, const char *uri, enum err_code code, const char *words)
{
	struct err err = {0};
	bool good = false;

	CU_ASSERT_EQUAL(fetch(root, uri, 100, &good, &err), -1);
	CU_ASSERT_EQUAL(err.code, code);
	ASSERT_HAS(err.msg, words);
}

static void test_local_fs_fetch__reads_a_relative_path(void)
{
	AUTO(place) struct place p;

	place_init(&p);
	assert_fetched(p.root, "f.wasm");
	assert_fetched(p.root, "./f.wasm");
}

static void test_local_fs_fetch__reads_an_absolute_path_below_the_root(void)
{
	AUTO(place) struct place p;

	place_init(&p);
	assert_fetched(p.root, p.inner);
}

static void test_local_fs_fetch__takes_absolute_paths_by_the_roots_real_path(void)
{
	AUTO(place) struct place p;
	AUTO(free) char *alias = NULL;

	place_init(&p);
	alias = xasprintf("%s/alias", p.dir);
	CU_ASSERT_EQUAL_FATAL(symlink("root", alias), 0);
	assert_fetched(alias, "f.wasm");
	assert_fetched(alias, p.inner);
}

static void test_local_fs_fetch__refuses_an_absolute_path_elsewhere(void)
{
	AUTO(place) struct place p;
	AUTO(free) char *sibling = NULL;

	place_init(&p);
	sibling = xasprintf("%s-not/f.wasm", p.root);
	assert_refused(p.root, p.outer, ERR_INVALID, "is outside of ");
	assert_refused(p.root, sibling, ERR_INVALID, "is outside of ");
	assert_refused(p.root, "/etc/passwd", ERR_INVALID, p.root);
}

static void test_local_fs_fetch__refuses_dotdot_that_leaves(void)
{
	AUTO(place) struct place p;
	AUTO(free) char *absolute = NULL;

	place_init(&p);
	absolute = xasprintf("%s/../secret", p.root);
	assert_refused(p.root, "../secret", ERR_INVALID, "leads out of ");
	assert_refused(p.root, absolute, ERR_INVALID, "leads out of ");
	assert_refused(p.root, "..", ERR_INVALID, "leads out of ");
}

static void test_local_fs_fetch__follows_links_that_stay_inside(void)
{
	AUTO(place) struct place p;
	AUTO(free) char *version = NULL;
	AUTO(free) char *file = NULL;

	place_init(&p);
	/* as a mounted ConfigMap looks */
	version = xasprintf("%s/..2026_01_01", p.root);
	CU_ASSERT_EQUAL_FATAL(mkdir(version, 0700), 0);
	file = fixture_write(version, "c.wasm", TEN, strlen(TEN));
	place_link(&p, "..2026_01_01", "..data");
	place_link(&p, "..data/c.wasm", "c.wasm");
	assert_fetched(p.root, "c.wasm");
}

static void test_local_fs_fetch__refuses_links_that_leave(void)
{
	AUTO(place) struct place p;

	place_init(&p);
	place_link(&p, "../secret", "relative");
	place_link(&p, p.outer, "absolute");
	place_link(&p, "..", "up");
	place_link(&p, "/dev/zero", "zero");
	assert_refused(p.root, "relative", ERR_INVALID, "a link");
	assert_refused(p.root, "absolute", ERR_INVALID, "a link");
	assert_refused(p.root, "up/secret", ERR_INVALID, "a link");
	assert_refused(p.root, "zero", ERR_INVALID, "leads out of ");
}

static void test_local_fs_fetch__refuses_magic_links(void)
{
	AUTO(fd) int fd = fixture_file();
	AUTO(free) char *uri = xasprintf("fd/%d", fd);

	assert_refused("/proc/self", uri, ERR_INVALID, "links");
}

static void test_local_fs_fetch__refuses_a_loop_of_links(void)
{
	AUTO(place) struct place p;

	place_init(&p);
	place_link(&p, "loop", "loop");
	assert_refused(p.root, "loop", ERR_INVALID, "too many links");
}

static void test_local_fs_fetch__refuses_a_fifo_without_waiting(void)
{
	AUTO(place) struct place p;
	AUTO(free) char *path = NULL;

	place_init(&p);
	path = xasprintf("%s/fifo", p.root);
	CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
	assert_refused(p.root, "fifo", ERR_INVALID, "is a fifo");
}

static void test_local_fs_fetch__refuses_a_socket(void)
{
	AUTO(place) struct place p;
	AUTO(fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	place_init(&p);
	int n = snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", p.root);
	CU_ASSERT_TRUE_FATAL(n > 0 && (size_t)n < sizeof(address.sun_path));
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_refused(p.root, "socket", ERR_INVALID, "is a socket");
}

static void test_local_fs_fetch__refuses_devices_and_folders(void)
{
	AUTO(place) struct place p;

	place_init(&p);
	assert_refused("/dev", "zero", ERR_INVALID, "is a character device");
	assert_refused(p.dir, "root", ERR_INVALID, "is a directory");
	assert_refused(p.root, ".", ERR_INVALID, "is a directory");
}

static void test_local_fs_fetch__says_that_it_is_absent(void)
{
	AUTO(place) struct place p;

	place_init(&p);
	assert_refused(p.root, "none.wasm", ERR_NOT_FOUND, "No such file");
	assert_refused(p.root, "f.wasm/x", ERR_NOT_FOUND, "through a file");
	assert_refused(p.root, "", ERR_NOT_FOUND, "No such file");
	assert_refused("/nonexistent-root", "f.wasm", ERR_NOT_FOUND, "the root /nonexistent-root");
}

static void test_local_fs_fetch__refuses_what_is_too_large(void)
{
	AUTO(place) struct place p;
	struct err err = {0};
	bool good = false;

	place_init(&p);
	CU_ASSERT_EQUAL(fetch(p.root, "f.wasm", 9, &good, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, "is 10 bytes; a module may have at most 9");
	CU_ASSERT_EQUAL(fetch(p.root, "f.wasm", 10, &good, &err), 0);
}

static void test_local_fs_fetch__holds_the_ceiling_while_it_reads(void)
{
	struct err err = {0};
	bool good = false;

	/* fstat says 0 bytes, and reading gives many */
	CU_ASSERT_EQUAL(fetch("/proc/self", "status", 9, &good, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, "more than 9 bytes");
}

static void test_local_fs_fetch__notices_that_the_size_was_not_what_it_read(void)
{
	struct err err = {0};
	bool good = false;

	CU_ASSERT_EQUAL(fetch("/proc/self", "status", 1000000, &good, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_TRANSIENT);
	ASSERT_HAS(err.msg, "changed while it was read: 0 bytes before");
}

static void test_local_fs_fetch__is_off_without_a_root(void)
{
	assert_refused(NULL, "f.wasm", ERR_INVALID, "local_fs is off");
}

static void test_local_fs_fetch__gives_up_when_told_to_stop(void)
{
	AUTO(place) struct place p;
	AUTO(fd) int fd = fixture_file();
	AUTO(sink) struct sink sink = {.fd = -1};
	atomic_bool stop = true;
	struct fetch_options options = fixture_options();
	struct fetch_request request = {.source = FETCH_LOCAL_FS, .uri = "f.wasm"};
	struct fetch_task task = {.options = &options, .request = &request};
	struct err err = {0};

	place_init(&p);
	sink_init(&sink, fd, 100);
	options.local_root = p.root;
	options.stop = &stop;
	CU_ASSERT_EQUAL(local_fs_fetch(&task, &sink, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_TRANSIENT);
	ASSERT_HAS(err.msg, "stopped");
}

static void test_local_fs_mark__changes_with_the_file(void)
{
	AUTO(place) struct place p;
	AUTO(free) char *again = NULL;
	struct fetch_options options = fixture_options();

	place_init(&p);
	options.local_root = p.root;
	uint64_t mark = local_fs_mark(&options, "f.wasm");
	CU_ASSERT_NOT_EQUAL(mark, 0);
	CU_ASSERT_EQUAL(local_fs_mark(&options, p.inner), mark);
	again = fixture_write(p.root, "f.wasm", "longer than before", 18);
	CU_ASSERT_NOT_EQUAL(local_fs_mark(&options, "f.wasm"), mark);
}

static void test_local_fs_mark__is_zero_for_what_cannot_be_fetched(void)
{
	AUTO(place) struct place p;
	struct fetch_options options = fixture_options();

	place_init(&p);
	CU_ASSERT_EQUAL(local_fs_mark(&options, "f.wasm"), 0);
	options.local_root = p.root;
	CU_ASSERT_EQUAL(local_fs_mark(&options, "none.wasm"), 0);
	CU_ASSERT_EQUAL(local_fs_mark(&options, "../secret"), 0);
	CU_ASSERT_EQUAL(local_fs_mark(&options, "."), 0);
}

static void test_local_fs_relative__cuts_the_root_and_nothing_else(void)
{
	CU_ASSERT_STRING_EQUAL(local_fs_relative("/a", "b"), "b");
	CU_ASSERT_STRING_EQUAL(local_fs_relative("/a", "/a/b"), "b");
	CU_ASSERT_STRING_EQUAL(local_fs_relative("/a", "/a//b"), "b");
	CU_ASSERT_STRING_EQUAL(local_fs_relative("/", "/b"), "b");
	CU_ASSERT_PTR_NULL(local_fs_relative("/a", "/ab/c"));
	CU_ASSERT_PTR_NULL(local_fs_relative("/a", "/a"));
	CU_ASSERT_PTR_NULL(local_fs_relative("/a/b", "/a"));
}

static void test_local_fs_check_kind__names_each_kind(void)
{
	static const struct {
		mode_t mode;
		const char *words;
	} kinds[] = {
		{S_IFDIR, "a directory"},
		{S_IFIFO, "a fifo"},
		{S_IFSOCK, "a socket"},
		{S_IFCHR, "a character device"},
		{S_IFBLK, "a block device"},
		{0, "not a regular file"},
	};
	struct err err = {0};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		CU_ASSERT_EQUAL(local_fs_check_kind(kinds[i].mode | 0644, &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
		ASSERT_HAS(err.msg, kinds[i].words);
	}
	CU_ASSERT_EQUAL(local_fs_check_kind(S_IFREG | 0644, &err), 0);
}

static void test_local_fs_check_unchanged__sees_size_and_time(void)
{
	const struct stat before = {.st_size = 10, .st_mtim = {.tv_sec = 5}};
	struct stat longer = before;
	struct stat later = before;
	struct err err = {0};

	longer.st_size = 11;
	later.st_mtim.tv_nsec = 1;
	CU_ASSERT_EQUAL(local_fs_check_unchanged(&before, &before, 10, &err), 0);
	CU_ASSERT_EQUAL(local_fs_check_unchanged(&before, &before, 9, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_TRANSIENT);
	CU_ASSERT_EQUAL(local_fs_check_unchanged(&before, &longer, 10, &err), -1);
	ASSERT_HAS(err.msg, "10 bytes before, 10 read, 11 after");
	CU_ASSERT_EQUAL(local_fs_check_unchanged(&before, &later, 10, &err), -1);
	ASSERT_HAS(err.msg, "written to");
}

TEST_MAIN("local_fs", TEST(test_local_fs_fetch__reads_a_relative_path),
	TEST(test_local_fs_fetch__reads_an_absolute_path_below_the_root),
	TEST(test_local_fs_fetch__takes_absolute_paths_by_the_roots_real_path),
	TEST(test_local_fs_fetch__refuses_an_absolute_path_elsewhere),
	TEST(test_local_fs_fetch__refuses_dotdot_that_leaves),
	TEST(test_local_fs_fetch__follows_links_that_stay_inside),
	TEST(test_local_fs_fetch__refuses_links_that_leave),
	TEST(test_local_fs_fetch__refuses_magic_links),
	TEST(test_local_fs_fetch__refuses_a_loop_of_links),
	TEST(test_local_fs_fetch__refuses_a_fifo_without_waiting),
	TEST(test_local_fs_fetch__refuses_a_socket),
	TEST(test_local_fs_fetch__refuses_devices_and_folders),
	TEST(test_local_fs_fetch__says_that_it_is_absent),
	TEST(test_local_fs_fetch__refuses_what_is_too_large),
	TEST(test_local_fs_fetch__holds_the_ceiling_while_it_reads),
	TEST(test_local_fs_fetch__notices_that_the_size_was_not_what_it_read),
	TEST(test_local_fs_fetch__is_off_without_a_root),
	TEST(test_local_fs_fetch__gives_up_when_told_to_stop),
	TEST(test_local_fs_mark__changes_with_the_file),
	TEST(test_local_fs_mark__is_zero_for_what_cannot_be_fetched),
	TEST(test_local_fs_relative__cuts_the_root_and_nothing_else),
	TEST(test_local_fs_check_kind__names_each_kind),
	TEST(test_local_fs_check_unchanged__sees_size_and_time))
