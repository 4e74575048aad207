/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws_ini.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

#define KEYS(id) "aws_access_key_id = " id "\naws_secret_access_key = " id "/secret\n"

static int read_ini(struct aws_profile *out, const char *text, enum aws_ini_kind kind,
	const char *name, struct err *err)
{
	return aws_ini_read(out, text, strlen(text), kind, name, err);
}

/* Reads text, which must be good, as credentials of the default profile; checks the key. */
static void assert_key(const char *text, const char *want_id, const char *want_secret)
{
	AUTO(aws_profile) struct aws_profile p = {0};
	struct err err = {0};

	CU_ASSERT_EQUAL(read_ini(&p, text, AWS_INI_CREDENTIALS, "default", &err), 0);
	CU_ASSERT_TRUE(p.found);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p.key_id);
	CU_ASSERT_STRING_EQUAL(p.key_id, want_id);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p.secret);
	CU_ASSERT_STRING_EQUAL(p.secret, want_secret);
}

static void test_aws_ini_read__takes_the_named_profile(void)
{
	AUTO(aws_profile) struct aws_profile p = {0};
	struct err err = {0};

	CU_ASSERT_EQUAL(read_ini(&p, "[default]\n" KEYS("A") "[b]\n" KEYS("B") "[c]\n" KEYS("C"),
				AWS_INI_CREDENTIALS, "b", &err),
		0);
	CU_ASSERT_STRING_EQUAL(p.key_id, "B");
	CU_ASSERT_STRING_EQUAL(p.secret, "B/secret");
	CU_ASSERT_PTR_NULL(p.session_token);
}

static void test_aws_ini_read__reads_what_people_write(void)
{
	assert_key("[default]\naws_access_key_id=A\naws_secret_access_key=s", "A", "s");
	assert_key("[default]\r\naws_access_key_id = A\r\naws_secret_access_key = s\r\n", "A", "s");
	assert_key("# x\n; y\n\n[ default ] ; z\nAWS_Access_Key_Id\t=  A # mine\n"
		   "aws_secret_access_key = a=b+c/d== ; no\n",
		"A", "a=b+c/d==");
	assert_key("[default]\n  aws_access_key_id = A\n  aws_secret_access_key = s\n", "A", "s");
	assert_key("[default]\ns3 =\n  aws_access_key_id = X\n  max_queue_size = 3\n" KEYS("A"),
		"A", "A/secret");
	assert_key("[default]\n" KEYS("A") "[x]\n[default]\n" KEYS("B"), "B", "B/secret");
	assert_key("[default]\naws_access_key_id = A#1\naws_secret_access_key = a;b#c\n", "A#1",
		"a;b#c");
}

