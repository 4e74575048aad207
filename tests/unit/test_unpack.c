/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/unpack.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/build_tar.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/test.h"

#define MODULE "a module"
#define OTHER "another"
#define SINK_BYTES (64 * LIMIT_KIB)

struct place {
	struct buf packed;
	int from;
	int to;
	struct sink sink;
};

static void place_init(struct place *p)
{
	*p = (struct place){.from = fixture_file(), .to = fixture_file()};
	buf_init(&p->packed, LIMIT_MODULE_BYTES);
	sink_init(&p->sink, p->to, SINK_BYTES);
}

static void auto_place(struct place *p)
{
	sink_clear(&p->sink);
	auto_fd(&p->from);
	auto_fd(&p->to);
	buf_clear(&p->packed);
}

static void add(struct place *p, const char *name, const char *text)
{
	tar_add_file(&p->packed, name, text, strlen(text));
}

/* Puts a gzip around what is packed so far. */
static void squeeze(struct place *p)
{
	AUTO(buf) struct buf plain = p->packed;

	buf_init(&p->packed, LIMIT_MODULE_BYTES);
	gzip_add(&p->packed, plain.data, plain.len);
}

static int run(struct place *p, struct err *err)
{
	struct err ignored;

	if (io_write(p->from, p->packed.data, p->packed.len, &ignored) < 0)
		abort();
	return unpack(p->from, &p->sink, err);
}

static void assert_gives(struct place *p, const char *text)
{
	struct err err = {0};
	struct digest got;
	struct digest want;

	if (run(p, &err) < 0)
		printf("\n  %s\n", err.msg);
	CU_ASSERT_EQUAL(err.code, ERR_NONE);
	CU_ASSERT_TRUE(fixture_file_is(p->to, text, strlen(text)));
	sink_finish(&p->sink, &got);
	digest_of(&want, text, strlen(text));
	CU_ASSERT_TRUE(digest_equal(&got, &want));
}

