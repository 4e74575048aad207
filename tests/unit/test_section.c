/* SPDX-License-Identifier: Apache-2.0 */
#include "wasm/section.h"

#include "base/auto.h"
#include "base/limits.h"
#include "tests/unit/build_wasm.h"
#include "tests/unit/test.h"

typedef int section_reader(struct wasm_module *m, struct wasm_reader *r, struct err *err);

struct refusal {
	const char *body;
	size_t n;
	const char *message;
};

#define REFUSAL(text, part)                  \
	{                                    \
		text, sizeof(text) - 1, part \
	}

static struct wasm_reader reader_of(const void *bytes, size_t n)
{
	return (struct wasm_reader){.bytes = bytes, .end = n};
}

static void assert_refusals(section_reader *read, const struct refusal *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		AUTO(wasm_module) struct wasm_module m = {0};
		struct wasm_reader r = reader_of(cases[i].body, cases[i].n);
		struct err err = {0};

		CU_ASSERT_EQUAL(read(&m, &r, &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
		ASSERT_HAS(err.msg, cases[i].message);
	}
}

#define ASSERT_REFUSALS(read, cases) \
	assert_refusals((read), (cases), sizeof(cases) / sizeof((cases)[0]))

#define ENV       \
	"\x03"    \
	"env\x01" \
	"f"

static void test_section_imports__reads_each_kind_that_envoy_provides(void)
{
	static const char body[] =
		"\x04" ENV "\x00\x05" ENV "\x01\x70\x01\x01\x02" ENV "\x02\x00\x07\x0D"
		"wasi_unstable\x00\x00\x81\x01";
	AUTO(wasm_module) struct wasm_module m = {0};
	struct wasm_reader r = reader_of(body, sizeof(body) - 1);
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(wasm_section_imports(&m, &r, &err), 0);
	CU_ASSERT_EQUAL(wasm_reader_left(&r), 0);
	CU_ASSERT_EQUAL_FATAL(m.n_imports, 4);
	CU_ASSERT_STRING_EQUAL(m.imports[0].module, "env");
	CU_ASSERT_STRING_EQUAL(m.imports[0].name, "f");
	CU_ASSERT_EQUAL(m.imports[0].kind, WASM_FUNCTION);
	CU_ASSERT_EQUAL(m.imports[1].kind, WASM_TABLE);
	CU_ASSERT_EQUAL(m.imports[2].kind, WASM_MEMORY);
	CU_ASSERT_STRING_EQUAL(m.imports[3].module, "wasi_unstable");
	CU_ASSERT_STRING_EQUAL(m.imports[3].name, "");
	CU_ASSERT_EQUAL(m.n_memories, 1);
	CU_ASSERT_EQUAL(m.memory_pages_min, 7);
}

static void test_section_imports__says_what_is_wrong(void)
{
	static const struct refusal cases[] = {
		REFUSAL("", "number of imports at offset 0 is cut off"),
		REFUSAL("\x01", "number of imports is 1, too many for 0 bytes"),
		REFUSAL("\xA1\x8D\x06", "number of imports is 100001; at most 100000 are allowed"),
		REFUSAL("\x02" ENV "\x00\x05",
			"import 1 (\"\"): module name at offset 9 is cut off"),
		REFUSAL("\x01\x03"
			"env\x02\xFF\xFE\x00\x00",
			"import 0 (\"\"): name at offset 5 is not valid UTF-8"),
		REFUSAL("\x01\x03"
			"env\x03"
			"a\0b\x00\x00",
			"import 0 (\"\"): name at offset 5 has a zero byte in it"),
		REFUSAL("\x01\x03"
			"evn\x04"
			"open\x00\x00",
			"import 0 (\"open\"): it is of module \"evn\"; Envoy provides env, "
			"wasi_snapshot_preview1 and wasi_unstable"),
		REFUSAL("\x01\x04"
			"env\n\x04"
			"open\x00\x00",
			"it is of module \"env?\""),
		REFUSAL("\x01" ENV "\x03\x7F\x00",
			"import 0 (\"f\"): it is a global, and Envoy provides none"),
		REFUSAL("\x01" ENV "\x04\x00", "its kind is 4; 0 to 3 are known"),
		REFUSAL("\x01" ENV "\x00\xFF\xFF\xFF\xFF\x7F",
			"type index at offset 8 is a LEB128 number over 32 bits"),
		REFUSAL("\x01" ENV "\x01\x64\x00\x01", "table at offset 8 is of unknown type 0x64"),
		REFUSAL("\x01" ENV "\x01\x70\x04\x01", "table at offset 9 is 64-bit"),
		REFUSAL("\x01" ENV "\x02\x01\x02\x01",
			"memory has an upper limit of 1, under its lower limit of 2"),
	};

	ASSERT_REFUSALS(wasm_section_imports, cases);
}

static void test_section_memories__reads_both_limits(void)
{
	static const char body[] = "\x01\x01\x02\x80\x80\x04";
	AUTO(wasm_module) struct wasm_module m = {0};
	struct wasm_reader r = reader_of(body, sizeof(body) - 1);
	struct err err = {0};

	CU_ASSERT_EQUAL(wasm_section_memories(&m, &r, &err), 0);
	CU_ASSERT_EQUAL(m.memory_pages_min, 2);
	CU_ASSERT_EQUAL(m.memory_pages_max, 65536);
	CU_ASSERT_EQUAL(m.n_memories, 1);
}

static void test_section_memories__accepts_none_and_just_1_gib(void)
{
	static const char *const bodies[] = {"\x00\x00", "\x01\x00\x80\x80\x01"};

	for (size_t i = 0; i < 2; i++) {
		AUTO(wasm_module) struct wasm_module m = {0};
		struct wasm_reader r = reader_of(bodies[i], i == 0 ? 1 : 5);
		struct err err = {0};

		CU_ASSERT_EQUAL(wasm_section_memories(&m, &r, &err), 0);
		CU_ASSERT_EQUAL(wasm_reader_left(&r), 0);
		CU_ASSERT_EQUAL(m.n_memories, i);
		CU_ASSERT_EQUAL(m.memory_pages_max, 0);
	}
}

static void test_section_memories__says_what_is_wrong(void)
{
	static const struct refusal cases[] = {
		REFUSAL("", "number of memories at offset 0 is cut off"),
		REFUSAL("\x01", "limits at offset 1 is cut off"),
		REFUSAL("\x01\x00", "lower limit at offset 2 is cut off"),
		REFUSAL("\x01\x01\x01", "upper limit at offset 3 is cut off"),
		REFUSAL("\x01\x00\x81\x80\x01",
			"memory of 16385 pages of 64 KiB; Envoy gives at most 16384 (1 GiB)"),
		REFUSAL("\x01\x01\x01\x81\x80\x04",
			"memory may grow to 65537 pages of 64 KiB; at most 65536 can be addressed"),
		REFUSAL("\x01\x01\x03\x02",
			"memory has an upper limit of 2, under its lower limit of 3"),
		REFUSAL("\x02\x00\x01\x00\x01", "more than one memory; Proxy-Wasm knows of one"),
		REFUSAL("\x01\x03\x01\x02", "memory at offset 1 is shared between threads, which "
					    "Proxy-Wasm has not: build without threads"),
		REFUSAL("\x01\x04\x01",
			"memory at offset 1 is 64-bit (memory64); Envoy runs 32-bit "
			"modules only"),
		REFUSAL("\x01\x08\x01", "memory at offset 1 has limits flags 8; 0 and 1 are known"),
	};

	ASSERT_REFUSALS(wasm_section_memories, cases);
}

static void test_section_exports__reads_names_and_kinds(void)
{
	static const char body[] = "\x02\x06"
				   "memory\x02\x00\x01"
				   "f\x00\x05";
	AUTO(wasm_module) struct wasm_module m = {0};
	struct wasm_reader r = reader_of(body, sizeof(body) - 1);
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(wasm_section_exports(&m, &r, &err), 0);
	CU_ASSERT_EQUAL_FATAL(m.n_exports, 2);
	CU_ASSERT_STRING_EQUAL(m.exports[0].name, "memory");
	CU_ASSERT_STRING_EQUAL(m.exports[0].module, "");
	CU_ASSERT_EQUAL(m.exports[0].kind, WASM_MEMORY);
	CU_ASSERT_STRING_EQUAL(m.exports[1].name, "f");
	CU_ASSERT_EQUAL(m.exports[1].kind, WASM_FUNCTION);
}

static void test_section_exports__says_what_is_wrong(void)
{
	static const struct refusal cases[] = {
		REFUSAL("", "number of exports at offset 0 is cut off"),
		REFUSAL("\x02\x01"
			"f\x00",
			"number of exports is 2, too many for 3 bytes"),
		REFUSAL("\xA1\x8D\x06", "number of exports is 100001; at most 100000 are allowed"),
		REFUSAL("\x01\x09"
			"f\x00\x00",
			"export 0 (\"\"): name at offset 1 says 9 bytes, but only 3 are left"),
		REFUSAL("\x01\x01\xC3\x00\x00", "name at offset 1 is not valid UTF-8"),
		REFUSAL("\x01\x02"
			"f\0\x00\x00",
			"name at offset 1 has a zero byte in it"),
		REFUSAL("\x01\x02"
			"fg",
			"export 0 (\"fg\"): kind at offset 4 is cut off"),
		REFUSAL("\x01\x01"
			"f\x05\x00",
			"export 0 (\"f\"): its kind is 5; 0 to 3 are known"),
		REFUSAL("\x01\x01"
			"f\x00\x80",
			"index at offset 4 is cut off"),
		REFUSAL("\x03\x01"
			"f\x00\x00\x01"
			"g\x00\x00\x01"
			"f\x00\x01",
			"\"f\" is exported twice"),
	};

	ASSERT_REFUSALS(wasm_section_exports, cases);
}

static void test_section_exports__keeps_the_ceiling_of_a_list(void)
{
	AUTO(wasm_module) struct wasm_module m = {0};
	AUTO(free) char *body = calloc(1, LIMIT_WASM_LIST_BYTES + 1);
	struct wasm_reader r = reader_of(body, LIMIT_WASM_LIST_BYTES + 1);
	struct err err = {0};

	CU_ASSERT_EQUAL(wasm_section_exports(&m, &r, &err), -1);
	CU_ASSERT_STRING_EQUAL(err.msg, "16777217 bytes; at most 16777216 are allowed");
	r.end--;
	CU_ASSERT_EQUAL(wasm_section_exports(&m, &r, &err), 0);
}

static void test_section_custom__knows_what_only_a_debugger_reads(void)
{
	static const struct {
		const char *name;
		bool debug;
	} cases[] = {
		{".debug_info", true},
		{".debug_str", true},
		{"reloc..debug_line", true},
		{"sourceMappingURL", true},
		{"external_debug_info", true},
		{"producers", false},
		{"target_features", false},
		{"precompiled_wee8", false},
		{"linking", false},
		{"reloc.CODE", false},
		{"debug_info", false},
		{"sourceMappingURLs", false},
		{"", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(buf) struct buf body = BUF_INIT(BUILD_MAX);
		struct wasm_section section = {0};
		struct err err = {0};

		build_name(&body, cases[i].name);
		build_bytes(&body, "\xFF\xFF", 2); /* its content is nobody's business */
		struct wasm_reader r = reader_of(body.data, body.len);

		CU_ASSERT_EQUAL(wasm_section_custom(&section, &r, &err), 0);
		CU_ASSERT_STRING_EQUAL(section.name, cases[i].name);
		CU_ASSERT_EQUAL(section.debug, cases[i].debug);
		CU_ASSERT_EQUAL(wasm_reader_left(&r), 0);
	}
}

/* The body of a "name" section with that content. */
#define NAMES(content) \
	"\x04"         \
	"name" content

static int read_custom(struct wasm_module *m, struct wasm_reader *r, struct err *err)
{
	struct wasm_section section = {0};

	(void)m;
	return wasm_section_custom(&section, r, err);
}

static void test_section_custom__says_what_is_wrong(void)
{
	static const struct refusal cases[] = {
		REFUSAL("", "name at offset 0 is cut off"),
		REFUSAL("\x02\xC3\x28", "name at offset 0 is not valid UTF-8"),
		REFUSAL(NAMES("\x00"), "\"name\": subsection 0 at offset 5: length at offset 6"),
		REFUSAL(NAMES("\x00\x02"
			      "a"),
			"subsection 0 at offset 5: it says 2 bytes, but only 1 are left"),
		REFUSAL(NAMES("\x01\x00"), "number of names at offset 7 is cut off"),
		REFUSAL(NAMES("\x01\x02\x01\x00"),
			"function name 0: function name at offset 9 is cut off"),
		REFUSAL(NAMES("\x01\x04\x01\x00\x05"
			      "a"),
			"function name 0: it says 5 bytes, but only 1 are left"),
		REFUSAL(NAMES("\x01\x05\x01\x00\x01"
			      "ab"),
			"function names leave 1 bytes over"),
	};

	ASSERT_REFUSALS(read_custom, cases);
}

static void test_section_custom__accepts_function_names(void)
{
	static const char body[] = NAMES("\x00\x02"
					 "xx"
					 "\x01\x04\x01\x00\x01"
					 "a");
	struct wasm_reader r = reader_of(body, sizeof(body) - 1);
	struct err err = {0};

	CU_ASSERT_EQUAL(read_custom(NULL, &r, &err), 0);
	CU_ASSERT_EQUAL(wasm_reader_left(&r), 0);
}

TEST_MAIN("section", TEST(test_section_imports__reads_each_kind_that_envoy_provides),
	TEST(test_section_imports__says_what_is_wrong),
	TEST(test_section_memories__reads_both_limits),
	TEST(test_section_memories__accepts_none_and_just_1_gib),
	TEST(test_section_memories__says_what_is_wrong),
	TEST(test_section_exports__reads_names_and_kinds),
	TEST(test_section_exports__says_what_is_wrong),
	TEST(test_section_exports__keeps_the_ceiling_of_a_list),
	TEST(test_section_custom__knows_what_only_a_debugger_reads),
	TEST(test_section_custom__says_what_is_wrong),
	TEST(test_section_custom__accepts_function_names))
