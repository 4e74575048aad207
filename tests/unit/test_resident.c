/* SPDX-License-Identifier: Apache-2.0 */
#include "base/resident.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

#define PAGE 4096

/* Relocated at the start, and read-only since. */
static void *(*const relocated[])(size_t) = {malloc, xmalloc};

static void test_resident_trim__gives_back_what_comes_back_by_itself(void)
{
	AUTO(free) void *one = NULL;
	AUTO(free) void *other = NULL;

	CU_ASSERT(resident_trim() > 0);
	CU_ASSERT_PTR_EQUAL(relocated[0], malloc);
	CU_ASSERT_PTR_EQUAL(relocated[1], xmalloc);
	one = relocated[0](1);
	other = relocated[1](1);
	CU_ASSERT_PTR_NOT_NULL(one);
	CU_ASSERT_PTR_NOT_NULL(other);
}

/* As a relocated page is: a file's, written to, then protected. */
static void test_resident_trim__keeps_what_was_written(void)
{
	const char *tmp = getenv("TMPDIR");
	AUTO(free) char *name = xasprintf("%s/wasmxds-resident-XXXXXX", tmp ? tmp : "/tmp");
	AUTO(fd) int fd = mkstemp(name);
	char *page = NULL;

	CU_ASSERT_EQUAL_FATAL(unlink(name), 0);
	CU_ASSERT_EQUAL_FATAL(ftruncate(fd, PAGE), 0);
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	CU_ASSERT_PTR_NOT_EQUAL_FATAL(page, MAP_FAILED);
	memcpy(page, "written", 8);
	CU_ASSERT_EQUAL(mprotect(page, PAGE, PROT_READ), 0);
	(void)resident_trim();
	CU_ASSERT_STRING_EQUAL(page, "written");
	(void)munmap(page, PAGE);
}

TEST_MAIN("resident", TEST(test_resident_trim__gives_back_what_comes_back_by_itself),
	TEST(test_resident_trim__keeps_what_was_written))
