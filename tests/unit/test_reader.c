/* SPDX-License-Identifier: Apache-2.0 */
#include "wasm/reader.h"

#include "tests/unit/test.h"

#define READER(text)                                                               \
	{                                                                          \
		.bytes = (const uint8_t *)(text), .at = 0, .end = sizeof(text) - 1 \
	}

static void test_reader_u8__reads_to_the_end_and_not_past_it(void)
{
	struct wasm_reader r = READER("\x2A");
	struct err err = {0};
	uint8_t byte = 0;

	CU_ASSERT_EQUAL(wasm_reader_u8(&r, &byte, "kind", &err), 0);
	CU_ASSERT_EQUAL(byte, 0x2A);
	CU_ASSERT_EQUAL(wasm_reader_u8(&r, &byte, "kind", &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	CU_ASSERT_STRING_EQUAL(err.msg, "kind at offset 1 is cut off");
}

static void test_reader_u32__reads_each_length(void)
{
	static const struct {
		const char *bytes;
		size_t n;
		uint32_t value;
	} cases[] = {
		{"\x00", 1, 0},
		{"\x7F", 1, 127},
		{"\x80\x01", 2, 128},
		{"\xE5\x8E\x26", 3, 624485},
		{"\x80\x80\x80\x80\x00", 5, 0}, /* padded, as linkers do */
		{"\xFF\xFF\xFF\xFF\x0F", 5, UINT32_MAX},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wasm_reader r = {
			.bytes = (const uint8_t *)cases[i].bytes, .end = cases[i].n};
		struct err err = {0};
		uint32_t value = 1;

		CU_ASSERT_EQUAL(wasm_reader_u32(&r, &value, "length", &err), 0);
		CU_ASSERT_EQUAL(value, cases[i].value);
		CU_ASSERT_EQUAL(r.at, cases[i].n);
	}
}

static void test_reader_u32__refuses_and_stays_where_it_was(void)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *message;
	} cases[] = {
		{"", 0, "length at offset 0 is cut off"},
		{"\x80\x80", 2, "length at offset 0 is cut off"},
		{"\xFF\xFF\xFF\xFF\x10", 5, "length at offset 0 is a LEB128 number over 32 bits"},
		{"\x80\x80\x80\x80\x70", 5, "length at offset 0 is a LEB128 number over 32 bits"},
		{"\x80\x80\x80\x80\x80\x00", 6,
			"length at offset 0 is a LEB128 number over 5 bytes"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wasm_reader r = {
			.bytes = (const uint8_t *)cases[i].bytes, .end = cases[i].n};
		struct err err = {0};
		uint32_t value = 1;

		CU_ASSERT_EQUAL(wasm_reader_u32(&r, &value, "length", &err), -1);
		CU_ASSERT_STRING_EQUAL(err.msg, cases[i].message);
		CU_ASSERT_EQUAL(r.at, 0);
		CU_ASSERT_EQUAL(value, 1);
	}
}

static void test_reader_name__reads_utf8(void)
{
	struct wasm_reader r = READER("\x03"
				      "m\xC3\xA9");
	struct wasm_text name = {0};
	struct err err = {0};

	CU_ASSERT_EQUAL(wasm_reader_name(&r, &name, "name", &err), 0);
	CU_ASSERT_TRUE(wasm_text_is(&name, "m\xC3\xA9"));
	CU_ASSERT_FALSE(wasm_text_is(&name, "m"));
	CU_ASSERT_TRUE(wasm_text_begins(&name, "m"));
	CU_ASSERT_FALSE(wasm_text_begins(&name, "memory"));
	CU_ASSERT_EQUAL(wasm_reader_left(&r), 0);
}

static void test_reader_name__refuses_and_stays_where_it_was(void)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *message;
	} cases[] = {
		{"\x04"
		 "abc",
			4, "name at offset 0 says 4 bytes, but only 3 are left"},
		{"\xFF\xFF\xFF\xFF\x0F", 5,
			"name at offset 0 says 4294967295 bytes, but only 0 are left"},
		{"\x02\xC3\x28", 3, "name at offset 0 is not valid UTF-8"},
		{"\x03\xED\xA0\x80", 4, "name at offset 0 is not valid UTF-8"}, /* a surrogate */
		{"", 0, "name at offset 0 is cut off"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wasm_reader r = {
			.bytes = (const uint8_t *)cases[i].bytes, .end = cases[i].n};
		struct wasm_text name = {0};
		struct err err = {0};

		CU_ASSERT_EQUAL(wasm_reader_name(&r, &name, "name", &err), -1);
		CU_ASSERT_STRING_EQUAL(err.msg, cases[i].message);
		CU_ASSERT_EQUAL(r.at, 0);
	}
}

