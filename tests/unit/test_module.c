/* SPDX-License-Identifier: Apache-2.0 */
#include "wasm/module.h"

#include <dirent.h>

#include "base/auto.h"
#include "base/io.h"
#include "tests/unit/build_wasm.h"
#include "tests/unit/test.h"

static int parse(struct wasm_module *out, const struct buf *b, struct err *err)
{
	return wasm_module_parse(out, (const uint8_t *)b->data, b->len, err);
}

static void assert_accepted(const struct buf *b)
{
	AUTO(wasm_module) struct wasm_module m = {0};
	struct err err = {0};

	CU_ASSERT_EQUAL(parse(&m, b, &err), 0);
	CU_ASSERT_STRING_EQUAL(err.msg, "");
}

static void assert_refused(const struct buf *b, const char *message)
{
	struct wasm_module m = {.n_imports = 1}; /* to be emptied */
	struct err err = {0};

	CU_ASSERT_EQUAL(parse(&m, b, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, message);
	CU_ASSERT_EQUAL(m.n_imports, 0);
	CU_ASSERT_EQUAL(m.n_sections, 0);
	CU_ASSERT_PTR_NULL(m.sections);
}

static void test_module_parse__describes_the_smallest_filter(void)
{
	AUTO(buf) struct buf b = BUF_INIT(BUILD_MAX);
	AUTO(wasm_module) struct wasm_module m = {0};
	struct err err = {0};

	build_filter(&b);
	CU_ASSERT_EQUAL_FATAL(parse(&m, &b, &err), 0);
	CU_ASSERT_EQUAL(m.abi, WASM_ABI_0_2_1);
	CU_ASSERT_EQUAL(m.n_memories, 1);
	CU_ASSERT_EQUAL(m.memory_pages_min, 1);
	CU_ASSERT_EQUAL(m.memory_pages_max, 0);
	CU_ASSERT_EQUAL(m.debug_bytes, 0);
	CU_ASSERT_EQUAL(m.n_imports, 0);
	CU_ASSERT_EQUAL(m.n_exports, 3);
	CU_ASSERT_EQUAL_FATAL(m.n_sections, 5);
	CU_ASSERT_EQUAL(m.sections[0].id, 1);
	CU_ASSERT_EQUAL(m.sections[0].offset, 8);
	CU_ASSERT_EQUAL(m.sections[4].id, 10);
	CU_ASSERT_EQUAL(m.sections[4].offset + m.sections[4].size, b.len);
}

static void test_module_parse__adds_up_debug_sections_where_they_stand(void)
{
	AUTO(buf) struct buf b = BUF_INIT(BUILD_MAX);
	AUTO(wasm_module) struct wasm_module m = {0};
	struct err err = {0};

	build_filter(&b);
	size_t before = b.len;

	build_custom(&b, ".debug_info", 1000);
	size_t after = b.len;

	build_custom(&b, "producers", 10);
	build_custom(&b, "sourceMappingURL", 5);
	CU_ASSERT_EQUAL_FATAL(parse(&m, &b, &err), 0);
	CU_ASSERT_EQUAL_FATAL(m.n_sections, 8);
	CU_ASSERT_EQUAL(m.sections[5].offset, before);
	CU_ASSERT_EQUAL(m.sections[5].size, after - before);
	CU_ASSERT_STRING_EQUAL(m.sections[5].name, ".debug_info");
	CU_ASSERT_TRUE(m.sections[5].debug);
	CU_ASSERT_FALSE(m.sections[6].debug);
	CU_ASSERT_TRUE(m.sections[7].debug);
	CU_ASSERT_EQUAL(m.debug_bytes, m.sections[5].size + m.sections[7].size);
}

static void test_module_parse__accepts_each_abi_and_allocator(void)
{
	static const struct {
		const char *name;
		const char *allocator;
		enum wasm_abi abi;
	} cases[] = {
		{"proxy_abi_version_0_1_0", "malloc", WASM_ABI_0_1_0},
		{"proxy_abi_version_0_2_0", "proxy_on_memory_allocate", WASM_ABI_0_2_0},
		{"proxy_abi_version_0_2_1", "malloc", WASM_ABI_0_2_1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(buf) struct buf b = BUF_INIT(BUILD_MAX);
		AUTO(wasm_module) struct wasm_module m = {0};
		struct err err = {0};

		build_header(&b);
		build_memory(&b, 1);
		build_exports(&b, cases[i].name, cases[i].allocator);
		CU_ASSERT_EQUAL(parse(&m, &b, &err), 0);
		CU_ASSERT_EQUAL(m.abi, cases[i].abi);
	}
}

static void test_module_parse__takes_the_first_abi_as_envoy_does(void)
{
	AUTO(buf) struct buf b = BUF_INIT(BUILD_MAX);
	AUTO(buf) struct buf body = BUF_INIT(BUILD_MAX);
	AUTO(wasm_module) struct wasm_module m = {0};
	struct err err = {0};

	build_u32(&body, 4);
	build_export(&body, "memory", WASM_MEMORY, 0);
	build_export(&body, "proxy_abi_version_0_2_0", WASM_FUNCTION, 0);
	build_export(&body, "proxy_abi_version_0_1_0", WASM_FUNCTION, 0);
	build_export(&body, "malloc", WASM_FUNCTION, 1);
	build_header(&b);
	build_memory(&b, 1);
	build_section(&b, 7, &body);
	CU_ASSERT_EQUAL(parse(&m, &b, &err), 0);
	CU_ASSERT_EQUAL(m.abi, WASM_ABI_0_2_0);
}

static void test_module_parse__accepts_a_memory_that_is_imported(void)
{
	AUTO(buf) struct buf b = BUF_INIT(BUILD_MAX);
	AUTO(buf) struct buf import = BUF_INIT(BUILD_MAX);
	AUTO(buf) struct buf exports = BUF_INIT(BUILD_MAX);

	build_header(&b);
	build_bytes(&import,
		"\x01\x03"
		"env\x06"
		"memory\x02\x00\x01",
		15);
	build_section(&b, 2, &import);
	build_u32(&exports, 2);
	build_export(&exports, "proxy_abi_version_0_2_1", WASM_FUNCTION, 0);
	build_export(&exports, "malloc", WASM_FUNCTION, 0);
	build_section(&b, 7, &exports);
	assert_accepted(&b);
}

static void test_module_parse__refuses_what_is_no_module(void)
{
	AUTO(buf) struct buf html = BUF_INIT(BUILD_MAX);
	AUTO(buf) struct buf nothing = BUF_INIT(BUILD_MAX);

	assert_refused(&nothing, "empty: a WebAssembly module was expected");
	build_bytes(&html, "<html>", 6);
	assert_refused(&html, "not a WebAssembly module but an HTML or XML page");
}

/* A module with one more section of those bytes behind it. */
static void assert_tail_refused(const char *tail, size_t n, const char *message)
{
	AUTO(buf) struct buf b = BUF_INIT(BUILD_MAX);

	build_filter(&b);
	build_bytes(&b, tail, n);
	assert_refused(&b, message);
}

static void test_module_parse__refuses_a_section_with_its_id_and_offset(void)
{
	/* build_filter() takes 87 bytes, and ends with its code section. */
	static const struct {
		const char *tail;
		size_t n;
		const char *message;
	} cases[] = {
		{"\x0B", 1, "section 11 (data) at offset 87: length at offset 88 is cut off"},
		{"\x0B\x02\x00", 3,
			"section 11 (data) at offset 87: it says 2 bytes, but only 1 are left"},
		{"\x0B\xFF\xFF\xFF\xFF\x0F", 6,
			"section 11 (data) at offset 87: it says 4294967295 bytes, but only 0"},
		{"\x0B\x80\x80\x80\x80\x80\x00", 7,
			"section 11 (data) at offset 87: length at offset 88 is a LEB128 number "
			"over 5 bytes"},
		{"\x0B\x80\x80\x80\x80\x10", 6, "is a LEB128 number over 32 bits"},
		{"\x00\x00", 2, "section 0 (custom) at offset 87: name at offset 89 is cut off"},
		{"\x00\x03\x02\xC3\x28", 5,
			"section 0 (custom) at offset 87: name at offset 89 is not valid UTF-8"},
		{"\x0E\x00", 2, "section 14 at offset 87 is of no kind that is known"},
		{"\xFF\x00", 2, "section 255 at offset 87 is of no kind that is known"},
		{"\x0A\x01\x00", 3, "section 10 (code) at offset 87: there are two of them"},
		{"\x0C\x01\x00", 3,
			"section 12 (data count) at offset 87: out of order: it stands behind "
			"section 10 (code)"},
		{"\x01\x01\x00", 3, "section 1 (type) at offset 87: out of order"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_tail_refused(cases[i].tail, cases[i].n, cases[i].message);
}

static void test_module_parse__wants_the_order_of_the_core_specification(void)
{
	static const uint8_t order[] = {1, 3, 4, 13, 6, 8, 9, 12, 10, 11};

	for (size_t i = 0; i + 1 < sizeof(order); i++) {
		AUTO(buf) struct buf right = BUF_INIT(BUILD_MAX);
		AUTO(buf) struct buf wrong = BUF_INIT(BUILD_MAX);
		const uint8_t ahead[] = {order[i], 0, 0, 2, 1, 'a', order[i + 1], 0};
		const uint8_t back[] = {order[i + 1], 0, order[i], 0};

		build_header(&right);
		build_bytes(&right, ahead, sizeof(ahead));
		assert_refused(&right, "exports no function proxy_abi_version_*");
		build_header(&wrong);
		build_bytes(&wrong, back, sizeof(back));
		assert_refused(&wrong, "out of order: it stands behind section");
	}
}

static void test_module_parse__refuses_bytes_left_over_in_a_section(void)
{
	static const uint8_t ids[] = {2, 5, 7};

	for (size_t i = 0; i < sizeof(ids); i++) {
		AUTO(buf) struct buf b = BUF_INIT(BUILD_MAX);
		AUTO(buf) struct buf body = BUF_INIT(BUILD_MAX);

		build_header(&b);
		build_bytes(&body, "\x00x", 2);
		build_section(&b, ids[i], &body);
		assert_refused(&b, "at offset 8: 1 bytes are left over behind its last entry");
	}
}

static void test_module_parse__keeps_the_ceiling_of_sections(void)
{
	AUTO(buf) struct buf b = BUF_INIT(BUILD_MAX);

	build_filter(&b); /* with five sections */
	for (int i = 5; i < LIMIT_WASM_SECTIONS; i++)
		build_custom(&b, "", 0);
	assert_accepted(&b);
	build_custom(&b, "", 0);
	assert_refused(&b, "over 4096 sections");
}

static void test_module_parse__refuses_every_truncation(void)
{
	AUTO(buf) struct buf b = BUF_INIT(BUILD_MAX);

	build_filter(&b);
	size_t whole = b.len;

	build_custom(&b, ".debug_info", 100);
	size_t n = b.len;

	for (b.len = 0; b.len < n; b.len++) {
		/* Code is not looked into: a module that ends before its 11 bytes passes. */
		if (b.len == whole || b.len == whole - 11)
			continue;
		assert_refused(&b, "");
	}
	assert_accepted(&b);
}

/* A module whose exports are those three, of those kinds. */
static void assert_exports_refused(
	const char *const names[3], const uint8_t kinds[3], const char *message)
{
	AUTO(buf) struct buf b = BUF_INIT(BUILD_MAX);
	AUTO(buf) struct buf body = BUF_INIT(BUILD_MAX);

	build_u32(&body, 3);
	for (int i = 0; i < 3; i++)
		build_export(&body, names[i], kinds[i], 0);
	build_header(&b);
	build_memory(&b, 1);
	build_section(&b, 7, &body);
	assert_refused(&b, message);
}

static void test_module_parse__refuses_what_envoy_could_not_start(void)
{
	static const char abi[] = "proxy_abi_version_0_2_1";
	static const uint8_t usual[] = {WASM_MEMORY, WASM_FUNCTION, WASM_FUNCTION};

	assert_exports_refused((const char *const[]){"memory", "malloc", "run"}, usual,
		"exports no function proxy_abi_version_*: not a Proxy-Wasm module");
	assert_exports_refused((const char *const[]){"memory", "malloc", "proxy_abi_version_0_3_0"},
		usual,
		"exports \"proxy_abi_version_0_3_0\"; Envoy knows the functions "
		"proxy_abi_version_0_1_0, 0_2_0 and 0_2_1");
	assert_exports_refused((const char *const[]){"memory", "malloc", abi},
		(const uint8_t[]){WASM_MEMORY, WASM_FUNCTION, WASM_GLOBAL},
		"exports \"proxy_abi_version_0_2_1\"; Envoy knows the functions");
	assert_exports_refused((const char *const[]){"memory", "free", abi}, usual,
		"exports no function malloc or proxy_on_memory_allocate");
	assert_exports_refused((const char *const[]){"memory", "malloc", abi},
		(const uint8_t[]){WASM_MEMORY, WASM_GLOBAL, WASM_FUNCTION},
		"exports no function malloc or proxy_on_memory_allocate");
	assert_exports_refused((const char *const[]){"memory", "malloc", abi},
		(const uint8_t[]){WASM_FUNCTION, WASM_FUNCTION, WASM_FUNCTION},
		"exports no memory: Envoy would crash");
}

static void test_module_parse__refuses_the_export_of_a_memory_that_is_not_there(void)
{
	AUTO(buf) struct buf b = BUF_INIT(BUILD_MAX);

	build_header(&b);
	build_exports(&b, "proxy_abi_version_0_2_1", "malloc");
	assert_refused(&b, "exports no memory");
}

static void test_module_parse__counts_imported_memories_too(void)
{
	AUTO(buf) struct buf b = BUF_INIT(BUILD_MAX);
	AUTO(buf) struct buf import = BUF_INIT(BUILD_MAX);

	build_header(&b);
	build_bytes(&import,
		"\x01\x03"
		"env\x06"
		"memory\x02\x00\x01",
		15);
	build_section(&b, 2, &import);
	build_memory(&b, 1);
	assert_refused(&b, "section 5 (memory) at offset 25: more than one memory");
}

static void test_module_parse__gives_the_verdicts_that_the_corpus_names(void)
{
	static const char folder[] = "tests/fuzz/corpus/wasm";
	AUTO(dir) DIR *dir = opendir(folder);
	int fd = dir ? dirfd(dir) : -1;
	struct dirent *entry = NULL;
	unsigned read = 0;

	while (dir &&
		(entry = readdir(dir))) { /* NOLINT(concurrency-mt-unsafe): a stream of its own */
		AUTO(buf) struct buf b = BUF_INIT(BUILD_MAX);
		struct err err = {0};

		if (entry->d_name[0] == '.')
			continue;
		CU_ASSERT_EQUAL_FATAL(io_read_file(fd, entry->d_name, &b, &err), 0);
		if (strncmp(entry->d_name, "ok-", 3) == 0)
			assert_accepted(&b);
		else
			assert_refused(&b, "");
		read++;
	}
	CU_ASSERT_TRUE(read > 0);
}

static void test_abi_name__is_never_null(void)
{
	CU_ASSERT_STRING_EQUAL(wasm_abi_name(WASM_ABI_0_1_0), "0.1.0");
	CU_ASSERT_STRING_EQUAL(wasm_abi_name(WASM_ABI_0_2_0), "0.2.0");
	CU_ASSERT_STRING_EQUAL(wasm_abi_name(WASM_ABI_0_2_1), "0.2.1");
	CU_ASSERT_STRING_EQUAL(wasm_abi_name(WASM_ABI_NONE), "none");
}

TEST_MAIN("module", TEST(test_module_parse__describes_the_smallest_filter),
	TEST(test_module_parse__adds_up_debug_sections_where_they_stand),
	TEST(test_module_parse__accepts_each_abi_and_allocator),
	TEST(test_module_parse__takes_the_first_abi_as_envoy_does),
	TEST(test_module_parse__accepts_a_memory_that_is_imported),
	TEST(test_module_parse__refuses_what_is_no_module),
	TEST(test_module_parse__refuses_a_section_with_its_id_and_offset),
	TEST(test_module_parse__wants_the_order_of_the_core_specification),
	TEST(test_module_parse__refuses_bytes_left_over_in_a_section),
	TEST(test_module_parse__keeps_the_ceiling_of_sections),
	TEST(test_module_parse__refuses_every_truncation),
	TEST(test_module_parse__refuses_what_envoy_could_not_start),
	TEST(test_module_parse__refuses_the_export_of_a_memory_that_is_not_there),
	TEST(test_module_parse__counts_imported_memories_too),
	TEST(test_module_parse__gives_the_verdicts_that_the_corpus_names),
	TEST(test_abi_name__is_never_null))