static void assert_refused(struct place *p, const char *words)
{
	struct err err = {0};

	CU_ASSERT_EQUAL(run(p, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, words);
}

static void test_unpack_wanted__knows_gzip_and_tar_by_their_start(void)
{
	AUTO(buf) struct buf tar = BUF_INIT(LIMIT_MIB);

	tar_add_file(&tar, "x", "x", 1);
	CU_ASSERT_TRUE(unpack_wanted("\x1f\x8b\x08", 3));
	CU_ASSERT_TRUE(unpack_wanted("\x1f\x8b", 2));
	CU_ASSERT_TRUE(unpack_wanted(tar.data, UNPACK_SNIFF_BYTES));
	CU_ASSERT_TRUE(unpack_wanted(tar.data, 262));
	CU_ASSERT_FALSE(unpack_wanted(tar.data, 261));
	CU_ASSERT_FALSE(unpack_wanted("\x1f", 1));
	CU_ASSERT_FALSE(unpack_wanted("", 0));
	CU_ASSERT_FALSE(unpack_wanted(fixture_module, fixture_module_size));
}

static void test_unpack_classify__looks_at_the_name_alone(void)
{
	static const struct {
		const char *name;
		enum unpack_kind kind;
	} table[] = {
		{"plugin.wasm", UNPACK_PLUGIN},
		{"./plugin.wasm", UNPACK_PLUGIN},
		{".///./plugin.wasm", UNPACK_PLUGIN},
		{"a/plugin.wasm", UNPACK_WASM},
		{"filter.wasm", UNPACK_WASM},
		{"a/b/..c/filter.wasm", UNPACK_WASM},
		{"...wasm", UNPACK_OTHER},
		{".wasm", UNPACK_OTHER},
		{"._plugin.wasm", UNPACK_OTHER},
		{"a/.wh.plugin.wasm", UNPACK_OTHER},
		{"plugin.wasm/", UNPACK_OTHER},
		{"plugin.wasm.gz", UNPACK_OTHER},
		{"README", UNPACK_OTHER},
		{"", UNPACK_OTHER},
		{"wasm", UNPACK_OTHER},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		enum unpack_kind kind = UNPACK_OTHER;
		struct err err = {0};

		CU_ASSERT_EQUAL(unpack_classify(&kind, table[i].name, &err), 0);
		if (kind != table[i].kind)
			printf("\n  %s\n", table[i].name);
		CU_ASSERT_EQUAL(kind, table[i].kind);
	}
}

static void test_unpack_classify__refuses_names_that_lead_out(void)
{
	static const char *const names[] = {"/plugin.wasm", "/", "..", "../plugin.wasm",
		"a/../plugin.wasm", "a/..", "./../x", "//x", "a//../x"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		enum unpack_kind kind = UNPACK_OTHER;
		struct err err = {0};

		CU_ASSERT_EQUAL(unpack_classify(&kind, names[i], &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
		ASSERT_HAS(err.msg, "leads out");
	}
}

static void test_unpack__opens_a_gzip(void)
{
	AUTO(place) struct place p = {0};

	place_init(&p);
	gzip_add(&p.packed, MODULE, strlen(MODULE));
	assert_gives(&p, MODULE);
}

static void test_unpack__opens_a_gzip_of_several_members(void)
{
	AUTO(place) struct place p = {0};

	place_init(&p);
	gzip_add(&p.packed, MODULE, 3);
	gzip_add(&p.packed, &MODULE[3], strlen(MODULE) - 3);
	assert_gives(&p, MODULE);
}

static void test_unpack__takes_plugin_wasm(void)
{
	for (int packed = 0; packed < 2; packed++) {
		AUTO(place) struct place p = {0};

		place_init(&p);
		add(&p, "before.wasm", OTHER);
		add(&p, "README", OTHER);
		add(&p, "./plugin.wasm", MODULE);
		add(&p, "behind.wasm", OTHER);
		tar_end(&p.packed);
		if (packed)
			squeeze(&p);
		assert_gives(&p, MODULE);
	}
}

static void test_unpack__takes_the_one_wasm(void)
{
	AUTO(place) struct place p = {0};
	const struct tar_entry folder = {.name = "lib.wasm/", .type = '5'};
	const struct tar_entry link = {.name = "alias.wasm", .type = '2', .link = "/etc/passwd"};

	place_init(&p);
	tar_add(&p.packed, &folder);
	tar_add(&p.packed, &link);
	add(&p, "lib/filter.wasm", MODULE);
	add(&p, "lib/._filter.wasm", OTHER);
	tar_end(&p.packed);
	squeeze(&p);
	assert_gives(&p, MODULE);
}

static void test_unpack__wants_to_know_which(void)
{
	AUTO(place) struct place p = {0};

	place_init(&p);
	add(&p, "a.wasm", MODULE);
	add(&p, "b.wasm", OTHER);
	add(&p, "c.wasm", OTHER);
	tar_end(&p.packed);
	assert_refused(&p, "holds \"a.wasm\" and \"b.wasm\", and no plugin.wasm");
}

static void test_unpack__refuses_a_second_plugin_wasm(void)
{
	AUTO(place) struct place p = {0};

	place_init(&p);
	add(&p, "plugin.wasm", MODULE);
	add(&p, "./plugin.wasm", OTHER);
	tar_end(&p.packed);
	assert_refused(&p, "plugin.wasm twice");
}

static void test_unpack__refuses_an_archive_without_a_module(void)
{
	AUTO(place) struct place p = {0};

	place_init(&p);
	add(&p, "README", MODULE);
	tar_end(&p.packed);
	assert_refused(&p, "neither plugin.wasm nor another *.wasm");
}

static void test_unpack__refuses_what_is_no_file(void)
{
	static const struct {
		char type;
		const char *words;
	} table[] = {{'1', "a hard link"}, {'2', "a symbolic link"}, {'3', "a device"},
		{'4', "a device"}, {'6', "a fifo"}};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		AUTO(place) struct place p = {0};
		const struct tar_entry entry = {
			.name = "plugin.wasm", .type = table[i].type, .link = "/etc/passwd"};

		place_init(&p);
		tar_add(&p.packed, &entry);
		tar_end(&p.packed);
		assert_refused(&p, table[i].words);
		CU_ASSERT_EQUAL(p.sink.size, 0);
	}
}

static void test_unpack__refuses_names_that_lead_out(void)
{
	static const char *const names[] = {
		"../plugin.wasm", "/plugin.wasm", "a/../../x", "/etc/x"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		AUTO(place) struct place p = {0};

		place_init(&p);
		add(&p, names[i], OTHER);
		add(&p, "plugin.wasm", MODULE);
		tar_end(&p.packed);
		assert_refused(&p, "leads out of it");
	}
}

static void test_unpack__does_not_believe_sizes(void)
{
	static const struct {
		uint64_t size;
		const char *words;
	} table[] = {
		{1ULL << 63,
			"is no whole gzip or tar"}, /* less than nothing, as libarchive has it */
		{(1ULL << 63) - 1, "is no whole gzip or tar"},
		{1ULL << 60, "1152921504606846976 bytes; a module may have at most 65536"},
		{SINK_BYTES + 1, "65537 bytes; a module may have at most 65536"},
		{SINK_BYTES, "is no whole gzip or tar"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		AUTO(place) struct place p = {0};
		const struct tar_entry entry = {.name = "plugin.wasm",
			.bytes = MODULE,
			.n = strlen(MODULE),
			.size = table[i].size};

		place_init(&p);
		tar_add(&p.packed, &entry);
		tar_end(&p.packed);
		assert_refused(&p, table[i].words);
	}
}

static void test_unpack__does_not_believe_the_sizes_of_others(void)
{
	AUTO(place) struct place p = {0};
	const struct tar_entry huge = {
		.name = "README", .bytes = OTHER, .n = strlen(OTHER), .size = (1ULL << 63) - 1};

	place_init(&p);
	tar_add(&p.packed, &huge);
	add(&p, "plugin.wasm", MODULE);
	tar_end(&p.packed);
	assert_refused(&p, "is no whole gzip or tar");
}

static void test_unpack__takes_just_what_is_allowed(void)
{
	AUTO(place) struct place p = {0};
	struct err err = {0};

	place_init(&p);
	gzip_add_run(&p.packed, SINK_BYTES);
	CU_ASSERT_EQUAL(run(&p, &err), 0);
	CU_ASSERT_EQUAL(p.sink.size, SINK_BYTES);
}

static void test_unpack__stops_a_bomb_with_an_error(void)
{
	AUTO(place) struct place p = {0};

	place_init(&p);
	gzip_add_run(&p.packed, 64 * LIMIT_MIB);
	assert_refused(&p, "more than 65536 bytes");
	CU_ASSERT_TRUE(p.sink.size <= SINK_BYTES);
}

/* What is not the module is not taken either, but would be unpacked all the same. */
static void test_unpack__stops_a_bomb_beside_the_module(void)
{
	AUTO(place) struct place p = {0};
	AUTO(free) char *bytes = xcalloc(1, 4 * LIMIT_MIB);

	place_init(&p);
	tar_add_file(&p.packed, "README", bytes, 4 * LIMIT_MIB);
	add(&p, "plugin.wasm", MODULE);
	tar_end(&p.packed);
	squeeze(&p);
	assert_refused(&p, "unpacks to more than");
}

static void test_unpack__refuses_what_is_compressed_twice(void)
{
	for (int n = 2; n <= 40; n += 19) {
		AUTO(place) struct place p = {0};

		place_init(&p);
		add(&p, "plugin.wasm", MODULE);
		tar_end(&p.packed);
		for (int i = 0; i < n; i++)
			squeeze(&p);
		assert_refused(&p, n < 20 ? "compressed more than once" : "");
	}
}

static void test_unpack__refuses_more_entries_than_anybody_needs(void)
{
	AUTO(place) struct place p = {0};
	struct buf *tar = &p.packed;

	place_init(&p);
	p.sink.max = LIMIT_MODULE_BYTES;
	for (int i = 0; i <= LIMIT_ARCHIVE_ENTRIES; i++)
		tar_add_file(tar, "x", "", 0);
	add(&p, "plugin.wasm", MODULE);
	assert_refused(&p, "more than 100000 entries");
}

static void test_unpack__refuses_what_is_cut(void)
{
	AUTO(place) struct place whole = {0};

	place_init(&whole);
	add(&whole, "plugin.wasm", MODULE);
	squeeze(&whole);
	for (size_t n = 2; n < whole.packed.len - 8; n++) { /* less the sums at its end */
		AUTO(place) struct place p = {0};
		struct err err = {0};

		place_init(&p);
		CU_ASSERT_EQUAL(buf_append(&p.packed, whole.packed.data, n, &err), 0);
		assert_refused(&p, "");
	}
}

/* Appends a record of a pax header, which begins with its own length. */
static void pax_add(struct buf *pax, const char *record)
{
	struct err err;
	size_t n = strlen(record) + 3; /* with blank, newline and one digit */

	n += n + 1 >= 10;
	CU_ASSERT_EQUAL_FATAL(buf_printf(pax, &err, "%zu %s\n", n, record), 0);
}

/* With a hole before its bytes, and with one behind them. */
static void test_unpack__refuses_sparse_files(void)
{
	static const char *const maps[] = {"GNU.sparse.map=50000,8", "GNU.sparse.map=0,8"};

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		AUTO(buf) struct buf pax = BUF_INIT(LIMIT_KIB);
		AUTO(place) struct place p = {0};
		struct tar_entry header = {.name = "h", .type = 'x'};

		pax_add(&pax, "GNU.sparse.major=0");
		pax_add(&pax, "GNU.sparse.minor=1");
		pax_add(&pax, "GNU.sparse.name=plugin.wasm");
		pax_add(&pax, "GNU.sparse.size=60000");
		pax_add(&pax, "GNU.sparse.numblocks=1");
		pax_add(&pax, maps[i]);
		header.bytes = pax.data;
		header.n = pax.len;
		place_init(&p);
		tar_add(&p.packed, &header);
		add(&p, "plugin.wasm", MODULE);
		tar_end(&p.packed);
		assert_refused(&p, "sparse");
	}
}

static void test_unpack__says_that_the_disk_is_full(void)
{
	AUTO(place) struct place p = {0};
	AUTO(fd) int full = fixture_full();
	struct err err = {0};

	place_init(&p);
	gzip_add(&p.packed, MODULE, strlen(MODULE));
	p.sink.fd = full;
	CU_ASSERT_EQUAL(run(&p, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_FULL);
}

static void test_unpack__tells_a_bad_disk_from_a_bad_archive(void)
{
	AUTO(place) struct place p = {0};
	AUTO(fixture_dir) char *folder = fixture_dir();
	AUTO(fd) int from = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* read(): EISDIR */
	struct err err = {0};

	place_init(&p);
	CU_ASSERT_EQUAL(unpack(from, &p.sink, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_TRANSIENT);
}

TEST_MAIN("unpack", TEST(test_unpack_wanted__knows_gzip_and_tar_by_their_start),
	TEST(test_unpack_classify__looks_at_the_name_alone),
	TEST(test_unpack_classify__refuses_names_that_lead_out), TEST(test_unpack__opens_a_gzip),
	TEST(test_unpack__opens_a_gzip_of_several_members), TEST(test_unpack__takes_plugin_wasm),
	TEST(test_unpack__takes_the_one_wasm), TEST(test_unpack__wants_to_know_which),
	TEST(test_unpack__refuses_a_second_plugin_wasm),
	TEST(test_unpack__refuses_an_archive_without_a_module),
	TEST(test_unpack__refuses_what_is_no_file), TEST(test_unpack__refuses_names_that_lead_out),
	TEST(test_unpack__does_not_believe_sizes),
	TEST(test_unpack__does_not_believe_the_sizes_of_others),
	TEST(test_unpack__takes_just_what_is_allowed),
	TEST(test_unpack__stops_a_bomb_with_an_error),
	TEST(test_unpack__stops_a_bomb_beside_the_module),
	TEST(test_unpack__refuses_what_is_compressed_twice),
	TEST(test_unpack__refuses_more_entries_than_anybody_needs),
	TEST(test_unpack__refuses_what_is_cut), TEST(test_unpack__refuses_sparse_files),
	TEST(test_unpack__says_that_the_disk_is_full),
	TEST(test_unpack__tells_a_bad_disk_from_a_bad_archive))
