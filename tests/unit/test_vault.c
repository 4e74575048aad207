/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/vault.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

#define NOW 1800000000

static const struct rotation_policy policy = {.ca_s = 900, .leaf_s = 90, .settle_s = 10};
static const char *const texts[] = {"hook.ns.svc"};
static const struct authority_names names = {texts, 1};

static void rotate(struct vault *v, enum rotation_action action, int64_t now)
{
	const struct vault_terms terms = {.policy = &policy, .names = &names, .now = now};
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL_FATAL(vault_rotate(v, action, &terms, &err), 0);
}

/* As the API server would give it. */
static char *secret_of(const struct vault *v)
{
	AUTO(buf) struct buf out = BUF_INIT(LIMIT_PEM_BYTES);
	struct err err;

	CU_ASSERT_EQUAL_FATAL(vault_print(&out, v, &err), 0);
	return xasprintf("{\"kind\":\"Secret\",%s}", buf_text(&out));
}

static void test_vault_read__reads_what_was_printed(void)
{
	AUTO(vault) struct vault v = {.ca_key = NULL};
	AUTO(vault) struct vault again = {.ca_key = NULL};
	AUTO(free) char *first = NULL;
	AUTO(free) char *second = NULL;
	struct err err = {.msg = ""};

	rotate(&v, ROTATION_CREATE, NOW);
	rotate(&v, ROTATION_ADD_NEXT, NOW + 600);
	first = secret_of(&v);
	CU_ASSERT_EQUAL_FATAL(vault_read(&again, first, strlen(first), &err), 0);
	second = secret_of(&again);
	CU_ASSERT_STRING_EQUAL(first, second);
	CU_ASSERT_EQUAL(again.bundle.n, 2);
	CU_ASSERT_PTR_NOT_NULL(again.next_key);
}

static void refuses(const char *text, const char *says)
{
	AUTO(vault) struct vault v = {.ca_key = NULL};
	struct err err = {.code = ERR_NONE};

	CU_ASSERT_EQUAL(vault_read(&v, text, strlen(text), &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, says);
	CU_ASSERT_EQUAL(v.bundle.n, 0);
}

static void test_vault_read__refuses_what_is_broken(void)
{
	AUTO(vault) struct vault a = {.ca_key = NULL};
	AUTO(vault) struct vault b = {.ca_key = NULL};
	AUTO(free) char *mixed = NULL;

	refuses("", "JSON");
	refuses("{}", "ca.crt");
	refuses("{\"data\":{\"ca.crt\":\"!\"}}", "base64");
	refuses("{\"data\":{\"ca.crt\":\"eA==\"}}", "ca.crt");
	rotate(&a, ROTATION_CREATE, NOW);
	rotate(&b, ROTATION_CREATE, NOW);
	char *key = a.ca_key;

	a.ca_key = b.ca_key;
	b.ca_key = key;
	mixed = secret_of(&a);
	refuses(mixed, "ca.key is not the key");
}

static void test_vault_rotate__hands_over_step_by_step(void)
{
	AUTO(vault) struct vault v = {.ca_key = NULL};
	AUTO(free) char *first = NULL;
	AUTO(free) char *leaf = NULL;
	AUTO(free) char *bundle = NULL;
	struct rotation_facts facts;

	CU_ASSERT_FALSE(vault_facts(&v, &names).is_sound);
	rotate(&v, ROTATION_CREATE, NOW);
	facts = vault_facts(&v, &names);
	CU_ASSERT_TRUE(facts.is_sound && facts.leaf_fits && !facts.has_next);
	CU_ASSERT_EQUAL(facts.ca_until, NOW + 900);
	CU_ASSERT_EQUAL(facts.leaf_until, NOW + 90);
	first = xstrdup(v.bundle.items[0]);
	leaf = xstrdup(v.leaf.certificate);

	rotate(&v, ROTATION_ADD_NEXT, NOW + 600);
	facts = vault_facts(&v, &names);
	CU_ASSERT_TRUE(facts.has_next && facts.leaf_fits);
	CU_ASSERT_EQUAL(facts.next_until, NOW + 1500);
	CU_ASSERT_EQUAL(facts.first_until, NOW + 900);
	CU_ASSERT_STRING_EQUAL(v.bundle.items[0], first);
	CU_ASSERT_STRING_EQUAL(v.leaf.certificate, leaf);

	rotate(&v, ROTATION_PROMOTE, NOW + 610);
	facts = vault_facts(&v, &names);
	CU_ASSERT_TRUE(facts.is_sound && facts.leaf_fits && !facts.has_next);
	CU_ASSERT_EQUAL(facts.ca_until, NOW + 1500);
	CU_ASSERT_EQUAL(facts.leaf_until, NOW + 700);
	CU_ASSERT_EQUAL(v.bundle.n, 2);
	CU_ASSERT_STRING_EQUAL(v.bundle.items[1], first); /* trusted on */
	bundle = vault_bundle(&v);
	ASSERT_HAS(bundle, first);

	rotate(&v, ROTATION_DROP_OLD, NOW + 899);
	CU_ASSERT_EQUAL(v.bundle.n, 2);
	rotate(&v, ROTATION_DROP_OLD, NOW + 900);
	CU_ASSERT_EQUAL(v.bundle.n, 1);
	CU_ASSERT_TRUE(vault_facts(&v, &names).leaf_fits);
}

static void test_vault_rotate__bounds_the_bundle(void)
{
	AUTO(vault) struct vault v = {.ca_key = NULL};

	rotate(&v, ROTATION_CREATE, NOW);
	for (int i = 0; i < 2 * AUTHORITY_BUNDLE; i++) {
		rotate(&v, ROTATION_ADD_NEXT, NOW);
		rotate(&v, ROTATION_PROMOTE, NOW);
		CU_ASSERT_TRUE(v.bundle.n <= AUTHORITY_BUNDLE);
		CU_ASSERT_TRUE(vault_facts(&v, &names).leaf_fits);
	}
}

TEST_MAIN("vault", TEST(test_vault_read__reads_what_was_printed),
	TEST(test_vault_read__refuses_what_is_broken),
	TEST(test_vault_rotate__hands_over_step_by_step),
	TEST(test_vault_rotate__bounds_the_bundle))
