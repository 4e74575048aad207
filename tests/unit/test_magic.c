/* SPDX-License-Identifier: Apache-2.0 */
#include "wasm/magic.h"

#include <sys/mman.h>

#include "base/limits.h"
#include "tests/unit/test.h"

static void test_magic_check__accepts_version_1(void)
{
	struct err err = {0};

	CU_ASSERT_EQUAL(wasm_magic_check((const uint8_t *)"\0asm\x01\0\0\0", 8, &err), 0);
}

static void test_magic_check__says_what_came_instead(void)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *message;
	} cases[] = {
#define CASE(text, message_part) {text, sizeof(text) - 1, message_part}
		CASE("", "empty: a WebAssembly module was expected"),
		CASE("\0as", "cut off after 3 bytes: a module's header alone has 8"),
		CASE("\0asm\x01\0\0", "cut off after 7 bytes: a module's header alone has 8"),
		CASE("<!DOCTYPE html><html>", "but an HTML or XML page"),
		CASE("\xEF\xBB\xBF\r\n <html>", "but an HTML or XML page"),
		CASE("<?xml version=\"1.0\"?><Error>", "but an HTML or XML page"),
		CASE("{\"errors\":[]}", "but a JSON document"),
		CASE("\n[1]", "but a JSON document"),
		CASE("\x1F\x8B\x08\0\0\0\0\0", "but gzip data"),
		CASE("\x28\xB5\x2F\xFD\0\0\0\0", "but zstd data"),
		CASE("PK\x03\x04\0\0\0\0", "but a zip archive"),
		CASE("\x7F"
		     "ELF\x02\x01\x01\0",
			"but an ELF program or library"),
		CASE("!<arch>\nlib.o/", "but an archive of object files"),
		CASE("version https://git-lfs.github.com/spec/v1\n", "but a Git LFS pointer"),
		CASE("(module)", "but WebAssembly text; compile it"),
		CASE(";; a filter\n(module)", "but WebAssembly text; compile it"),
		CASE("(; a filter ;) (module)", "but WebAssembly text; compile it"),
		CASE("(component)", "but WebAssembly text of a component"),
		CASE("\0asm\x0D\0\x01\0", "a component-model binary; Envoy runs core modules only"),
		CASE("\0asm\x02\0\0\0", "version bytes 02 00 00 00; Envoy runs version 1"),
		CASE("\0asm\x01\0\x02\0", "version bytes 01 00 02 00; Envoy runs version 1"),
		CASE("asm\0\x01\0\0\0", "it does not begin with the bytes 00 61 73 6d"),
		CASE("secret", "it does not begin with the bytes 00 61 73 6d"),
		CASE(" ", "it does not begin with the bytes 00 61 73 6d"),
#undef CASE
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {0};

		CU_ASSERT_EQUAL(
			wasm_magic_check((const uint8_t *)cases[i].bytes, cases[i].n, &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
		ASSERT_HAS(err.msg, cases[i].message);
	}
}

static void test_magic_check__knows_tar_by_its_offset(void)
{
	static const char magic[5] = {'u', 's', 't', 'a', 'r'};
	uint8_t block[512] = "filter.wasm";
	struct err err = {0};

	(void)memcpy(block + 257, magic, sizeof(magic));
	CU_ASSERT_EQUAL(wasm_magic_check(block, sizeof(block), &err), -1);
	ASSERT_HAS(err.msg, "but a tar archive; give the module itself");
	CU_ASSERT_EQUAL(wasm_magic_check(block, 261, &err), -1);
	ASSERT_HAS(err.msg, "it does not begin with");
}

static void test_magic_check__quotes_nothing_of_the_bytes(void)
{
	static const char secret[] = "{\"token\":\"hunter2\"}";
	struct err err = {0};

	CU_ASSERT_EQUAL(wasm_magic_check((const uint8_t *)secret, sizeof(secret) - 1, &err), -1);
	CU_ASSERT_PTR_NULL(strstr(err.msg, "hunter2"));
}

static void test_magic_check__keeps_the_ceiling_of_a_module(void)
{
	static const uint8_t header[] = {0, 'a', 's', 'm', 1, 0, 0, 0};
	size_t n = LIMIT_MODULE_BYTES + 1;
	uint8_t *bytes = mmap(NULL, n, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct err err = {0};

	CU_ASSERT_PTR_NOT_EQUAL_FATAL(bytes, MAP_FAILED);
	(void)memcpy(bytes, header, sizeof(header));
	CU_ASSERT_EQUAL(wasm_magic_check(bytes, n - 1, &err), 0);
	CU_ASSERT_EQUAL(wasm_magic_check(bytes, n, &err), -1);
	CU_ASSERT_STRING_EQUAL(err.msg, "268435457 bytes; a module may have at most 268435456");
	(void)munmap(bytes, n);
}

TEST_MAIN("magic", TEST(test_magic_check__accepts_version_1),
	TEST(test_magic_check__says_what_came_instead),
	TEST(test_magic_check__knows_tar_by_its_offset),
	TEST(test_magic_check__quotes_nothing_of_the_bytes),
	TEST(test_magic_check__keeps_the_ceiling_of_a_module))
