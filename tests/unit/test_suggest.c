/* SPDX-License-Identifier: Apache-2.0 */
#include "api/suggest.h"

#include "tests/unit/test.h"

static const char *const known[] = {"runtime", "vm_id", "root_id", "plugin_configuration",
	"vm_configuration", "uri", "sha256", NULL};

static void expect(const char *word, const char *want)
{
	const char *got = suggest_nearest(word, known);

	if (!want) {
		CU_ASSERT_PTR_NULL(got);
		return;
	}
	CU_ASSERT_PTR_NOT_NULL_FATAL(got);
	CU_ASSERT_STRING_EQUAL(got, want);
}

static void test_suggest_nearest__sees_through_slips(void)
{
	expect("vmId", "vm_id");
	expect("ROOT-ID", "root_id");
	expect("runtmie", "runtime");
	expect("pluginConfig", "plugin_configuration");
	expect("vm_configurations", "vm_configuration");
	expect("url", "uri");
	expect("sha", "sha256");
}

static void test_suggest_nearest__is_silent_about_the_rest(void)
{
	expect("", NULL);
	expect("_", NULL);
	expect("x", NULL);
	expect("replicas", NULL);
	expect("a_word_that_is_far_longer_than_any_name_could_be_here", NULL);
}

TEST_MAIN("suggest", TEST(test_suggest_nearest__sees_through_slips),
	TEST(test_suggest_nearest__is_silent_about_the_rest))
