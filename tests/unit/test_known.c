/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/known.h"

#include "tests/unit/test.h"

struct gone {
	char keys[256];
	struct known *known;
};

static void note_gone(void *arg, const char *key)
{
	struct gone *g = arg;

	/* whoever is told may look */
	CU_ASSERT_FALSE(known_forget(g->known, key));
	(void)strncat(g->keys, key, sizeof(g->keys) - strlen(g->keys) - 1);
}

static void test_known_note__gives_each_state_once(void)
{
	struct known k = {0};

	CU_ASSERT_TRUE(known_note(&k, "a/1", "7"));
	CU_ASSERT_FALSE(known_note(&k, "a/1", "7"));
	CU_ASSERT_TRUE(known_note(&k, "a/1", "8"));
	CU_ASSERT_TRUE(known_note(&k, "a/1", "7"));
	CU_ASSERT_TRUE(known_note(&k, "a/2", "7"));
	known_clear(&k);
}

static void test_known_forget__knows_what_was_given(void)
{
	struct known k = {0};

	CU_ASSERT_FALSE(known_forget(&k, "a/1"));
	(void)known_note(&k, "a/1", "7");
	CU_ASSERT_TRUE(known_forget(&k, "a/1"));
	CU_ASSERT_FALSE(known_forget(&k, "a/1"));
	CU_ASSERT_TRUE(known_note(&k, "a/1", "7"));
	known_clear(&k);
}

static void test_known_sweep__gives_what_the_list_has_no_more(void)
{
	struct known k = {0};
	struct gone g = {.known = &k};

	known_begin(&k);
	(void)known_note(&k, "a/1", "1");
	(void)known_note(&k, "a/2", "1");
	(void)known_note(&k, "a/3", "1");
	known_sweep(&k, note_gone, &g);
	CU_ASSERT_STRING_EQUAL(g.keys, "");
	known_begin(&k);
	(void)known_note(&k, "a/1", "1"); /* unchanged */
	(void)known_note(&k, "a/3", "2");
	known_sweep(&k, note_gone, &g);
	CU_ASSERT_STRING_EQUAL(g.keys, "a/2");
	CU_ASSERT_FALSE(known_note(&k, "a/3", "2"));
	CU_ASSERT_TRUE(known_note(&k, "a/2", "1"));
	known_clear(&k);
}

static void test_known_repeat__has_all_given_again_and_still_notices_what_goes(void)
{
	struct known k = {0};
	struct gone g = {.known = &k};

	known_begin(&k);
	(void)known_note(&k, "a/1", "1");
	(void)known_note(&k, "a/2", "1");
	known_repeat(&k);
	known_begin(&k);
	CU_ASSERT_TRUE(known_note(&k, "a/1", "1"));
	CU_ASSERT_FALSE(known_note(&k, "a/1", "1"));
	known_sweep(&k, note_gone, &g);
	CU_ASSERT_STRING_EQUAL(g.keys, "a/2");
	known_clear(&k);
}

TEST_MAIN("known", TEST(test_known_note__gives_each_state_once),
	TEST(test_known_forget__knows_what_was_given),
	TEST(test_known_sweep__gives_what_the_list_has_no_more),
	TEST(test_known_repeat__has_all_given_again_and_still_notices_what_goes))
