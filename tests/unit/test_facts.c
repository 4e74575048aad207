/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/facts.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

#define HEX "sha256:1111111111111111111111111111111111111111111111111111111111111111"

static struct target *target_of(enum image_protocol protocol, const char *pinned)
{
	struct target *t = target_new("a/1");
	struct extension *ext = xcalloc(1, sizeof(*ext));

	ext->namespace = xstrdup("a");
	ext->name = xstrdup("1");
	ext->image.protocol = protocol;
	ext->image.uri = xstrdup("x/f");
	if (pinned)
		digest_of(&ext->image.sha256, pinned, strlen(pinned));
	(void)target_desire(t, ext);
	return t;
}

static void observe(struct target *t, const char *source, const char *module)
{
	AUTO(record) struct record r = RECORD_INIT;

	r.version = xstrdup("0a");
	r.source = xstrdup(source);
	r.revision = xstrdup(HEX);
	r.refetch = xstrdup("noon");
	r.module_bytes = 100;
	r.served_bytes = 10;
	r.secret = true;
	digest_of(&r.module, module, strlen(module));
	target_observe(t, &r);
}

static void assert_module(const struct conditions_facts *facts, const char *module)
{
	struct digest want;

	digest_of(&want, module, strlen(module));
	CU_ASSERT_STRING_EQUAL(facts->module.hex, want.hex);
}

static void test_facts_of__tells_all_of_what_is_served(void)
{
	struct target *t = target_of(PROTOCOL_OCI, NULL);
	struct conditions_facts facts;

	observe(t, "oci://x/f", "m");
	t->identity.uid = xstrdup("u-1");
	t->identity.generation = 7;
	t->resolved = true;
	t->has_module = true;
	(void)status_set(&t->status, STATUS_PROGRAMMED, "");
	facts_of(&facts, t);
	CU_ASSERT_STRING_EQUAL(facts.uid, "u-1");
	CU_ASSERT_EQUAL(facts.generation, 7);
	CU_ASSERT_EQUAL(facts.reason, STATUS_PROGRAMMED);
	CU_ASSERT_STRING_EQUAL(facts.message, "0a");
	CU_ASSERT_TRUE(facts.resolved && facts.fetched && facts.has_secret);
	CU_ASSERT_STRING_EQUAL(facts.serving, "0a");
	CU_ASSERT_STRING_EQUAL(facts.refetch, "noon");
	CU_ASSERT_STRING_EQUAL(facts.manifest, HEX);
	assert_module(&facts, "m");
	CU_ASSERT_EQUAL(facts.size_bytes, 100);
	CU_ASSERT_EQUAL(facts.served_bytes, 10);
	CU_ASSERT_FALSE(facts.proxies.known);
	target_free(t);
}

static void test_facts_of__knows_no_module_of_another_source(void)
{
	struct target *t = target_of(PROTOCOL_HTTPS, NULL);
	struct conditions_facts facts;

	observe(t, "oci://x/f", "m");
	(void)status_set(&t->status, STATUS_FETCH_FAILED, "HTTP 502");
	facts_of(&facts, t);
	CU_ASSERT_FALSE(digest_is_set(&facts.module));
	CU_ASSERT_PTR_NULL(facts.manifest);
	CU_ASSERT_EQUAL(facts.size_bytes, 0);
	CU_ASSERT_STRING_EQUAL(facts.message, "HTTP 502");
	CU_ASSERT_STRING_EQUAL(facts.serving, "0a");
	target_free(t);
}

static void test_facts_of__takes_the_pin_for_the_module(void)
{
	struct target *t = target_of(PROTOCOL_OCI, "pinned");
	struct conditions_facts facts;

	observe(t, "oci://x/f", "m");
	facts_of(&facts, t);
	assert_module(&facts, "pinned");
	CU_ASSERT_PTR_NULL(facts.manifest);
	CU_ASSERT_EQUAL(facts.size_bytes, 0);
	target_free(t);
}

/* An ETag is no manifest. */
static void test_facts_of__has_a_manifest_for_images_alone(void)
{
	struct target *t = target_of(PROTOCOL_HTTPS, NULL);
	struct conditions_facts facts;

	observe(t, "https://x/f", "m");
	facts_of(&facts, t);
	assert_module(&facts, "m");
	CU_ASSERT_PTR_NULL(facts.manifest);
	target_free(t);
}

/* Of a refused object nothing is known but what an earlier one left. */
static void test_facts_of__tells_what_a_refused_one_left(void)
{
	struct target *t = target_new("a/1");
	struct conditions_facts facts;

	observe(t, "oci://x/f", "m");
	target_refuse(t, "wrong");
	facts_of(&facts, t);
	assert_module(&facts, "m");
	CU_ASSERT_EQUAL(facts.size_bytes, 100);
	target_free(t);
}

TEST_MAIN("facts", TEST(test_facts_of__tells_all_of_what_is_served),
	TEST(test_facts_of__knows_no_module_of_another_source),
	TEST(test_facts_of__takes_the_pin_for_the_module),
	TEST(test_facts_of__has_a_manifest_for_images_alone),
	TEST(test_facts_of__tells_what_a_refused_one_left))
