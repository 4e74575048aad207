/* SPDX-License-Identifier: Apache-2.0 */
/* What every source promises: each test runs over a folder and over an API server. */
#include "kube/source.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/source_bed.h"
#include "tests/unit/test.h"

#define MANY 600 /* more than a page */

static void put_extension(struct bed *b, const char *name, const char *vm_id)
{
	b->methods->put_extension(b, name, vm_id);
}

static void put_value(struct bed *b, enum object_kind kind, const char *name, const char *value)
{
	b->methods->put_value(b, kind, name, value);
}

static void erase(struct bed *b, enum object_kind kind, const char *name)
{
	b->methods->erase(b, kind, name);
}

/* Wants an object and waits until it is known what there is of it. */
static void want(struct bed *b, enum object_kind kind, const char *name)
{
	source_want(b->source, kind, "n", name);
	while (!source_knows(b->source, kind, "n", name))
		bed_step(b);
}

static void give_all_then_complete(struct bed *b)
{
	put_extension(b, "x", "1");
	put_extension(b, "y", "2");
	CU_ASSERT_FALSE(source_complete(b->source));
	bed_expect(b, "+WasmExtension/x=1 +WasmExtension/y=2");
	CU_ASSERT_TRUE(source_complete(b->source));
}

static void give_nothing_where_nothing_is(struct bed *b)
{
	for (int i = 0; i < 1000 && !source_complete(b->source); i++)
		bed_step(b);
	CU_ASSERT_TRUE(source_complete(b->source));
	bed_expect(b, "");
}

static void follow_an_extension(struct bed *b)
{
	put_extension(b, "x", "1");
	bed_expect(b, "+WasmExtension/x=1");
	put_extension(b, "x", "2");
	bed_expect(b, "+WasmExtension/x=2");
	put_extension(b, "y", "1");
	bed_expect(b, "+WasmExtension/y=1");
	erase(b, OBJECT_EXTENSION, "x");
	bed_expect(b, "-WasmExtension/x");
	put_extension(b, "x", "2");
	bed_expect(b, "+WasmExtension/x=2");
}

static void follow_values(struct bed *b)
{
	put_value(b, OBJECT_SECRET, "s", "a");
	put_value(b, OBJECT_CONFIGMAP, "s", "b");
	want(b, OBJECT_SECRET, "s");
	want(b, OBJECT_CONFIGMAP, "s");
	bed_expect(b, "+Secret/s=a +ConfigMap/s=b");
	put_value(b, OBJECT_SECRET, "s", "c");
	bed_expect(b, "+Secret/s=c");
	erase(b, OBJECT_CONFIGMAP, "s");
	bed_expect(b, "-ConfigMap/s");
	source_drop(b->source, OBJECT_SECRET, "n", "s");
	source_drop(b->source, OBJECT_CONFIGMAP, "n", "s");
}

static void know_that_a_value_is_not_there(struct bed *b)
{
	want(b, OBJECT_SECRET, "s");
	buf_clear(&b->noted);
	put_value(b, OBJECT_SECRET, "s", "a");
	bed_expect(b, "+Secret/s=a");
}

static void keep_what_was_before_it_broke(struct bed *b)
{
	put_extension(b, "x", "1");
	put_extension(b, "y", "1");
	bed_expect(b, "+WasmExtension/x=1 +WasmExtension/y=1");
	put_extension(b, "x", NULL);
	bed_expect(b, "!x");
	put_extension(b, "y", "2");
	bed_expect(b, "+WasmExtension/y=2");
	put_extension(b, "x", "3");
	bed_expect(b, "+WasmExtension/x=3");
	put_extension(b, "x", NULL);
	bed_expect(b, "!x");
	erase(b, OBJECT_EXTENSION, "x");
	bed_expect(b, "-WasmExtension/x");
}

static void give_many(struct bed *b)
{
	AUTO(buf) struct buf words = BUF_INIT(LIMIT_MIB);
	struct err err;

	for (int i = 0; i < MANY; i++) {
		AUTO(free) char *name = xasprintf("x%d", i);

		put_extension(b, name, "1");
		CU_ASSERT_EQUAL(buf_printf(&words, &err, "+WasmExtension/%s=1 ", name), 0);
	}
	bed_expect(b, buf_text(&words));
	erase(b, OBJECT_EXTENSION, "x300");
	bed_expect(b, "-WasmExtension/x300");
}

static void miss_nothing_while_it_is_away(struct bed *b)
{
	put_extension(b, "x", "1");
	put_extension(b, "y", "1");
	put_extension(b, "z", "1");
	bed_expect(b, "+WasmExtension/x=1 +WasmExtension/y=1 +WasmExtension/z=1");
	b->methods->go_away(b);
	bed_expect_failure(b);
	CU_ASSERT_EQUAL(b->err.code, ERR_TRANSIENT);
	bed_expect_failure(b);
	erase(b, OBJECT_EXTENSION, "x");
	put_extension(b, "y", "2");
	bed_expect(b, "");
	b->methods->come_back(b);
	bed_expect(b, "-WasmExtension/x +WasmExtension/y=2");
}

static void over_all(void (*promise)(struct bed *b))
{
	for (const struct bed_methods *methods = beds; methods->name; methods++) {
		AUTO(bed) struct bed b;

		bed_open(&b, methods);
		promise(&b);
	}
}

static void test_source_step__gives_all_there_is_and_is_complete_then(void)
{
	over_all(give_all_then_complete);
}

static void test_source_complete__is_true_where_there_is_nothing(void)
{
	over_all(give_nothing_where_nothing_is);
}

static void test_source_step__follows_an_extension_through_its_life(void)
{
	over_all(follow_an_extension);
}

static void test_source_want__brings_values_and_their_changes(void)
{
	over_all(follow_values);
}

static void test_source_knows__is_true_where_a_value_is_not_there(void)
{
	over_all(know_that_a_value_is_not_there);
}

static void test_source_step__keeps_what_was_there_before_it_broke(void)
{
	over_all(keep_what_was_before_it_broke);
}

static void test_source_step__gives_more_than_a_page(void)
{
	over_all(give_many);
}

static void test_source_step__misses_nothing_that_happens_while_it_is_away(void)
{
	over_all(miss_nothing_while_it_is_away);
}

TEST_MAIN("source", TEST(test_source_step__gives_all_there_is_and_is_complete_then),
	TEST(test_source_complete__is_true_where_there_is_nothing),
	TEST(test_source_step__follows_an_extension_through_its_life),
	TEST(test_source_want__brings_values_and_their_changes),
	TEST(test_source_knows__is_true_where_a_value_is_not_there),
	TEST(test_source_step__keeps_what_was_there_before_it_broke),
	TEST(test_source_step__gives_more_than_a_page),
	TEST(test_source_step__misses_nothing_that_happens_while_it_is_away))
