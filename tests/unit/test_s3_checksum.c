/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/s3_checksum.h"

#include "tests/unit/test.h"

#define MODULE "Eglw2BKDbxmIhiVYekYGpa0jzvMchoTmAXcVUlSPxrk="
#define MODULE_HEX "120970d812836f19888625587a4606a5ad23cef31c8684e601771552548fc6b9"

static void test_s3_checksum_read__takes_that_of_the_whole_object(void)
{
	struct digest got = {.hex = ""};

	CU_ASSERT_TRUE(s3_checksum_read(&got, MODULE, "FULL_OBJECT"));
	CU_ASSERT_STRING_EQUAL(got.hex, MODULE_HEX);
	got.hex[0] = '\0';
	CU_ASSERT_TRUE(s3_checksum_read(&got, MODULE, NULL));
	CU_ASSERT_STRING_EQUAL(got.hex, MODULE_HEX);
}

static void test_s3_checksum_read__takes_no_other(void)
{
	static const struct {
		const char *sha256;
		const char *type;
	} cases[] = {
		{NULL, "FULL_OBJECT"},
		{"", NULL},
		{MODULE, "COMPOSITE"},
		{MODULE, ""},
		{MODULE "-3", NULL},
		{MODULE "-3", "FULL_OBJECT"},
		{"Eglw2BKDbxmIhiVYekYGpa0jzvMchoTmAXcVUlSPxrk", NULL},
		{"Eglw2BKDbxmIhiVYekYGpa0jzvMchoTmAXcVUlSPxr=-", NULL},
		{"Eglw2BKDbxmIhiVYekYGpa0jzvMchoTmAXcVUlSPx===", NULL},
		{"EglwIBKDbxmIhiVYekYGpa0jzvMchoTmAXcVUlSPxrkA", NULL},
		{"********************************************", NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct digest got = {.hex = ""};

		CU_ASSERT_FALSE(s3_checksum_read(&got, cases[i].sha256, cases[i].type));
		CU_ASSERT_STRING_EQUAL(got.hex, "");
	}
}

TEST_MAIN("s3_checksum", TEST(test_s3_checksum_read__takes_that_of_the_whole_object),
	TEST(test_s3_checksum_read__takes_no_other))
