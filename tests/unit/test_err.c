/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>

#include "tests/unit/test.h"

static void test_err_set__fills_code_and_message(void)
{
	struct err err;

	CU_ASSERT_EQUAL(err_set(&err, ERR_DENIED, "registry %s said %d", "r", 403), -1);
	CU_ASSERT_EQUAL(err.code, ERR_DENIED);
	CU_ASSERT_STRING_EQUAL(err.msg, "registry r said 403");
}

static void test_err_set__takes_its_own_message_as_argument(void)
{
	struct err err;

	err_set(&err, ERR_INVALID, "inner");
	err_set(&err, ERR_TRANSIENT, "outer (%s)", err.msg);
	CU_ASSERT_STRING_EQUAL(err.msg, "outer (inner)");
}

static void test_err_set__cuts_a_long_message(void)
{
	struct err err;
	char text[2 * sizeof(err.msg)];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_set(&err, ERR_INVALID, "%s", text);
	CU_ASSERT_EQUAL(strlen(err.msg), sizeof(err.msg) - 1);
}

static void test_err_set__cuts_between_characters(void)
{
	struct err err;
	char text[2 * sizeof(err.msg)];

	for (size_t i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "\xC3\xA9", 3);
	err_set(&err, ERR_INVALID, "%s", text);
	CU_ASSERT_EQUAL(strlen(err.msg), sizeof(err.msg) - 2);
	CU_ASSERT_EQUAL(err.msg[strlen(err.msg) - 1], '\xA9');
}

static void test_err_errno__adds_the_text_of_errno(void)
{
	struct err err;

	errno = ENOENT;
	CU_ASSERT_EQUAL(err_errno(&err, ERR_NOT_FOUND, "open %s", "x.wasm"), -1);
	CU_ASSERT_EQUAL(err.code, ERR_NOT_FOUND);
	CU_ASSERT_STRING_EQUAL(err.msg, "open x.wasm: No such file or directory");
}

static void test_err_wrap__puts_text_before_and_keeps_the_code(void)
{
	struct err err;

	err_set(&err, ERR_UNVERIFIED, "sha256 differs");
	CU_ASSERT_EQUAL(err_wrap(&err, "fetch %s", "a/b"), -1);
	CU_ASSERT_EQUAL(err.code, ERR_UNVERIFIED);
	CU_ASSERT_STRING_EQUAL(err.msg, "fetch a/b: sha256 differs");
}

static void test_err_wrap__stays_within_the_message(void)
{
	struct err err;

	err_set(&err, ERR_FULL, "inner");
	for (int i = 0; i < 1000; i++)
		err_wrap(&err, "layer %d", i);
	CU_ASSERT_EQUAL(strlen(err.msg), sizeof(err.msg) - 1);
	CU_ASSERT_EQUAL(strncmp(err.msg, "layer 999: layer 998: ", 22), 0);
}

static void test_err_retryable__is_false_for_what_only_the_user_can_mend(void)
{
	static const struct {
		enum err_code code;
		bool retryable;
	} cases[] = {{ERR_INVALID, false}, {ERR_UNVERIFIED, false}, {ERR_NOT_FOUND, true},
		{ERR_DENIED, true}, {ERR_CONFLICT, true}, {ERR_TRANSIENT, true}, {ERR_FULL, true}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {.code = cases[i].code};

		CU_ASSERT_EQUAL(err_retryable(&err), cases[i].retryable);
	}
}

static void test_err_code_name__is_different_for_each_code(void)
{
	for (int a = ERR_NONE; a <= ERR_FULL; a++) {
		for (int b = ERR_NONE; b < a; b++)
			CU_ASSERT_STRING_NOT_EQUAL(
				err_code_name((enum err_code)a), err_code_name((enum err_code)b));
	}
	CU_ASSERT_STRING_EQUAL(err_code_name(ERR_NOT_FOUND), "not_found");
}

static void test_err_code_from_errno__follows_the_table(void)
{
	CU_ASSERT_EQUAL(err_code_from_errno(ENOSPC), ERR_FULL);
	CU_ASSERT_EQUAL(err_code_from_errno(EDQUOT), ERR_FULL);
	CU_ASSERT_EQUAL(err_code_from_errno(ENOENT), ERR_NOT_FOUND);
	CU_ASSERT_EQUAL(err_code_from_errno(EACCES), ERR_DENIED);
	CU_ASSERT_EQUAL(err_code_from_errno(EPERM), ERR_DENIED);
	CU_ASSERT_EQUAL(err_code_from_errno(EIO), ERR_TRANSIENT);
}

TEST_MAIN("err", TEST(test_err_set__fills_code_and_message),
	TEST(test_err_set__takes_its_own_message_as_argument),
	TEST(test_err_set__cuts_a_long_message), TEST(test_err_set__cuts_between_characters),
	TEST(test_err_errno__adds_the_text_of_errno),
	TEST(test_err_wrap__puts_text_before_and_keeps_the_code),
	TEST(test_err_wrap__stays_within_the_message),
	TEST(test_err_retryable__is_false_for_what_only_the_user_can_mend),
	TEST(test_err_code_name__is_different_for_each_code),
	TEST(test_err_code_from_errno__follows_the_table))
