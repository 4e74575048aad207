/* SPDX-License-Identifier: Apache-2.0 */
#include "base/library.h"

#include "tests/unit/test.h"

static struct {
	double (*cos)(double);
	double (*sin)(double);
} math;

static const struct library_function functions[] = {
	LIBRARY_FUNCTION(math, cos) LIBRARY_FUNCTION(math, sin)};

static struct library library_of(const char *soname, const struct library_function *list)
{
	return (struct library){.name = "mathematics",
		.soname = soname,
		.functions = list,
		.n = 2,
		.lock = PTHREAD_MUTEX_INITIALIZER};
}

static void test_library_load__finds_what_is_listed(void)
{
	struct library library = library_of("libm.so.6", functions);
	struct err err;

	CU_ASSERT_EQUAL(library_load(&library, &err), 0);
	CU_ASSERT_EQUAL(math.cos(0), 1);
	CU_ASSERT_EQUAL(math.sin(0), 0);
	math.sin = math.cos;
	CU_ASSERT_EQUAL(library_load(&library, &err), 0);
	CU_ASSERT_PTR_EQUAL(math.sin, math.cos);
}

static void test_library_load__says_what_is_missing(void)
{
	const struct library_function strange[] = {
		functions[0], {"no_such_function", (void **)&math.sin}};
	struct library absent = library_of("libnone.so.0", functions);
	struct library other = library_of("libm.so.6", strange);
	struct err err = {.code = ERR_NONE};

	CU_ASSERT_EQUAL(library_load(&absent, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_TRANSIENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.msg, "mathematics cannot be loaded: libnone.so.0"));
	for (int i = 0; i < 2; i++) { /* once is not taken for loaded */
		err.msg[0] = '\0';
		CU_ASSERT_EQUAL(library_load(&other, &err), -1);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.msg, "no_such_function"));
	}
}

TEST_MAIN("library", TEST(test_library_load__finds_what_is_listed),
	TEST(test_library_load__says_what_is_missing))
