/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "fetch/aws_text.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/test.h"

/* Reads the secret of a file that holds n bytes; *out stays NULL where it fails. */
static int secret_of(char **out, const char *bytes, size_t n, struct err *err)
{
	AUTO(fixture_dir) char *dir = fixture_dir();
	AUTO(free) char *path = fixture_write(dir, "token", bytes, n);

	return aws_file_secret(out, path, "THE_VARIABLE", err);
}

static void test_aws_file_secret__takes_one_line(void)
{
	static const char *const good[] = {"to.ken", "to.ken\n", "to.ken\r\n\n"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		AUTO(aws_secret) char *secret = NULL;
		struct err err = {0};

		CU_ASSERT_EQUAL(secret_of(&secret, good[i], strlen(good[i]), &err), 0);
		CU_ASSERT_PTR_NOT_NULL_FATAL(secret);
		CU_ASSERT_STRING_EQUAL(secret, "to.ken");
	}
}

static void test_aws_file_secret__refuses_all_else_and_hides_it(void)
{
	static const struct {
		const char *bytes;
		size_t n;
	} bad[] = {{"", 0}, {"\n", 1}, {"sesame\nsesame", 13}, {"sesame\0x", 8}, {" sesame", 7}};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		AUTO(aws_secret) char *secret = NULL;
		struct err err = {0};

		CU_ASSERT_EQUAL(secret_of(&secret, bad[i].bytes, bad[i].n, &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
		ASSERT_HAS(err.msg, "THE_VARIABLE: ");
		CU_ASSERT_PTR_NULL(strstr(err.msg, "sesame"));
		CU_ASSERT_PTR_NULL(secret);
	}
}

static void test_aws_file_secret__blames_the_variable_for_a_missing_file(void)
{
	AUTO(aws_secret) char *secret = NULL;
	struct err err = {0};

	CU_ASSERT_EQUAL(aws_file_secret(&secret, "/nonexistent", "THE_VARIABLE", &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, "THE_VARIABLE: /nonexistent: ");
}

static void test_aws_file_read__has_a_ceiling(void)
{
	AUTO(fixture_dir) char *dir = fixture_dir();
	AUTO(free) char *path = fixture_write(dir, "f", "12345", 5);
	AUTO(buf) struct buf four = BUF_INIT(4);
	AUTO(buf) struct buf five = BUF_INIT(5);
	struct err err = {0};

	CU_ASSERT_EQUAL(aws_file_read(&four, path, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	CU_ASSERT_EQUAL(aws_file_read(&five, path, &err), 0);
	CU_ASSERT_EQUAL(five.len, 5);
}

static void test_aws_file_read__knows_what_is_not_there(void)
{
	AUTO(buf) struct buf out = BUF_INIT(5);
	struct err err = {0};

	CU_ASSERT_EQUAL(aws_file_read(&out, "/nonexistent", &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_NOT_FOUND);
	CU_ASSERT_EQUAL(aws_file_read(&out, "/dev/null", &err), 0);
	CU_ASSERT_EQUAL(out.len, 0);
}

TEST_MAIN("aws_file", TEST(test_aws_file_secret__takes_one_line),
	TEST(test_aws_file_secret__refuses_all_else_and_hides_it),
	TEST(test_aws_file_secret__blames_the_variable_for_a_missing_file),
	TEST(test_aws_file_read__has_a_ceiling), TEST(test_aws_file_read__knows_what_is_not_there))