static void test_reader_name__keeps_its_ceiling(void)
{
	static uint8_t bytes[3 + 65537];
	struct wasm_reader r = {.bytes = bytes, .end = sizeof(bytes)};
	struct wasm_text name = {0};
	struct err err = {0};

	(void)memset(bytes, 'a', sizeof(bytes));
	bytes[0] = 0x80; /* 80 80 04: 65536 */
	bytes[1] = 0x80;
	bytes[2] = 0x04;
	CU_ASSERT_EQUAL(wasm_reader_name(&r, &name, "name", &err), 0);
	CU_ASSERT_EQUAL(name.n, 65536);

	r.at = 0;
	bytes[0] = 0x81;
	CU_ASSERT_EQUAL(wasm_reader_name(&r, &name, "name", &err), -1);
	CU_ASSERT_STRING_EQUAL(
		err.msg, "name at offset 0 has 65537 bytes; at most 65536 are allowed");
}

static void test_reader_part__is_bounded_and_keeps_offsets(void)
{
	struct wasm_reader r = READER("abcd");
	struct wasm_reader part = {0};
	struct err err = {0};
	uint8_t byte = 0;

	CU_ASSERT_EQUAL(wasm_reader_u8(&r, &byte, "byte", &err), 0);
	CU_ASSERT_EQUAL(wasm_reader_part(&r, &part, 4, &err), -1);
	CU_ASSERT_STRING_EQUAL(err.msg, "it says 4 bytes, but only 3 are left");
	CU_ASSERT_EQUAL(wasm_reader_part(&r, &part, 1, &err), 0);
	CU_ASSERT_EQUAL(wasm_reader_left(&r), 2);
	CU_ASSERT_EQUAL(wasm_reader_u8(&part, &byte, "byte", &err), 0);
	CU_ASSERT_EQUAL(byte, 'b');
	CU_ASSERT_EQUAL(wasm_reader_u8(&part, &byte, "byte", &err), -1);
	CU_ASSERT_STRING_EQUAL(err.msg, "byte at offset 2 is cut off");
}

static void test_text_show__hides_control_bytes_and_cuts_between_characters(void)
{
	/* The 63rd byte is the first half of a character. */
	static const char wide[] = "0123456789012345678901234567890123456789"
				   "0123456789012345678901\xC3\xA9 and more";
	struct wasm_text control = {.bytes = "a\nb\x7F\0c", .n = 6};
	struct wasm_text cut = {.bytes = wide, .n = sizeof(wide) - 1};
	char shown[WASM_SHOWN_BYTES];

	wasm_text_show(shown, &control);
	CU_ASSERT_STRING_EQUAL(shown, "a?b??c");
	wasm_text_show(shown, &cut);
	CU_ASSERT_EQUAL(strlen(shown), 62);
	CU_ASSERT_NSTRING_EQUAL(shown, wide, 62);
}

TEST_MAIN("reader", TEST(test_reader_u8__reads_to_the_end_and_not_past_it),
	TEST(test_reader_u32__reads_each_length),
	TEST(test_reader_u32__refuses_and_stays_where_it_was), TEST(test_reader_name__reads_utf8),
	TEST(test_reader_name__refuses_and_stays_where_it_was),
	TEST(test_reader_name__keeps_its_ceiling),
	TEST(test_reader_part__is_bounded_and_keeps_offsets),
	TEST(test_text_show__hides_control_bytes_and_cuts_between_characters))
