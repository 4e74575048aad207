/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/intake.h"

#include "base/limits.h"
#include "tests/unit/test.h"

static struct intake begin(const char *method, const char *path, const char *type)
{
	const struct intake_head head = {
		.method = method, .path = path, .type = type, .length = ""};
	struct intake in;

	intake_begin(&in, &head);
	return in;
}

static struct intake begin_long(const char *length)
{
	const struct intake_head head = {.method = "POST",
		.path = "/validate",
		.type = "application/json",
		.length = length};
	struct intake in;

	intake_begin(&in, &head);
	return in;
}

static void test_intake_begin__takes_reviews_by_either_path(void)
{
	CU_ASSERT_EQUAL(begin("POST", "/mutate", "application/json").status, 0);
	CU_ASSERT_EQUAL(begin("POST", "/mutate", "application/json").path, TALLY_MUTATE);
	CU_ASSERT_EQUAL(begin("POST", "/validate", "Application/JSON").status, 0);
	CU_ASSERT_EQUAL(begin("POST", "/validate", "application/json; charset=utf-8").status, 0);
	CU_ASSERT_EQUAL(begin("POST", "/validate", "application/json").path, TALLY_VALIDATE);
}

static void test_intake_begin__refuses_by_the_head(void)
{
	static const struct {
		const char *method;
		const char *path;
		const char *type;
		unsigned status;
	} cases[] = {
		{"POST", "", "application/json", 404},
		{"POST", "/", "application/json", 404},
		{"POST", "/mutate/", "application/json", 404},
		{"GET", "/validate/x", "", 404},
		{"GET", "/validate", "application/json", 405},
		{"post", "/validate", "application/json", 405},
		{"", "/mutate", "application/json", 405},
		{"POST", "/mutate", "", 415},
		{"POST", "/mutate", "application/jso", 415},
		{"POST", "/mutate", "application/json5", 415},
		{"POST", "/mutate", "text/plain; application/json", 415},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct intake in = begin(cases[i].method, cases[i].path, cases[i].type);

		CU_ASSERT_EQUAL(in.status, cases[i].status);
		CU_ASSERT_PTR_NOT_NULL(in.why);
	}
}

static void test_intake_begin__refuses_a_body_by_its_announced_length(void)
{
	CU_ASSERT_EQUAL(begin_long("0").status, 0);
	CU_ASSERT_EQUAL(begin_long("7340032").status, 0);
	CU_ASSERT_EQUAL(begin_long("7340033").status, 413);
	CU_ASSERT_EQUAL(begin_long("18446744073709551616").status, 413);
	CU_ASSERT_EQUAL(begin_long("x").status, 0);
}

static void test_intake_take__bounds_one_body(void)
{
	struct intake in = begin_long("");

	CU_ASSERT_EQUAL(intake_take(&in, LIMIT_REVIEW_BYTES, LIMIT_REVIEW_BYTES), INTAKE_KEEP);
	CU_ASSERT_EQUAL(in.status, 0);
	CU_ASSERT_EQUAL(intake_take(&in, 1, 1), INTAKE_PASS_OVER);
	CU_ASSERT_EQUAL(in.status, 413);
	CU_ASSERT_EQUAL(intake_take(&in, LIMIT_REVIEW_BYTES - 1, 0), INTAKE_PASS_OVER);
	CU_ASSERT_EQUAL(intake_take(&in, 1, 0), INTAKE_HANG_UP);
}

static void test_intake_take__bounds_all_bodies(void)
{
	struct intake in = begin_long("");

	CU_ASSERT_EQUAL(intake_take(&in, 1, LIMIT_REVIEW_BYTES_ALL), INTAKE_KEEP);
	CU_ASSERT_EQUAL(intake_take(&in, 1, LIMIT_REVIEW_BYTES_ALL + 1), INTAKE_PASS_OVER);
	CU_ASSERT_EQUAL(in.status, 503);
	CU_ASSERT_EQUAL(intake_take(&in, 1, 0), INTAKE_PASS_OVER);
	CU_ASSERT_EQUAL(in.status, 503);
}

static void test_intake_take__keeps_nothing_of_what_is_refused(void)
{
	struct intake in = begin("GET", "/validate", "");

	CU_ASSERT_EQUAL(intake_take(&in, 1, 1), INTAKE_PASS_OVER);
	CU_ASSERT_EQUAL(in.status, 405);
	CU_ASSERT_EQUAL(intake_take(&in, 2 * LIMIT_REVIEW_BYTES, 1), INTAKE_HANG_UP);
}

TEST_MAIN("intake", TEST(test_intake_begin__takes_reviews_by_either_path),
	TEST(test_intake_begin__refuses_by_the_head),
	TEST(test_intake_begin__refuses_a_body_by_its_announced_length),
	TEST(test_intake_take__bounds_one_body), TEST(test_intake_take__bounds_all_bodies),
	TEST(test_intake_take__keeps_nothing_of_what_is_refused))
