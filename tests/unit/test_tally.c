/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/tally.h"

#include "base/auto.h"
#include "base/limits.h"
#include "tests/unit/test.h"

#define NAME "wasmxds_webhook_review_seconds"

static void test_tally_print__adds_up(void)
{
	struct tally t = {0};
	AUTO(buf) struct buf out = BUF_INIT(LIMIT_MIB);
	struct err err;

	tally_add(&t, TALLY_MUTATE, TALLY_PATCHED, 400);
	tally_add(&t, TALLY_MUTATE, TALLY_PATCHED, 500);
	tally_add(&t, TALLY_MUTATE, TALLY_PATCHED, 501);
	tally_add(&t, TALLY_MUTATE, TALLY_PATCHED, 60000000);
	CU_ASSERT_EQUAL(tally_print(&out, &t, &err), 0);
	ASSERT_HAS(buf_text(&out),
		"\n" NAME "_bucket{path=\"mutate\",verdict=\"patched\",le=\"0.0005\"} 2\n");
	ASSERT_HAS(buf_text(&out),
		"\n" NAME "_bucket{path=\"mutate\",verdict=\"patched\",le=\"5\"} 3\n");
	ASSERT_HAS(buf_text(&out),
		"\n" NAME "_bucket{path=\"mutate\",verdict=\"patched\",le=\"+Inf\"} 4\n");
	ASSERT_HAS(
		buf_text(&out), "\n" NAME "_sum{path=\"mutate\",verdict=\"patched\"} 60.001401\n");
	ASSERT_HAS(buf_text(&out), "\n" NAME "_count{path=\"mutate\",verdict=\"patched\"} 4\n");
	ASSERT_HAS(buf_text(&out), "\n" NAME "_count{path=\"validate\",verdict=\"failed\"} 0\n");
}

static void test_tally_print__says_when_there_is_no_room(void)
{
	struct tally t = {0};
	AUTO(buf) struct buf out = BUF_INIT(200);
	struct err err = {.code = ERR_NONE};

	CU_ASSERT_EQUAL(tally_print(&out, &t, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
}

TEST_MAIN("tally", TEST(test_tally_print__adds_up),
	TEST(test_tally_print__says_when_there_is_no_room))
