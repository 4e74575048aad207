/* SPDX-License-Identifier: Apache-2.0 */
#include "api/yaml_scalar.h"

#include "tests/unit/test.h"

#define EXPECT(kind, ...)                                              \
	do {                                                           \
		static const char *const texts[] = {__VA_ARGS__};      \
		expect(kind, texts, sizeof(texts) / sizeof(texts[0])); \
	} while (0)

static void expect(enum node_kind kind, const char *const texts[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (yaml_scalar_kind(texts[i]) != kind)
			printf("\n  \"%s\" is not %s\n", texts[i], node_kind_name(kind));
		CU_ASSERT_EQUAL(yaml_scalar_kind(texts[i]), kind);
	}
}

static void test_yaml_scalar_kind__reads_null_and_booleans_as_kubectl(void)
{
	EXPECT(NODE_NULL, "", "~", "null", "Null", "NULL");
	EXPECT(NODE_BOOL, "true", "True", "TRUE", "yes", "Yes", "YES", "y", "Y", "on", "On", "ON");
	EXPECT(NODE_BOOL, "false", "False", "FALSE", "no", "No", "NO", "n", "N", "off", "OFF");
	EXPECT(NODE_TEXT, "nULL", "tRUE", "yEs", "truee", "oN", "nil", "none");
}

static void test_yaml_scalar_kind__reads_numbers_as_kubectl(void)
{
	EXPECT(NODE_NUMBER, "0", "-1", "+1", "007", "1_000", "0x1F", "-0Xff", "0o17", "0b101");
	EXPECT(NODE_NUMBER, "1.", ".5", "-1.5e3", "1e+3", "6E-1", "1_0.5", ".inf", "-.INF", ".NaN");
	EXPECT(NODE_TEXT, "-", "+", ".", "_1", "-_1", "1e", "e1", "1e+", "0x", "0xg", "0b2", "0o8");
	EXPECT(NODE_TEXT, "1.2.3", "1:30", "2026-01-02", "12ab", "+.nan", "inf", "1 2", "--1");
}

TEST_MAIN("yaml_scalar", TEST(test_yaml_scalar_kind__reads_null_and_booleans_as_kubectl),
	TEST(test_yaml_scalar_kind__reads_numbers_as_kubectl))
