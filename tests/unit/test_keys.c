/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/keys.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "tests/unit/test.h"

static void test_keys_sorted__gives_every_key_in_order(void)
{
	struct map m = {.n = 0};
	char name[16];
	int value = 0;

	for (int i = 99; i >= 0; i--) {
		(void)snprintf(name, sizeof(name), "k%02d", i);
		(void)map_put(&m, name, &value);
	}

	AUTO(free) const char **keys = keys_sorted(&m);

	for (int i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), "k%02d", i);
		CU_ASSERT_STRING_EQUAL(keys[i], name);
	}
	map_clear(&m, NULL);
}

static void test_keys_sorted__gives_nothing_of_an_empty_map(void)
{
	struct map m = {.n = 0};

	CU_ASSERT_PTR_NULL(keys_sorted(&m));
}

TEST_MAIN("keys", TEST(test_keys_sorted__gives_every_key_in_order),
	TEST(test_keys_sorted__gives_nothing_of_an_empty_map))
