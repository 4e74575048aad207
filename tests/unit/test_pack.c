/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/pack.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/xalloc.h"
#include "fetch/unpack.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/test.h"

#define LARGE 300001 /* more than one chunk, and no whole number of tar's blocks */

/* A module of n bytes of some variety. */
static int file_of(char *bytes, size_t n)
{
	int fd = fixture_file();
	struct err err;

	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(i * i >> 3);
	CU_ASSERT_EQUAL_FATAL(io_write(fd, bytes, n, &err), 0);
	return fd;
}

/* Packs from, of n bytes, into to; returns the digest of the layer, and of the tar in it. */
static struct digest pack_into(int to, int from, size_t n, struct digest *tar)
{
	AUTO(sink) struct sink sink = {.fd = -1};
	struct digest layer = {.hex = ""};
	struct err err = {.msg = ""};

	sink_init(&sink, to, UINT64_MAX);
	CU_ASSERT_EQUAL_FATAL(pack(&sink, tar, from, n, &err), 0);
	sink_finish(&sink, &layer);
	return layer;
}

static void test_pack__is_what_unpack_takes(void)
{
	static const size_t sizes[] = {1, 511, 512, 513, LARGE};
	AUTO(free) char *bytes = xmalloc(LARGE);

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		AUTO(fd) int from = file_of(bytes, sizes[i]);
		AUTO(fd) int layer = fixture_file();
		AUTO(fd) int back = fixture_file();
		AUTO(sink) struct sink sink = {.fd = -1};
		struct digest tar;
		struct err err = {.msg = ""};

		(void)pack_into(layer, from, sizes[i], &tar);
		sink_init(&sink, back, LARGE);
		CU_ASSERT_EQUAL(unpack(layer, &sink, &err), 0);
		CU_ASSERT_STRING_EQUAL(err.msg, "");
		CU_ASSERT_TRUE(fixture_file_is(back, bytes, sizes[i]));
	}
}

static void test_pack__gives_the_same_bytes_each_time(void)
{
	AUTO(free) char *bytes = xmalloc(LARGE);
	AUTO(fd) int from = file_of(bytes, LARGE);
	AUTO(fd) int first = fixture_file();
	AUTO(fd) int second = fixture_file();
	struct digest first_tar;
	struct digest second_tar;
	struct digest layer = pack_into(first, from, LARGE, &first_tar);

	struct digest again = pack_into(second, from, LARGE, &second_tar);

	CU_ASSERT_TRUE(digest_equal(&layer, &again));
	CU_ASSERT_TRUE(digest_equal(&first_tar, &second_tar));
	CU_ASSERT_FALSE(digest_equal(&layer, &first_tar));
}

static void test_pack__takes_no_module_that_became_shorter(void)
{
	AUTO(free) char *bytes = xmalloc(LARGE);
	AUTO(fd) int from = file_of(bytes, LARGE);
	AUTO(fd) int to = fixture_file();
	AUTO(sink) struct sink sink = {.fd = -1};
	struct digest tar;
	struct err err = {.msg = ""};

	sink_init(&sink, to, UINT64_MAX);
	CU_ASSERT_EQUAL(pack(&sink, &tar, from, LARGE + 1, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_TRANSIENT);
	ASSERT_HAS(err.msg, "shorter");
}

static void test_pack__passes_on_why_it_cannot_write(void)
{
	AUTO(free) char *bytes = xmalloc(LARGE);
	AUTO(fd) int from = file_of(bytes, LARGE);
	AUTO(fd) int to = open("/dev/full", O_RDWR | O_CLOEXEC);
	AUTO(sink) struct sink sink = {.fd = -1};
	struct digest tar;
	struct err err = {.msg = ""};

	sink_init(&sink, to, UINT64_MAX);
	CU_ASSERT_EQUAL(pack(&sink, &tar, from, LARGE, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_FULL);
}

TEST_MAIN("pack", TEST(test_pack__is_what_unpack_takes),
	TEST(test_pack__gives_the_same_bytes_each_time),
	TEST(test_pack__takes_no_module_that_became_shorter),
	TEST(test_pack__passes_on_why_it_cannot_write))
