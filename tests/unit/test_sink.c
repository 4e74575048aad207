/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/sink.h"

#include <fcntl.h>
#include <string.h>

#include "base/auto.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/test.h"

static void test_sink_write__hashes_what_it_writes(void)
{
	AUTO(fd) int fd = fixture_file();
	AUTO(sink) struct sink s = {.fd = -1};
	struct digest got;
	struct digest want;
	struct err err = {0};

	sink_init(&s, fd, 100);
	CU_ASSERT_EQUAL(sink_write(&s, "hel", 3, &err), 0);
	CU_ASSERT_EQUAL(sink_write(&s, "lo", 2, &err), 0);
	sink_finish(&s, &got);
	digest_of(&want, "hello", 5);
	CU_ASSERT_TRUE(digest_equal(&got, &want));
	CU_ASSERT_EQUAL(s.size, 5);
	CU_ASSERT_TRUE(fixture_file_is(fd, "hello", 5));
}

static void test_sink_write__takes_what_just_fits(void)
{
	AUTO(fd) int fd = fixture_file();
	AUTO(sink) struct sink s = {.fd = -1};
	struct err err = {0};

	sink_init(&s, fd, 5);
	CU_ASSERT_EQUAL(sink_write(&s, "hello", 5, &err), 0);
	CU_ASSERT_EQUAL(sink_write(&s, "", 0, &err), 0);
}

static void test_sink_write__refuses_one_byte_over_the_ceiling(void)
{
	AUTO(fd) int fd = fixture_file();
	AUTO(sink) struct sink s = {.fd = -1};
	struct err err = {0};

	sink_init(&s, fd, 5);
	CU_ASSERT_EQUAL(sink_write(&s, "hell", 4, &err), 0);
	CU_ASSERT_EQUAL(sink_write(&s, "o!", 2, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, "more than 5 bytes");
	CU_ASSERT_TRUE(fixture_file_is(fd, "hell", 4));
}

static void test_sink_write__says_that_the_disk_is_full(void)
{
	AUTO(fd) int fd = open("/dev/full", O_RDWR | O_CLOEXEC);
	AUTO(sink) struct sink s = {.fd = -1};
	struct err err = {0};

	sink_init(&s, fd, 5);
	CU_ASSERT_EQUAL(sink_write(&s, "hello", 5, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_FULL);
}

static void test_sink_restart__forgets_bytes_size_and_digest(void)
{
	AUTO(fd) int fd = fixture_file();
	AUTO(sink) struct sink s = {.fd = -1};
	struct digest got;
	struct digest want;
	struct err err = {0};

	sink_init(&s, fd, 5);
	CU_ASSERT_EQUAL(sink_write(&s, "wrong", 5, &err), 0);
	CU_ASSERT_EQUAL(sink_restart(&s, &err), 0);
	CU_ASSERT_EQUAL(s.size, 0);
	CU_ASSERT_EQUAL(sink_write(&s, "yes", 3, &err), 0);
	sink_finish(&s, &got);
	digest_of(&want, "yes", 3);
	CU_ASSERT_TRUE(digest_equal(&got, &want));
	CU_ASSERT_TRUE(fixture_file_is(fd, "yes", 3));
}

static void test_sink_restart__follows_sink_finish(void)
{
	AUTO(fd) int fd = fixture_file();
	AUTO(sink) struct sink s = {.fd = -1};
	struct digest first;
	struct digest again;
	struct err err = {0};

	sink_init(&s, fd, 5);
	CU_ASSERT_EQUAL(sink_write(&s, "same", 4, &err), 0);
	sink_finish(&s, &first);
	CU_ASSERT_EQUAL(sink_restart(&s, &err), 0);
	CU_ASSERT_EQUAL(sink_write(&s, "same", 4, &err), 0);
	sink_finish(&s, &again);
	CU_ASSERT_TRUE(digest_equal(&first, &again));
}

static void test_sink_restart__reports_a_file_that_cannot_be_emptied(void)
{
	AUTO(fd) int fd = open("/dev/full", O_RDWR | O_CLOEXEC);
	AUTO(sink) struct sink s = {.fd = -1};
	struct err err = {0};

	sink_init(&s, fd, 5);
	CU_ASSERT_EQUAL(sink_restart(&s, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_TRANSIENT);
}

TEST_MAIN("sink", TEST(test_sink_write__hashes_what_it_writes),
	TEST(test_sink_write__takes_what_just_fits),
	TEST(test_sink_write__refuses_one_byte_over_the_ceiling),
	TEST(test_sink_write__says_that_the_disk_is_full),
	TEST(test_sink_restart__forgets_bytes_size_and_digest),
	TEST(test_sink_restart__follows_sink_finish),
	TEST(test_sink_restart__reports_a_file_that_cannot_be_emptied))
