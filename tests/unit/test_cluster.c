/* SPDX-License-Identifier: Apache-2.0 */
/* What an API server alone does; what every source promises is in test_source.c. */
#include "kube/cluster.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/source_bed.h"
#include "tests/unit/test.h"

#define CLUSTER (&beds[1])
#define STEPS 4000

static void put_extension(struct bed *b, const char *name, const char *vm_id)
{
	b->methods->put_extension(b, name, vm_id);
}

static void step_until_standing(struct bed *b, unsigned watches)
{
	for (int i = 0; i < STEPS && api_server_standing(b->server) != watches; i++)
		bed_step(b);
	CU_ASSERT_EQUAL(api_server_standing(b->server), watches);
}

static void want(struct bed *b, enum object_kind kind, const char *name)
{
	source_want(b->source, kind, "n", name);
	for (int i = 0; i < STEPS && !source_knows(b->source, kind, "n", name); i++)
		bed_step(b);
	CU_ASSERT_TRUE(source_knows(b->source, kind, "n", name));
}

static void test_source_step__lists_once_however_often_watches_end(void)
{
	AUTO(bed) struct bed b;

	bed_open(&b, CLUSTER);
	put_extension(&b, "x", "0");
	bed_expect(&b, "+WasmExtension/x=0");
	for (int i = 1; i <= 50; i++) {
		AUTO(free) char *name = xasprintf("x%d", i);
		AUTO(free) char *words = xasprintf("+WasmExtension/%s=1", name);
		AUTO(free) char *gone = xasprintf("-WasmExtension/%s", name);

		step_until_standing(&b, 1);
		if (i % 2)
			api_server_cut_watches(b.server);
		else
			api_server_end_watches(b.server);
		put_extension(&b, name, "1");
		bed_expect(&b, words);
		b.methods->erase(&b, OBJECT_EXTENSION, name);
		bed_expect(&b, gone);
	}
	CU_ASSERT_EQUAL(api_server_lists(b.server), 1);
}

static void test_source_step__lists_once_more_when_the_past_is_forgotten(void)
{
	AUTO(bed) struct bed b;

	bed_open(&b, CLUSTER);
	put_extension(&b, "x", "1");
	put_extension(&b, "y", "1");
	put_extension(&b, "z", "1");
	bed_expect(&b, "+WasmExtension/x=1 +WasmExtension/y=1 +WasmExtension/z=1");
	step_until_standing(&b, 1);
	b.methods->go_away(&b);
	b.methods->erase(&b, OBJECT_EXTENSION, "x");
	put_extension(&b, "y", "2");
	put_extension(&b, "w", "1");
	api_server_compact(b.server);
	b.methods->come_back(&b);
	bed_expect(&b, "-WasmExtension/x +WasmExtension/y=2 +WasmExtension/w=1");
	CU_ASSERT_EQUAL(api_server_lists(b.server), 2);
	step_until_standing(&b, 1);
	put_extension(&b, "z", "2");
	bed_expect(&b, "+WasmExtension/z=2");
}

static void test_source_step__takes_bookmarks_so_that_little_is_too_old(void)
{
	AUTO(bed) struct bed b;

	bed_open(&b, CLUSTER);
	put_extension(&b, "x", "1");
	bed_expect(&b, "+WasmExtension/x=1");
	step_until_standing(&b, 1);
	b.methods->put_value(&b, OBJECT_SECRET, "other", "a");
	api_server_bookmark(b.server);
	put_extension(&b, "x", "2");
	bed_expect(&b, "+WasmExtension/x=2");
	api_server_compact(b.server);
	api_server_end_watches(b.server);
	put_extension(&b, "x", "3");
	bed_expect(&b, "+WasmExtension/x=3");
	CU_ASSERT_EQUAL(api_server_lists(b.server), 1);
}

