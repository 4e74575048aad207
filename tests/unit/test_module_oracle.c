/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/test_module_oracle.c - holds the parser's verdict against wasm-validate (wabt), on the
 * example filter and on mutations of its sections.  Needs both: it fails where one is missing.
 */
#include "wasm/module.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/io.h"
#include "tests/unit/build_wasm.h"
#include "tests/unit/test.h"

#define FILTER "build/filters/header-filter.wasm" /* make build/filters/header-filter.wasm */

/* The example filter, and where its sections stand. */
struct subject {
	struct buf bytes;
	struct wasm_module module;
};

static void auto_subject(struct subject *s)
{
	wasm_module_clear(&s->module);
	buf_clear(&s->bytes);
}

static const uint8_t *at(const struct buf *b, size_t offset)
{
	return (const uint8_t *)b->data + offset;
}

static bool subject_open(struct subject *s)
{
	struct err err = {0};

	buf_init(&s->bytes, BUILD_MAX);
	if (io_read_file(AT_FDCWD, FILTER, &s->bytes, &err) < 0 ||
		wasm_module_parse(&s->module, at(&s->bytes, 0), s->bytes.len, &err) < 0) {
		(void)printf("\n  %s\n", err.msg);
		return false;
	}
	return true;
}

/* Runs wasm-validate over the bytes: 0 it accepts, 1 it refuses, anything else it did not run. */
static int ask_oracle(const struct buf *b)
{
	char tool[] = "wasm-validate";
	char name[32];
	char *argv[] = {tool, name, NULL};
	AUTO(fd) int fd = memfd_create("mutant", 0); /* for the child too */
	posix_spawn_file_actions_t actions;
	struct err err = {0};
	pid_t pid = -1;
	int status = -1;

	if (io_write(fd, b->data, b->len, &err) < 0)
		return -1;
	(void)snprintf(name, sizeof(name), "/dev/fd/%d", fd);
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	(void)posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, tool, &actions, NULL, argv, environ) == 0)
		(void)waitpid(pid, &status, 0);
	(void)posix_spawn_file_actions_destroy(&actions);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Asserts that both say the same of those bytes; what and where name the mutation. */
static void assert_verdict(const struct buf *b, bool accepted, const char *what, size_t where)
{
	AUTO(wasm_module) struct wasm_module m = {0};
	struct err err = {0};
	bool ours = wasm_module_parse(&m, at(b, 0), b->len, &err) == 0;
	int theirs = ask_oracle(b);

	if (ours != accepted || theirs != !accepted)
		(void)printf("\n  %s, %zu: ours %d (%s), wasm-validate's exit %d\n", what, where,
			ours, err.msg, theirs);
	CU_ASSERT_EQUAL(ours, accepted);
	CU_ASSERT_EQUAL(theirs, !accepted);
}

/* Copies the subject, with n bytes at offset replaced by those of with. */
static void replace(
	struct buf *out, const struct buf *in, size_t offset, size_t n, const struct buf *with)
{
	build_bytes(out, in->data, offset);
	build_bytes(out, buf_text(with), with->len);
	build_bytes(out, in->data + offset + n, in->len - offset - n);
}

/* How many bytes the length of a section takes. */
static size_t length_bytes(const struct subject *s, const struct wasm_section *section)
{
	size_t n = 1;

	while (*at(&s->bytes, section->offset + n) & 0x80)
		n++;
	return n;
}

static void test_module_parse__accepts_what_the_oracle_accepts(void)
{
	AUTO(subject) struct subject s = {0};
	AUTO(buf) struct buf smallest = BUF_INIT(BUILD_MAX);

	CU_ASSERT_TRUE_FATAL(subject_open(&s));
	assert_verdict(&s.bytes, true, "the example filter", 0);
	build_filter(&smallest);
	assert_verdict(&smallest, true, "the smallest filter", 0);
}

static void test_module_parse__accepts_custom_sections_between_all_others(void)
{
	static const char *const names[] = {".debug_info", "producers", "sourceMappingURL", ""};
	AUTO(subject) struct subject s = {0};

	CU_ASSERT_TRUE_FATAL(subject_open(&s));
	for (size_t i = 0; i < s.module.n_sections; i++) {
		AUTO(buf) struct buf custom = BUF_INIT(BUILD_MAX);
		AUTO(buf) struct buf mutant = BUF_INIT(BUILD_MAX);

		build_custom(&custom, names[i % 4], 100 * i);
		replace(&mutant, &s.bytes, s.module.sections[i].offset, 0, &custom);
		assert_verdict(&mutant, true, "custom section before section", i);
	}
}

static void test_module_parse__refuses_truncations(void)
{
	AUTO(subject) struct subject s = {0};

	CU_ASSERT_TRUE_FATAL(subject_open(&s));
	const struct wasm_section *section = s.module.sections;
	const size_t step = s.bytes.len / 128 + 1;

	for (size_t n = 1; n < s.bytes.len; n += step) {
		AUTO(buf) struct buf mutant = BUF_INIT(BUILD_MAX);

		while (section->offset + section->size < n)
			section++;
		if (n == section->offset || n == section->offset + section->size)
			continue; /* a module still, if not always a whole one */
		build_bytes(&mutant, s.bytes.data, n);
		assert_verdict(&mutant, false, "cut off at", n);
	}
}

