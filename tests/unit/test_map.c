/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "tests/unit/test.h"

#define KEYS 600

static const char *key_of(size_t i)
{
	static char key[32];

	(void)snprintf(key, sizeof(key), "namespace-%zu/name", i);
	return key;
}

/* A stand-in for a value: the address tells which. */
static char values[KEYS];

static void test_map_put__returns_what_stood_there(void)
{
	struct map m = {.slots = NULL};

	CU_ASSERT_PTR_NULL(map_get(&m, "a"));
	CU_ASSERT_PTR_NULL(map_take(&m, "a"));
	CU_ASSERT_PTR_NULL(map_put(&m, "a", &values[1]));
	CU_ASSERT_PTR_EQUAL(map_put(&m, "a", &values[2]), &values[1]);
	CU_ASSERT_PTR_EQUAL(map_get(&m, "a"), &values[2]);
	CU_ASSERT_EQUAL(m.n, 1);
	CU_ASSERT_PTR_NULL(map_put(&m, "", &values[3]));
	CU_ASSERT_PTR_EQUAL(map_get(&m, ""), &values[3]);
	map_clear(&m, NULL);
	CU_ASSERT_EQUAL(m.n, 0);
	CU_ASSERT_PTR_NULL(map_get(&m, "a"));
}

static void test_map_put__copies_the_key(void)
{
	struct map m = {.slots = NULL};
	char key[] = "abc";

	map_put(&m, key, &values[0]);
	key[0] = 'x';
	CU_ASSERT_PTR_EQUAL(map_get(&m, "abc"), &values[0]);
	CU_ASSERT_PTR_NULL(map_get(&m, "xbc"));
	map_clear(&m, NULL);
}

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static size_t count_set(const bool *set)
{
	size_t n = 0;

	for (size_t i = 0; i < KEYS; i++)
		n += set[i];
	return n;
}

/* Compares with a plain array after a long random life. */
static void test_map__agrees_with_an_array(void)
{
	struct map m = {.slots = NULL};
	bool set[KEYS] = {false};
	uint32_t state = 12345;

	for (int round = 0; round < 20000; round++) {
		size_t i = next_random(&state) % KEYS;
		void *expected = set[i] ? &values[i] : NULL;

		CU_ASSERT_PTR_EQUAL(map_get(&m, key_of(i)), expected);
		if (next_random(&state) % 2)
			CU_ASSERT_PTR_EQUAL(map_put(&m, key_of(i), &values[i]), expected)
		else
			CU_ASSERT_PTR_EQUAL(map_take(&m, key_of(i)), expected);
		set[i] = map_get(&m, key_of(i)) != NULL;
	}
	for (size_t i = 0; i < KEYS; i++)
		CU_ASSERT_EQUAL(map_get(&m, key_of(i)) != NULL, set[i]);
	CU_ASSERT_EQUAL(m.n, count_set(set));
	map_clear(&m, NULL);
}

static void test_map_next__shows_each_entry_once(void)
{
	struct map m = {.slots = NULL};
	bool seen[KEYS] = {false};
	size_t at = 0;
	const char *key = NULL;
	char *value = NULL;

	CU_ASSERT_PTR_NULL(map_next(&m, &at, &key));
	for (size_t i = 0; i < KEYS; i++)
		map_put(&m, key_of(i), &values[i]);
	at = 0;
	while ((value = map_next(&m, &at, &key))) {
		size_t i = (size_t)(value - values);

		CU_ASSERT_FALSE(seen[i]);
		CU_ASSERT_STRING_EQUAL(key, key_of(i));
		seen[i] = true;
	}
	CU_ASSERT_EQUAL(count_set(seen), KEYS);
	map_clear(&m, NULL);
}

static void test_map_take__leaves_nothing_behind_that_fills_the_table(void)
{
	struct map m = {.slots = NULL};

	for (size_t i = 0; i < 50000; i++) {
		map_put(&m, key_of(i), &values[0]);
		CU_ASSERT_PTR_EQUAL(map_take(&m, key_of(i)), &values[0]);
	}
	CU_ASSERT_EQUAL(m.n, 0);
	CU_ASSERT_TRUE(m.cap <= 8);
	map_clear(&m, NULL);
}

static void test_map_clear__releases_the_values(void)
{
	struct map m = {.slots = NULL};

	for (size_t i = 0; i < 20; i++)
		map_put(&m, key_of(i), malloc(8));
	map_clear(&m, free);
	CU_ASSERT_PTR_NULL(m.slots);
}

TEST_MAIN("map", TEST(test_map_put__returns_what_stood_there), TEST(test_map_put__copies_the_key),
	TEST(test_map__agrees_with_an_array), TEST(test_map_next__shows_each_entry_once),
	TEST(test_map_take__leaves_nothing_behind_that_fills_the_table),
	TEST(test_map_clear__releases_the_values))