static void test_source_step__lists_page_by_page_and_anew_when_a_page_is_forgotten(void)
{
	AUTO(bed) struct bed b;

	bed_open(&b, CLUSTER);
	put_extension(&b, "x", "1");
	put_extension(&b, "y", "1");
	put_extension(&b, "z", "1");
	api_server_page(b.server, 1);
	api_server_forget_page(b.server);
	bed_expect(&b, "+WasmExtension/x=1 +WasmExtension/y=1 +WasmExtension/z=1");
	CU_ASSERT_EQUAL(api_server_lists(b.server), 2);
}

static void test_source_step__waits_as_long_as_the_server_asks(void)
{
	AUTO(bed) struct bed b;
	int64_t failed_at = 0;

	bed_open(&b, CLUSTER);
	put_extension(&b, "x", "1");
	api_server_fail(b.server, 1, 429, 1);
	bed_expect_failure(&b);
	failed_at = io_monotonic_ms();
	CU_ASSERT_EQUAL(b.err.code, ERR_TRANSIENT);
	ASSERT_HAS(b.err.msg, "WasmExtensions");
	ASSERT_HAS(b.err.msg, "429: as the test says");
	bed_expect(&b, "+WasmExtension/x=1");
	CU_ASSERT_TRUE(io_monotonic_ms() - failed_at > 900);
}

static void test_source_step__goes_on_when_the_server_is_well_again(void)
{
	static const unsigned statuses[] = {500, 502, 503, 504, 401, 404};

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		AUTO(bed) struct bed b;

		bed_open(&b, CLUSTER);
		put_extension(&b, "x", "1");
		api_server_fail(b.server, 2, statuses[i], 0);
		bed_expect_failure(&b);
		CU_ASSERT_FALSE(source_complete(b.source));
		bed_expect(&b, "+WasmExtension/x=1");
	}
}

static void test_source_want__reads_nothing_that_is_not_wanted(void)
{
	AUTO(bed) struct bed b;

	bed_open(&b, CLUSTER);
	b.methods->put_value(&b, OBJECT_SECRET, "s", "a");
	b.methods->put_value(&b, OBJECT_SECRET, "t", "b");
	CU_ASSERT_FALSE(source_knows(b.source, OBJECT_SECRET, "n", "s"));
	want(&b, OBJECT_SECRET, "s");
	bed_expect(&b, "+Secret/s=a");
	b.methods->put_value(&b, OBJECT_SECRET, "t", "c");
	b.methods->put_value(&b, OBJECT_SECRET, "s", "b");
	bed_expect(&b, "+Secret/s=b");
}

static void test_source_want__says_that_an_object_is_not_there(void)
{
	AUTO(bed) struct bed b;

	bed_open(&b, CLUSTER);
	want(&b, OBJECT_CONFIGMAP, "s");
	bed_expect(&b, "-ConfigMap/s");
	b.methods->put_value(&b, OBJECT_CONFIGMAP, "s", "a");
	bed_expect(&b, "+ConfigMap/s=a");
}

static void test_source_drop__ends_the_watch_with_its_last_user(void)
{
	AUTO(bed) struct bed b;

	bed_open(&b, CLUSTER);
	b.methods->put_value(&b, OBJECT_SECRET, "s", "a");
	want(&b, OBJECT_SECRET, "s");
	source_want(b.source, OBJECT_SECRET, "n", "s");
	bed_expect(&b, "+Secret/s=a");
	step_until_standing(&b, 2);
	source_drop(b.source, OBJECT_SECRET, "n", "s");
	b.methods->put_value(&b, OBJECT_SECRET, "s", "b");
	bed_expect(&b, "+Secret/s=b");
	source_drop(b.source, OBJECT_SECRET, "n", "s");
	CU_ASSERT_FALSE(source_knows(b.source, OBJECT_SECRET, "n", "s"));
	b.methods->put_value(&b, OBJECT_SECRET, "s", "c");
	step_until_standing(&b, 1);
	bed_expect(&b, "");
	want(&b, OBJECT_SECRET, "s");
	bed_expect(&b, "+Secret/s=c");
}

