/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/test.h - the shape of every unit test: functions test_<function>__<expectation>,
 * listed once in TEST_MAIN.  Ends with "N passed, N failed" and exits 1 when an assertion failed.
 */
#ifndef WASMXDS_TESTS_UNIT_TEST_H
#define WASMXDS_TESTS_UNIT_TEST_H

#include <stdio.h>
#include <string.h>

#include <CUnit/Basic.h>

struct test {
	const char *name;
	void (*run)(void);
};

#define TEST(function)              \
	{                           \
#function, function \
	}

/* CU_basic_run_tests() returns 0 when an assertion failed, so failures are counted here. */
static inline int test_main(const char *suite_name, const struct test *tests, size_t n)
{
	unsigned failed = 0;
	unsigned ran = 0;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	CU_pSuite suite = CU_add_suite(suite_name, NULL, NULL);
	for (size_t i = 0; i < n; i++) {
		if (!suite || !CU_add_test(suite, tests[i].name, tests[i].run))
			return 2;
	}
	CU_basic_set_mode(CU_BRM_SILENT);
	CU_basic_run_tests();
	CU_basic_show_failures(CU_get_failure_list());
	failed = CU_get_number_of_tests_failed();
	ran = CU_get_number_of_tests_run();
	printf("\n%s: %u passed, %u failed\n", suite_name, ran - failed, failed);
	CU_cleanup_registry();
	return failed || ran == 0;
}

#define TEST_MAIN(suite, ...)                                                     \
	int main(void)                                                            \
	{                                                                         \
		static const struct test tests[] = {__VA_ARGS__};                 \
		return test_main(suite, tests, sizeof(tests) / sizeof(tests[0])); \
	}

/* Asserts that text holds part, and shows both when it does not. */
#define ASSERT_HAS(text, part)                                                   \
	do {                                                                     \
		const char *text_ = (text);                                      \
		if (!strstr(text_, (part)))                                      \
			printf("\n  missing \"%s\" in \"%s\"\n", (part), text_); \
		CU_ASSERT_PTR_NOT_NULL(strstr(text_, (part)));                   \
	} while (0)

#endif
