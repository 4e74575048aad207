/* SPDX-License-Identifier: Apache-2.0 */
#include "base/xalloc.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "tests/unit/test.h"

static void test_xalloc__gives_memory_even_for_nothing(void)
{
	AUTO(free) char *none = xmalloc(0);
	AUTO(free) char *zeroes = xcalloc(4, 2);
	AUTO(free) char *grown = xreallocarray(NULL, 0, 8);

	CU_ASSERT_PTR_NOT_NULL(none);
	CU_ASSERT_PTR_NOT_NULL(grown);
	CU_ASSERT_EQUAL(memcmp(zeroes, "\0\0\0\0\0\0\0", 8), 0);
	grown = xreallocarray(grown, 3, 1);
	memcpy(grown, "ab", 3);
	CU_ASSERT_STRING_EQUAL(grown, "ab");
}

static void test_xalloc__copies_text(void)
{
	AUTO(free) char *whole = xstrdup("abc");
	AUTO(free) char *part = xstrndup("abc", 2);
	AUTO(free) char *formatted = xasprintf("%s-%d", "abc", 7);
	AUTO(free) char *maybe = xstrdup_null("x");

	CU_ASSERT_STRING_EQUAL(whole, "abc");
	CU_ASSERT_STRING_EQUAL(part, "ab");
	CU_ASSERT_STRING_EQUAL(formatted, "abc-7");
	CU_ASSERT_STRING_EQUAL(maybe, "x");
	CU_ASSERT_PTR_NULL(xstrdup_null(NULL));
}

/* n * size wraps, which must never be mistaken for a small size. */
static void test_xreallocarray__ends_the_process_when_it_cannot(void)
{
	int status = 0;
	pid_t child = fork();

	CU_ASSERT_FATAL(child >= 0);
	if (child == 0) {
		const struct rlimit no_core = {0, 0};
		AUTO(fd) int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		volatile size_t n = SIZE_MAX / 2;

		(void)setrlimit(RLIMIT_CORE, &no_core);
		(void)dup2(null, STDERR_FILENO);
		free(xreallocarray(NULL, n, 4));
		_exit(0);
	}
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	/* A sanitizer ends it with a code of its own before abort() can. */
	CU_ASSERT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST_MAIN("xalloc", TEST(test_xalloc__gives_memory_even_for_nothing),
	TEST(test_xalloc__copies_text), TEST(test_xreallocarray__ends_the_process_when_it_cannot))
