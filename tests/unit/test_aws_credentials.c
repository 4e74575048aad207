/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws_credentials.h"

#include "base/auto.h"
#include "tests/unit/test.h"

static void test_aws_credentials_set__copies_all(void)
{
	AUTO(aws_credentials) struct aws_credentials c = {0};
	struct err err;

	CU_ASSERT_FALSE(aws_credentials_are_set(&c));
	CU_ASSERT_EQUAL(aws_credentials_set(&c, "AKID", "secret", "token", &err), 0);
	CU_ASSERT_TRUE(aws_credentials_are_set(&c));
	CU_ASSERT_STRING_EQUAL(c.key_id, "AKID");
	CU_ASSERT_STRING_EQUAL(c.secret, "secret");
	CU_ASSERT_STRING_EQUAL(c.session_token, "token");
	CU_ASSERT_EQUAL(c.expires, 0);
}

static void test_aws_credentials_set__does_without_a_session_token(void)
{
	AUTO(aws_credentials) struct aws_credentials c = {0};
	struct err err;

	CU_ASSERT_EQUAL(aws_credentials_set(&c, "AKID", "secret", NULL, &err), 0);
	CU_ASSERT_PTR_NULL(c.session_token);
}

static void test_aws_credentials_set__names_the_wrong_value_and_hides_it(void)
{
	static const struct {
		const char *id, *secret, *token, *names;
	} cases[] = {
		{"", "secret", "token", "access key id"},
		{"AK ID\n", "secret", "token", "access key id"},
		{"AKID", "sesame\n", "token", "secret access key"},
		{"AKID", "", "token", "secret access key"},
		{"AKID", "secret", "sesame\r\nX: y", "session token"},
		{"AKID", "secret", "", "session token"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct aws_credentials c = {0};
		struct err err = {0};

		CU_ASSERT_EQUAL(
			aws_credentials_set(&c, cases[i].id, cases[i].secret, cases[i].token, &err),
			-1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
		ASSERT_HAS(err.msg, cases[i].names);
		CU_ASSERT_PTR_NULL(strstr(err.msg, "sesame"));
		CU_ASSERT_FALSE(aws_credentials_are_set(&c));
	}
}

static void test_aws_credentials_copy__owns_its_copy(void)
{
	AUTO(aws_credentials) struct aws_credentials copy = {0};
	struct aws_credentials c = {0};
	struct err err;

	CU_ASSERT_EQUAL(aws_credentials_set(&c, "AKID", "secret", NULL, &err), 0);
	c.expires = 7;
	aws_credentials_copy(&copy, &c);
	aws_credentials_clear(&c);
	CU_ASSERT_STRING_EQUAL(copy.secret, "secret");
	CU_ASSERT_PTR_NULL(copy.session_token);
	CU_ASSERT_EQUAL(copy.expires, 7);
	CU_ASSERT_FALSE(aws_credentials_are_set(&c));
}

static void test_aws_credentials_copy__copies_nothing_too(void)
{
	AUTO(aws_credentials) struct aws_credentials copy = {0};
	const struct aws_credentials none = {0};

	aws_credentials_copy(&copy, &none);
	CU_ASSERT_FALSE(aws_credentials_are_set(&copy));
}

TEST_MAIN("aws_credentials", TEST(test_aws_credentials_set__copies_all),
	TEST(test_aws_credentials_set__does_without_a_session_token),
	TEST(test_aws_credentials_set__names_the_wrong_value_and_hides_it),
	TEST(test_aws_credentials_copy__owns_its_copy),
	TEST(test_aws_credentials_copy__copies_nothing_too))
