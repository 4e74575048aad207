/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/findings.h"

#include <stdio.h>

#include "tests/unit/test.h"

#define GOOD_MS 100
#define BAD_MS 10

static const struct finding good = {.digest = {.hex = "aa"}};
static const struct finding bad = {.err = {.code = ERR_TRANSIENT, .msg = "no"}};

static bool knows(struct findings *f, const char *key, int64_t now)
{
	struct finding out;

	return findings_get(f, key, now, &out);
}

static void test_findings_get__knows_what_was_put(void)
{
	struct findings f;
	struct finding out;

	findings_init(&f, 4, GOOD_MS, BAD_MS);
	CU_ASSERT_FALSE(findings_get(&f, "a", 0, &out));
	findings_put(&f, "a", &good, 0);
	CU_ASSERT_TRUE(findings_get(&f, "a", 0, &out));
	CU_ASSERT_STRING_EQUAL(out.digest.hex, "aa");
	findings_put(&f, "a", &bad, 1);
	CU_ASSERT_TRUE(findings_get(&f, "a", 1, &out));
	CU_ASSERT_EQUAL(out.err.code, ERR_TRANSIENT);
	CU_ASSERT_STRING_EQUAL(out.err.msg, "no");
	CU_ASSERT_EQUAL(f.by_key.n, 1);
	findings_clear(&f);
}

static void test_findings_get__forgets_in_time(void)
{
	struct findings f;

	findings_init(&f, 4, GOOD_MS, BAD_MS);
	findings_put(&f, "good", &good, 0);
	findings_put(&f, "bad", &bad, 0);
	CU_ASSERT_TRUE(knows(&f, "bad", BAD_MS - 1));
	CU_ASSERT_FALSE(knows(&f, "bad", BAD_MS));
	CU_ASSERT_TRUE(knows(&f, "good", GOOD_MS - 1));
	CU_ASSERT_FALSE(knows(&f, "good", GOOD_MS));
	CU_ASSERT_EQUAL(f.by_key.n, 0);
	CU_ASSERT_PTR_NULL(f.oldest);
	CU_ASSERT_PTR_NULL(f.newest);
	findings_clear(&f);
}

static void test_findings_put__lets_the_oldest_go(void)
{
	struct findings f;
	char key[16];

	findings_init(&f, 3, GOOD_MS, BAD_MS);
	for (int i = 0; i < 100; i++) {
		(void)snprintf(key, sizeof(key), "%d", i);
		findings_put(&f, key, &good, i);
		CU_ASSERT_TRUE(f.by_key.n <= 3);
	}
	findings_put(&f, "97", &good, 100);
	findings_put(&f, "100", &good, 100);
	CU_ASSERT_FALSE(knows(&f, "98", 100));
	CU_ASSERT_TRUE(knows(&f, "97", 100));
	CU_ASSERT_TRUE(knows(&f, "99", 100));
	CU_ASSERT_TRUE(knows(&f, "100", 100));
	findings_clear(&f);
}

static void test_findings_put__lets_go_of_what_nobody_asks_for_again(void)
{
	struct findings f;

	findings_init(&f, 4, GOOD_MS, BAD_MS);
	findings_put(&f, "a", &bad, 0);
	findings_put(&f, "b", &good, 0);
	findings_put(&f, "c", &bad, 0);
	findings_put(&f, "d", &good, BAD_MS);
	CU_ASSERT_EQUAL(f.by_key.n, 3);
	CU_ASSERT_TRUE(knows(&f, "b", BAD_MS));
	findings_put(&f, "e", &bad, GOOD_MS);
	CU_ASSERT_EQUAL(f.by_key.n, 2);
	CU_ASSERT_TRUE(knows(&f, "d", GOOD_MS));
	findings_put(&f, "d", &good, GOOD_MS + BAD_MS);
	CU_ASSERT_EQUAL(f.by_key.n, 1);
	findings_clear(&f);
}

TEST_MAIN("findings", TEST(test_findings_get__knows_what_was_put),
	TEST(test_findings_get__forgets_in_time), TEST(test_findings_put__lets_the_oldest_go),
	TEST(test_findings_put__lets_go_of_what_nobody_asks_for_again))