static void test_aws_ini_read__names_sections_of_the_config_file_otherwise(void)
{
	static const struct {
		const char *text, *name;
		bool found;
	} cases[] = {
		{"[default]\n" KEYS("A"), "default", true},
		{"[profile default]\n" KEYS("A"), "default", true},
		{"[profile b]\n" KEYS("A"), "b", true},
		{"[profile \t b ]\n" KEYS("A"), "b", true},
		{"[b]\n" KEYS("A"), "b", false},
		{"[profileb]\n" KEYS("A"), "b", false},
		{"[sso-session b]\n" KEYS("A"), "b", false},
		{"[profile B]\n" KEYS("A"), "b", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(aws_profile) struct aws_profile p = {0};
		struct err err = {0};

		CU_ASSERT_EQUAL(
			read_ini(&p, cases[i].text, AWS_INI_CONFIG, cases[i].name, &err), 0);
		CU_ASSERT_EQUAL(p.found, cases[i].found);
		CU_ASSERT_EQUAL(p.key_id != NULL, cases[i].found);
	}
}

static void test_aws_ini_read__keeps_the_keys_of_the_first_file(void)
{
	AUTO(aws_profile) struct aws_profile p = {0};
	struct err err = {0};

	CU_ASSERT_EQUAL(
		read_ini(&p, "[default]\n" KEYS("A"), AWS_INI_CREDENTIALS, "default", &err), 0);
	CU_ASSERT_EQUAL(read_ini(&p, "[default]\n" KEYS("B") "aws_session_token = t\n",
				AWS_INI_CONFIG, "default", &err),
		0);
	CU_ASSERT_STRING_EQUAL(p.key_id, "A");
	CU_ASSERT_PTR_NULL(p.session_token);
}

static void test_aws_ini_read__says_what_it_cannot_do(void)
{
	static const char *const keys[] = {
		"role_arn", "source_profile", "credential_process", "sso_session", "sso_start_url"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		AUTO(aws_profile) struct aws_profile p = {0};
		AUTO(free) char *text = xasprintf("[default]\n%s = x\n", keys[i]);
		struct err err = {0};

		CU_ASSERT_EQUAL(read_ini(&p, text, AWS_INI_CONFIG, "default", &err), 0);
		CU_ASSERT_PTR_NOT_NULL_FATAL(p.unsupported);
		CU_ASSERT_STRING_EQUAL(p.unsupported, keys[i]);
	}
}

static void test_aws_ini_read__finds_nothing_in_nothing(void)
{
	AUTO(aws_profile) struct aws_profile p = {0};
	struct err err = {0};

	CU_ASSERT_EQUAL(read_ini(&p, "", AWS_INI_CREDENTIALS, "default", &err), 0);
	CU_ASSERT_EQUAL(read_ini(&p, "[b]\n" KEYS("B"), AWS_INI_CREDENTIALS, "default", &err), 0);
	CU_ASSERT_FALSE(p.found);
	CU_ASSERT_PTR_NULL(p.key_id);
}

static void test_aws_ini_read__names_the_line_and_shows_nothing_of_it(void)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"[default]\nsesame\n", "line 2: "},
		{"\n\n[default\n", "line 3: "},
		{"= sesame\n", "line 1: "},
		{"[default]\n[]x\n[\n", "line 3: "},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(aws_profile) struct aws_profile p = {0};
		struct err err = {0};

		CU_ASSERT_EQUAL(
			read_ini(&p, cases[i].text, AWS_INI_CREDENTIALS, "default", &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
		ASSERT_HAS(err.msg, cases[i].want);
		CU_ASSERT_PTR_NULL(strstr(err.msg, "sesame"));
		CU_ASSERT_FALSE(p.found);
	}
}

static void test_aws_ini_read__refuses_nul_and_huge_values(void)
{
	static const char nul[] = "[default]\naws_access_key_id = a\0b\n";
	AUTO(aws_profile) struct aws_profile p = {0};
	AUTO(free) char *value = xcalloc(LIMIT_AWS_TOKEN_BYTES + 2, 1);
	AUTO(free) char *text = NULL;
	struct err err = {0};

	CU_ASSERT_EQUAL(
		aws_ini_read(&p, nul, sizeof(nul) - 1, AWS_INI_CREDENTIALS, "default", &err), -1);
	ASSERT_HAS(err.msg, "line 2");
	memset(value, 'a', LIMIT_AWS_TOKEN_BYTES + 1);
	text = xasprintf("[default]\naws_secret_access_key = %s\n", value);
	CU_ASSERT_EQUAL(read_ini(&p, text, AWS_INI_CREDENTIALS, "default", &err), -1);
	ASSERT_HAS(err.msg, "line 2");
	CU_ASSERT_PTR_NULL(p.secret);
}

TEST_MAIN("aws_ini", TEST(test_aws_ini_read__takes_the_named_profile),
	TEST(test_aws_ini_read__reads_what_people_write),
	TEST(test_aws_ini_read__names_sections_of_the_config_file_otherwise),
	TEST(test_aws_ini_read__keeps_the_keys_of_the_first_file),
	TEST(test_aws_ini_read__says_what_it_cannot_do),
	TEST(test_aws_ini_read__finds_nothing_in_nothing),
	TEST(test_aws_ini_read__names_the_line_and_shows_nothing_of_it),
	TEST(test_aws_ini_read__refuses_nul_and_huge_values))
