/* SPDX-License-Identifier: Apache-2.0 */
#include "wasm/strip.h"

#include "base/auto.h"
#include "tests/unit/build_wasm.h"
#include "tests/unit/test.h"

#define SIGNATURE "signature_wasmsign"

static int parse(struct wasm_module *out, const struct buf *b)
{
	struct err err = {.msg = ""};
	int rc = wasm_module_parse(out, (const uint8_t *)b->data, b->len, &err);

	CU_ASSERT_STRING_EQUAL(err.msg, "");
	return rc;
}

/* Parses and strips what is in b; returns the bytes that stay, which the caller clears. */
static struct buf strip(const struct buf *b)
{
	AUTO(wasm_module) struct wasm_module m = {0};
	AUTO(wasm_ranges) struct wasm_ranges stay = {.n = 0};
	struct buf out = BUF_INIT(BUILD_MAX);
	size_t end = 0;

	CU_ASSERT_EQUAL_FATAL(parse(&m, b), 0);
	wasm_strip(&stay, &m);
	for (size_t i = 0; i < stay.n; i++) {
		CU_ASSERT(i == 0 || stay.items[i].offset > end); /* with a gap between */
		end = stay.items[i].offset + stay.items[i].size;
		CU_ASSERT_FATAL(end <= b->len);
		build_bytes(&out, b->data + stay.items[i].offset, stay.items[i].size);
	}
	CU_ASSERT_EQUAL(stay.size, out.len);
	return out;
}

static bool same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static void test_strip__keeps_all_where_nothing_is_for_a_debugger(void)
{
	AUTO(buf) struct buf b = BUF_INIT(BUILD_MAX);
	AUTO(buf) struct buf left = BUF_INIT(0);

	build_filter(&b);
	build_custom(&b, "name", 0);
	build_custom(&b, "producers", 10);
	build_custom(&b, "target_features", 10);
	build_custom(&b, "precompiled_wavm", 10);
	build_custom(&b, "debug_info", 10);
	left = strip(&b);
	CU_ASSERT_TRUE(same(&left, &b));
}

static void test_strip__drops_the_debug_sections_wherever_they_stand(void)
{
	static const char *const dropped[] = {".debug_info", ".debug_str", "reloc..debug_info",
		"sourceMappingURL", "external_debug_info"};
	AUTO(buf) struct buf whole = BUF_INIT(BUILD_MAX);
	AUTO(buf) struct buf bare = BUF_INIT(BUILD_MAX);
	AUTO(buf) struct buf left = BUF_INIT(0);
	size_t n = sizeof(dropped) / sizeof(dropped[0]);

	build_header(&whole);
	build_header(&bare);
	build_custom(&whole, dropped[0], 300);
	build_types(&whole);
	build_types(&bare);
	build_functions(&whole);
	build_functions(&bare);
	for (size_t i = 0; i < n; i++)
		build_custom(&whole, dropped[i], i);
	build_memory(&whole, 1);
	build_memory(&bare, 1);
	build_exports(&whole, "proxy_abi_version_0_2_1", "malloc");
	build_exports(&bare, "proxy_abi_version_0_2_1", "malloc");
	build_code(&whole);
	build_code(&bare);
	build_custom(&whole, "producers", 5);
	build_custom(&bare, "producers", 5);
	build_custom(&whole, dropped[1], 70000);
	left = strip(&whole);
	CU_ASSERT_TRUE(same(&left, &bare));
}

static void test_strip__of_what_is_stripped_changes_nothing(void)
{
	AUTO(buf) struct buf b = BUF_INIT(BUILD_MAX);
	AUTO(buf) struct buf once = BUF_INIT(0);
	AUTO(buf) struct buf twice = BUF_INIT(0);

	build_filter(&b);
	build_custom(&b, ".debug_line", 1000);
	build_custom(&b, "producers", 10);
	once = strip(&b);
	twice = strip(&once);
	CU_ASSERT_TRUE(once.len < b.len);
	CU_ASSERT_TRUE(same(&once, &twice));
}

static void test_strip__leaves_every_byte_of_a_signed_module(void)
{
	AUTO(buf) struct buf b = BUF_INIT(BUILD_MAX);
	AUTO(buf) struct buf left = BUF_INIT(0);

	build_filter(&b);
	build_custom(&b, ".debug_info", 1000);
	build_custom(&b, SIGNATURE, 65);
	left = strip(&b);
	CU_ASSERT_TRUE(same(&left, &b));
}

static void test_strip_is_signed__tells_by_the_section_alone(void)
{
	static const struct {
		const char *name;
		bool is_signed;
	} cases[] = {
		{SIGNATURE, true},
		{SIGNATURE "2", false},
		{"signature", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(buf) struct buf b = BUF_INIT(BUILD_MAX);
		AUTO(wasm_module) struct wasm_module m = {0};

		build_filter(&b);
		build_custom(&b, cases[i].name, 65);
		CU_ASSERT_EQUAL(parse(&m, &b), 0);
		CU_ASSERT_EQUAL(wasm_strip_is_signed(&m), cases[i].is_signed);
	}
}

TEST_MAIN("strip", TEST(test_strip__keeps_all_where_nothing_is_for_a_debugger),
	TEST(test_strip__drops_the_debug_sections_wherever_they_stand),
	TEST(test_strip__of_what_is_stripped_changes_nothing),
	TEST(test_strip__leaves_every_byte_of_a_signed_module),
	TEST(test_strip_is_signed__tells_by_the_section_alone))
