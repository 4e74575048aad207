/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws_xml.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

#define STS_ANSWER(secret)                                                                        \
	"<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">" \
	"\n  <AssumeRoleWithWebIdentityResult>\n    <Credentials>\n"                              \
	"      <AccessKeyId>ASIA</AccessKeyId>\n" secret                                          \
	"      <SessionToken>a/b+c==</SessionToken>\n"                                            \
	"      <Expiration>2026-01-02T03:04:05Z</Expiration>\n"                                   \
	"    </Credentials>\n  </AssumeRoleWithWebIdentityResult>\n"                              \
	"</AssumeRoleWithWebIdentityResponse>"

/* want NULL: there must be an error. */
static void assert_text(const char *xml, const char *want)
{
	struct err err = {0};
	AUTO(free) char *got = aws_xml_text(xml, strlen(xml), "A", &err);

	if (!want) {
		if (got)
			printf("\n  \"%s\" gave \"%s\"\n", xml, got);
		CU_ASSERT_PTR_NULL(got);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
		return;
	}
	if (!got)
		printf("\n  \"%s\": %s\n", xml, err.msg);
	CU_ASSERT_PTR_NOT_NULL_FATAL(got);
	CU_ASSERT_STRING_EQUAL(got, want);
}

static void test_aws_xml_text__finds_the_first(void)
{
	assert_text("<A>x</A>", "x");
	assert_text("<?xml version=\"1.0\"?>\n<R><B>y</B><A>x</A><A>z</A></R>", "x");
	assert_text("<R><AA>y</AA><A>x</A></R>", "x");
	assert_text("<R><!-- <A>y</A> --><A>x</A></R>", "x");
	assert_text("<R><A b='>' c=\"</A>\">x</A ></R>", "x");
	assert_text("<A> \n x y\t</A>", "x y");
	assert_text("<A></A>", "");
	assert_text("<A/>", "");
	assert_text("<A b=\"c\" />", "");
	assert_text("<R><A>x</A><unclosed", "x");
}

static void test_aws_xml_text__replaces_entities(void)
{
	assert_text("<A>&lt;&amp;&gt;&quot;&apos;</A>", "<&>\"'");
	assert_text("<A>a&#61;&#x3D;b</A>", "a==b");
	assert_text("<A>&amp;lt;</A>", "&lt;");
}

static void test_aws_xml_text__refuses_all_else(void)
{
	static const char *const bad[] = {"", "text", "<A", "<A>", "<A>x", "<A>x</B>",
		"<A>x<B/></A>", "<A>x<A>", "</A>", "<a>x</a>", "<A>&nbsp;</A>", "<A>&amp</A>",
		"<A>&#0;</A>", "<A>&#;</A>", "<A>&#x;</A>", "<A>&#228;</A>",
		"<A>&#99999999999999999999;</A>", "<!DOCTYPE r [<!ENTITY e \"x\">]><A>&e;</A>",
		"<A><![CDATA[x]]></A>", "<B><![CDATA[x]]></B><A>x</A>", "<!-- <A>x</A>",
		"<? <A>x</A>", "<B c=\"><A>x</A>", "< A>x</A>", "<><A>x</A>", "<B <A>x</A>"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_text(bad[i], NULL);
}

static void test_aws_xml_text__has_ceilings(void)
{
	AUTO(free) char *text = xcalloc(LIMIT_AWS_ANSWER_BYTES + 2, 1);
	struct err err = {0};

	memset(text, 'x', LIMIT_AWS_ANSWER_BYTES + 1);
	memcpy(text, "<A>x</A>", 8);
	CU_ASSERT_PTR_NULL(aws_xml_text(text, LIMIT_AWS_ANSWER_BYTES + 1, "A", &err));
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	memset(text, 'x', LIMIT_AWS_TOKEN_BYTES + 4);
	memcpy(text, "<A>", 3);
	memcpy(text + LIMIT_AWS_TOKEN_BYTES + 4, "</A>", 5);
	CU_ASSERT_PTR_NULL(aws_xml_text(text, strlen(text), "A", &err));
	CU_ASSERT_PTR_NULL(aws_xml_text("<A>x\0</A>", 9, "A", &err));
}

static void test_aws_xml_credentials__reads_sts(void)
{
	static const char xml[] = STS_ANSWER("<SecretAccessKey>se/cr+et</SecretAccessKey>");
	AUTO(aws_credentials) struct aws_credentials c = {0};
	struct err err = {0};

	CU_ASSERT_EQUAL(aws_xml_credentials(&c, xml, strlen(xml), &err), 0);
	CU_ASSERT_STRING_EQUAL(c.key_id, "ASIA");
	CU_ASSERT_STRING_EQUAL(c.secret, "se/cr+et");
	CU_ASSERT_STRING_EQUAL(c.session_token, "a/b+c==");
	CU_ASSERT_EQUAL(c.expires, 1767323045);
}

static void test_aws_xml_credentials__names_what_is_missing(void)
{
	static const char xml[] = STS_ANSWER("");
	struct aws_credentials c = {0};
	struct err err = {0};

	CU_ASSERT_EQUAL(aws_xml_credentials(&c, xml, strlen(xml), &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, "SecretAccessKey");
	CU_ASSERT_FALSE(aws_credentials_are_set(&c));
}

static void assert_error(const char *xml, const char *want)
{
	AUTO(free) char *code = aws_xml_error(xml, strlen(xml));

	if (!want) {
		CU_ASSERT_PTR_NULL(code);
		return;
	}
	CU_ASSERT_PTR_NOT_NULL_FATAL(code);
	CU_ASSERT_STRING_EQUAL(code, want);
}

static void test_aws_xml_error__names_the_refusal(void)
{
	assert_error("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code>"
		     "<Message>m</Message></Error>",
		"NoSuchKey");
	assert_error("<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code></Error>"
		     "</ErrorResponse>",
		"AccessDenied");
	assert_error("<Error><Code>a b</Code></Error>", NULL);
	assert_error("<Error><Code>\x1b[2J</Code></Error>", NULL);
	assert_error("<Error/>", NULL);
	assert_error("", NULL);
}

TEST_MAIN("aws_xml", TEST(test_aws_xml_text__finds_the_first),
	TEST(test_aws_xml_text__replaces_entities), TEST(test_aws_xml_text__refuses_all_else),
	TEST(test_aws_xml_text__has_ceilings), TEST(test_aws_xml_credentials__reads_sts),
	TEST(test_aws_xml_credentials__names_what_is_missing),
	TEST(test_aws_xml_error__names_the_refusal))