static void test_module_parse__agrees_on_every_header_bit(void)
{
	AUTO(subject) struct subject s = {0};

	CU_ASSERT_TRUE_FATAL(subject_open(&s));
	for (size_t bit = 0; bit < 64; bit++) {
		AUTO(buf) struct buf mutant = BUF_INIT(BUILD_MAX);

		build_bytes(&mutant, s.bytes.data, s.bytes.len);
		mutant.data[bit / 8] = (char)(mutant.data[bit / 8] ^ 1 << bit % 8);
		assert_verdict(&mutant, false, "header bit", bit);
	}
}

/* The lengths of all sections, written in other ways. */
static void assert_lengths(const char *bytes, size_t n, bool keep_value, const char *what)
{
	AUTO(subject) struct subject s = {0};

	CU_ASSERT_TRUE_FATAL(subject_open(&s));
	for (size_t i = 0; i < s.module.n_sections; i++) {
		const struct wasm_section *section = &s.module.sections[i];
		size_t old = length_bytes(&s, section);
		uint32_t value = (uint32_t)(section->size - 1 - old);
		AUTO(buf) struct buf length = BUF_INIT(BUILD_MAX);
		AUTO(buf) struct buf mutant = BUF_INIT(BUILD_MAX);

		build_bytes(&length, bytes, n);
		for (size_t k = 0; keep_value && k < 4; k++)
			length.data[k] = (char)((value >> 7 * k & 0x7F) | 0x80);
		replace(&mutant, &s.bytes, section->offset + 1, old, &length);
		assert_verdict(&mutant, keep_value && n == 5 && bytes[4] == 0, what, i);
	}
}

static void test_module_parse__agrees_on_the_lengths_of_sections(void)
{
	assert_lengths("\x80\x80\x80\x80\x00", 5, true, "padded to five bytes, section");
	assert_lengths("\x80\x80\x80\x80\x80\x00", 6, true, "padded to six bytes, section");
	assert_lengths("\x80\x80\x80\x80\x10", 5, true, "bit 32 set, section");
	assert_lengths("\xFF\xFF\xFF\xFF\x0F", 5, false, "4 GiB - 1, section");
	assert_lengths("\xFF\xFF\x7F", 3, false, "2 MiB - 1, section");
	assert_lengths("\x00", 1, false, "empty, section");
}

static void test_module_parse__refuses_sections_twice_and_out_of_order(void)
{
	AUTO(subject) struct subject s = {0};

	CU_ASSERT_TRUE_FATAL(subject_open(&s));
	for (size_t i = 0; i < s.module.n_sections; i++) {
		const struct wasm_section *section = &s.module.sections[i];
		bool custom = section->id == 0;
		AUTO(buf) struct buf copy = BUF_INIT(BUILD_MAX);
		AUTO(buf) struct buf twice = BUF_INIT(BUILD_MAX);
		AUTO(buf) struct buf behind = BUF_INIT(BUILD_MAX);

		build_bytes(&copy, at(&s.bytes, section->offset), section->size);
		replace(&twice, &s.bytes, section->offset, 0, &copy);
		assert_verdict(&twice, custom, "twice in a row, section", i);
		replace(&behind, &s.bytes, s.bytes.len, 0, &copy);
		assert_verdict(&behind, custom, "again at the end, section", i);
	}
}

static void test_module_parse__refuses_sections_of_unknown_kinds(void)
{
	static const uint8_t ids[] = {14, 15, 63, 64, 127, 128, 255};
	AUTO(subject) struct subject s = {0};

	CU_ASSERT_TRUE_FATAL(subject_open(&s));
	for (size_t i = 0; i < sizeof(ids); i++) {
		AUTO(buf) struct buf unknown = BUF_INIT(BUILD_MAX);
		AUTO(buf) struct buf mutant = BUF_INIT(BUILD_MAX);

		build_bytes(&unknown, &ids[i], 1);
		build_u32(&unknown, 0);
		replace(&mutant, &s.bytes, s.bytes.len, 0, &unknown);
		assert_verdict(&mutant, false, "section id", ids[i]);
	}
}

/* A byte 0xFF ends no LEB128 number, is no kind, and stands in no UTF-8: where it comes into an
 * import or an export, both must notice. */
static void test_module_parse__refuses_broken_imports_and_exports(void)
{
	AUTO(subject) struct subject s = {0};
	size_t mutants = 0;

	CU_ASSERT_TRUE_FATAL(subject_open(&s));
	for (size_t i = 0; i < s.module.n_sections; i++) {
		const struct wasm_section *section = &s.module.sections[i];

		if (section->id != 2 && section->id != 7)
			continue;
		for (size_t k = 1 + length_bytes(&s, section); k < section->size; k++) {
			AUTO(buf) struct buf mutant = BUF_INIT(BUILD_MAX);

			build_bytes(&mutant, s.bytes.data, s.bytes.len);
			mutant.data[section->offset + k] = (char)0xFF;
			assert_verdict(&mutant, false, "0xFF at", section->offset + k);
			mutants++;
		}
	}
	CU_ASSERT_TRUE(mutants > 100);
}

TEST_MAIN("module oracle", TEST(test_module_parse__accepts_what_the_oracle_accepts),
	TEST(test_module_parse__accepts_custom_sections_between_all_others),
	TEST(test_module_parse__refuses_truncations),
	TEST(test_module_parse__agrees_on_every_header_bit),
	TEST(test_module_parse__agrees_on_the_lengths_of_sections),
	TEST(test_module_parse__refuses_sections_twice_and_out_of_order),
	TEST(test_module_parse__refuses_sections_of_unknown_kinds),
	TEST(test_module_parse__refuses_broken_imports_and_exports))
