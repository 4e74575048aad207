/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/authority.h"

#include <stdlib.h>
#include <time.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

#define NOW 1800000000

static const char *const texts[] = {"hook.ns.svc", "127.0.0.1", "::1"};
static const struct authority_names names = {texts, 3};

static void make(struct keypair *ca, struct keypair *leaf, int64_t lifetime_s)
{
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL_FATAL(authority_make(ca, NOW, 1000, &err), 0);
	CU_ASSERT_EQUAL_FATAL(authority_sign(leaf, ca, &names, NOW, lifetime_s, &err), 0);
}

static void test_authority_sign__is_what_its_authority_says(void)
{
	AUTO(keypair) struct keypair ca = {.key = NULL};
	AUTO(keypair) struct keypair leaf = {.key = NULL};
	AUTO(keypair) struct keypair other = {.key = NULL};
	AUTO(keypair) struct keypair others = {.key = NULL};
	const char *const more[] = {"hook.ns.svc", "else.ns.svc"};

	make(&ca, &leaf, 100);
	make(&other, &others, 100);
	CU_ASSERT_EQUAL(authority_leaf_until(leaf.certificate, ca.certificate, &names), NOW + 100);
	CU_ASSERT_EQUAL(authority_leaf_until(leaf.certificate, other.certificate, &names), 0);
	CU_ASSERT_EQUAL(authority_leaf_until(leaf.certificate, ca.certificate,
				&(struct authority_names){more, 2}),
		0);
	CU_ASSERT_EQUAL(authority_leaf_until("x", ca.certificate, &names), 0);
	CU_ASSERT_TRUE(authority_fits(leaf.certificate, leaf.key));
	CU_ASSERT_TRUE(authority_fits(ca.certificate, ca.key));
	CU_ASSERT_FALSE(authority_fits(leaf.certificate, ca.key));
	CU_ASSERT_FALSE(authority_fits("", ""));
}

static void test_authority_sign__does_not_outlive_its_authority(void)
{
	AUTO(keypair) struct keypair ca = {.key = NULL};
	AUTO(keypair) struct keypair leaf = {.key = NULL};

	make(&ca, &leaf, 5000);
	CU_ASSERT_EQUAL(authority_leaf_until(leaf.certificate, ca.certificate, &names), NOW + 1000);
}

static void test_authority_sign__wants_an_authority(void)
{
	AUTO(keypair) struct keypair leaf = {.key = NULL};
	struct keypair none = {.certificate = xstrdup("x"), .key = xstrdup("y")};
	struct err err = {.code = ERR_NONE};

	CU_ASSERT_EQUAL(authority_sign(&leaf, &none, &names, NOW, 1, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	keypair_clear(&none);
}

static void test_authority_split__takes_bundles_apart(void)
{
	AUTO(keypair) struct keypair a = {.key = NULL};
	AUTO(keypair) struct keypair b = {.key = NULL};
	AUTO(keypair) struct keypair leaf = {.key = NULL};
	AUTO(free) char *two = NULL;
	AUTO(free) char *mixed = NULL;
	AUTO(authority_bundle) struct authority_bundle out = {.n = 0};
	struct err err = {.code = ERR_NONE};

	make(&a, &leaf, 1);
	CU_ASSERT_EQUAL_FATAL(authority_make(&b, NOW, 2000, &err), 0);
	two = xasprintf("%s%s", a.certificate, b.certificate);
	mixed = xasprintf("%s%s", a.certificate, leaf.certificate);
	CU_ASSERT_EQUAL(authority_split(&out, two, &err), 0);
	CU_ASSERT_EQUAL(out.n, 2);
	CU_ASSERT_STRING_EQUAL(out.items[0], a.certificate);
	CU_ASSERT_EQUAL(out.until[1], NOW + 2000);
	authority_bundle_clear(&out);
	CU_ASSERT_EQUAL(authority_split(&out, mixed, &err), -1);
	ASSERT_HAS(err.msg, "certificate 2 is no authority's");
	CU_ASSERT_EQUAL(authority_split(&out, "", &err), -1);
	CU_ASSERT_EQUAL(authority_split(&out, "garbage", &err), -1);
	CU_ASSERT_EQUAL(out.n, 0);
}

TEST_MAIN("authority", TEST(test_authority_sign__is_what_its_authority_says),
	TEST(test_authority_sign__does_not_outlive_its_authority),
	TEST(test_authority_sign__wants_an_authority),
	TEST(test_authority_split__takes_bundles_apart))