static void test_source_step__tells_of_an_object_that_may_not_be_read(void)
{
	AUTO(bed) struct bed b;

	bed_open(&b, CLUSTER);
	b.methods->put_value(&b, OBJECT_SECRET, "s", "a");
	api_server_deny(b.server, "s");
	want(&b, OBJECT_SECRET, "s");
	bed_expect(&b, "!s");
	api_server_deny(b.server, NULL);
	bed_expect(&b, "+Secret/s=a");
	step_until_standing(&b, 2);

	api_server_deny(b.server, "s");
	bed_expect(&b, "!s");
	b.methods->erase(&b, OBJECT_SECRET, "s");
	api_server_deny(b.server, NULL);
	bed_expect(&b, "-Secret/s");
	CU_ASSERT_EQUAL(b.failures, 0);
}

static void test_source_step__loses_nothing_to_who_steps_the_client(void)
{
	AUTO(bed) struct bed b;
	unsigned before = 0;

	bed_open(&b, CLUSTER);
	bed_expect(&b, "");
	step_until_standing(&b, 1);
	put_extension(&b, "x", "1");
	before = api_server_watches(b.server);
	for (int i = 0; i < 20; i++) {
		client_wait(b.client, NULL, 0, 5);
		client_step(b.client);
	}
	bed_expect(&b, "+WasmExtension/x=1");
	CU_ASSERT_TRUE(api_server_watches(b.server) > before);
	CU_ASSERT_EQUAL(api_server_lists(b.server), 1);
}

static void test_source_want__lists_in_turn_what_is_beyond_the_watches(void)
{
	const unsigned all = LIMIT_KUBE_OBJECT_WATCHES + 20;
	AUTO(bed) struct bed b;

	bed_open(&b, CLUSTER);
	for (unsigned i = 0; i < all; i++) {
		AUTO(free) char *name = xasprintf("s%u", i);

		source_want(b.source, OBJECT_SECRET, "n", name);
	}
	for (unsigned i = 0; i < all; i++) {
		AUTO(free) char *name = xasprintf("s%u", i);

		while (!source_knows(b.source, OBJECT_SECRET, "n", name))
			bed_step(&b);
	}
	step_until_standing(&b, LIMIT_KUBE_OBJECT_WATCHES + 1);
	for (unsigned i = 0; i < all; i++) {
		AUTO(free) char *name = xasprintf("s%u", i);

		source_drop(b.source, OBJECT_SECRET, "n", name);
		if (i + 1 == all - 10)
			step_until_standing(&b, 10 + 1);
	}
	step_until_standing(&b, 1);
}

static void test_cluster_open__looks_into_the_namespaces_that_are_given(void)
{
	static const char *const namespaces[] = {"m", "n"};
	const struct cluster_options options = {.namespaces = namespaces, .n = 2};
	AUTO(bed) struct bed b;

	bed_open(&b, CLUSTER);
	source_close(b.source);
	b.source = cluster_open(b.client, &options);
	put_extension(&b, "x", "1");
	api_server_put(b.server, "wasmextensions", "o", "y", "\"spec\":{}");
	api_server_put(b.server, "wasmextensions", "m", "z", "\"spec\":{}");
	bed_expect(&b, "+WasmExtension/x=1 !z");
	CU_ASSERT_TRUE(source_complete(b.source));
}

TEST_MAIN("cluster", TEST(test_source_step__lists_once_however_often_watches_end),
	TEST(test_source_step__lists_once_more_when_the_past_is_forgotten),
	TEST(test_source_step__takes_bookmarks_so_that_little_is_too_old),
	TEST(test_source_step__lists_page_by_page_and_anew_when_a_page_is_forgotten),
	TEST(test_source_step__waits_as_long_as_the_server_asks),
	TEST(test_source_step__goes_on_when_the_server_is_well_again),
	TEST(test_source_want__reads_nothing_that_is_not_wanted),
	TEST(test_source_want__says_that_an_object_is_not_there),
	TEST(test_source_drop__ends_the_watch_with_its_last_user),
	TEST(test_source_step__tells_of_an_object_that_may_not_be_read),
	TEST(test_source_step__loses_nothing_to_who_steps_the_client),
	TEST(test_source_want__lists_in_turn_what_is_beyond_the_watches),
	TEST(test_cluster_open__looks_into_the_namespaces_that_are_given))
