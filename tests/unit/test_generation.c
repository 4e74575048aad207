/* SPDX-License-Identifier: Apache-2.0 */
#include "store/generation.h"

#include "tests/unit/store_fixture.h"
#include "tests/unit/test.h"

static void test_generation_bump__counts_on_after_reopening(void)
{
	AUTO(folder) struct folder f = folder_new();
	struct err err;
	uint64_t before = 0;

	for (int i = 0; i < 3; i++) {
		AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);

		CU_ASSERT(store_generation(st) > before);
		before = store_generation(st);
		CU_ASSERT_EQUAL(generation_bump(st, &err), 0);
		CU_ASSERT_EQUAL(store_generation(st), before + 1);
		before++;
	}
}

static void test_generation_bump__writes_a_value_that_no_failed_try_wrote(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	uint64_t before = store_generation(st);
	struct err err;
	int ingest = st->ingest;

	st->ingest = -1;
	CU_ASSERT_EQUAL(generation_bump(st, &err), -1);
	st->ingest = ingest;
	CU_ASSERT_EQUAL(generation_bump(st, &err), 0);
	CU_ASSERT_EQUAL(store_generation(st), before + 2);
}

static void test_generation_read__tells_absent_from_garbage(void)
{
	static const char *const garbage[] = {"", "\n", "-1\n", "12", "12 \n", "0x12\n", "12\n\n",
		"99999999999999999999\n", "123456789012345678901234567890\n", "many"};
	AUTO(folder) struct folder f = folder_new();
	AUTO(fd) int top = open(f.top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t value = 7;

	CU_ASSERT(generation_read(top, &value));
	CU_ASSERT_EQUAL(value, 0);
	overwrite(f.top, "generation", "9999999999999999999\n");
	CU_ASSERT(generation_read(top, &value));
	CU_ASSERT_EQUAL(value, 9999999999999999999U);
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		overwrite(f.top, "generation", garbage[i]);
		CU_ASSERT_FALSE(generation_read(top, &value));
		CU_ASSERT_EQUAL(value, 9999999999999999999U);
	}
}

static void test_generation_find__goes_on_from_the_time_after_garbage(void)
{
	AUTO(folder) struct folder f = folder_new();
	struct err err;

	{
		AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);

		for (int i = 0; i < 5; i++)
			CU_ASSERT_EQUAL(generation_bump(st, &err), 0);
	}
	overwrite(f.path, "generation", "garbage");
	AUTO(store) struct store *reader = open_store(f.path, STORE_READ);

	CU_ASSERT_EQUAL(store_generation(reader), 0);
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);

	CU_ASSERT(store_generation(reader) > 1000000000000U);
	CU_ASSERT_EQUAL(store_generation(reader), store_generation(st));
}

static void test_generation_settle__tells_moves_that_went_unseen(void)
{
	struct generation_tally t = {.at = 10};

	CU_ASSERT_FALSE(generation_settle(&t, 10));
	t.bumps = 3;
	CU_ASSERT_FALSE(generation_settle(&t, 13));
	CU_ASSERT_EQUAL(t.bumps, 0);
	CU_ASSERT(generation_settle(&t, 14));
	CU_ASSERT_FALSE(generation_settle(&t, 14));
	t.bumps = 1;
	CU_ASSERT(generation_settle(&t, 16));
	CU_ASSERT_EQUAL(t.bumps, 0);
	CU_ASSERT_EQUAL(t.at, 16);
}

static void test_generation_settle__keeps_bumps_that_came_after_the_look(void)
{
	struct generation_tally t = {.at = 10, .bumps = 3};

	CU_ASSERT_FALSE(generation_settle(&t, 11));
	CU_ASSERT_EQUAL(t.bumps, 2);
	CU_ASSERT_FALSE(generation_settle(&t, 13));
	CU_ASSERT_EQUAL(t.bumps, 0);
}

static void test_generation_settle__takes_backwards_for_unseen(void)
{
	struct generation_tally t = {.at = 10, .bumps = 3};

	CU_ASSERT(generation_settle(&t, 9));
	CU_ASSERT_EQUAL(t.at, 9);
	CU_ASSERT_EQUAL(t.bumps, 0);
}

TEST_MAIN("generation", TEST(test_generation_bump__counts_on_after_reopening),
	TEST(test_generation_bump__writes_a_value_that_no_failed_try_wrote),
	TEST(test_generation_read__tells_absent_from_garbage),
	TEST(test_generation_find__goes_on_from_the_time_after_garbage),
	TEST(test_generation_settle__tells_moves_that_went_unseen),
	TEST(test_generation_settle__keeps_bumps_that_came_after_the_look),
	TEST(test_generation_settle__takes_backwards_for_unseen))
