/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/gather.h"

#include "base/auto.h"
#include "base/lend.h"
#include "proto/xds.pb-c.h"
#include "tests/unit/test.h"

#define CEILING 4096

/* An Any between two other fields: a Delta resource, whose value stands at data. */
struct message {
	Wasmxds__Xds__Any any;
	Wasmxds__Xds__Resource resource;
};

static void fill(struct message *m, const void *data, size_t len)
{
	wasmxds__xds__any__init(&m->any);
	wasmxds__xds__resource__init(&m->resource);
	m->any.type_url = lend("type");
	m->any.value.data = lend(data);
	m->any.value.len = len;
	m->resource.version = lend("v1");
	m->resource.resource = &m->any;
	m->resource.name = lend("a/1");
}

static void test_gather_pack__leaves_out_what_stands_at_the_mark(void)
{
	AUTO(buf) struct buf head = BUF_INIT(CEILING);
	AUTO(buf) struct buf tail = BUF_INIT(CEILING);
	struct message m;
	uint8_t mark = 0;
	uint8_t whole[256];
	size_t n;
	struct err err;

	fill(&m, "0123456789", 10);
	n = protobuf_c_message_pack(&m.resource.base, whole);
	fill(&m, &mark, 10);
	CU_ASSERT_EQUAL(gather_pack(&m.resource.base, &mark, &head, &tail, &err), 0);
	CU_ASSERT_EQUAL_FATAL(head.len + 10 + tail.len, n);
	CU_ASSERT_EQUAL(memcmp(whole, head.data, head.len), 0);
	CU_ASSERT_EQUAL(memcmp(whole + head.len, "0123456789", 10), 0);
	CU_ASSERT_EQUAL(memcmp(whole + head.len + 10, tail.data, tail.len), 0);
}

static void test_gather_pack__appends_to_what_is_there(void)
{
	AUTO(buf) struct buf head = BUF_INIT(CEILING);
	AUTO(buf) struct buf tail = BUF_INIT(CEILING);
	struct message m;
	uint8_t mark = 0;
	struct err err;

	CU_ASSERT_EQUAL(buf_append(&head, "H", 1, &err), 0);
	CU_ASSERT_EQUAL(buf_append(&tail, "T", 1, &err), 0);
	fill(&m, &mark, 1);
	CU_ASSERT_EQUAL(gather_pack(&m.resource.base, &mark, &head, &tail, &err), 0);
	CU_ASSERT_EQUAL(head.data[0], 'H');
	CU_ASSERT_STRING_EQUAL(buf_text(&tail), "T\x1a\x03"
						"a/1");
}

static void test_gather_pack__puts_all_into_head_where_nothing_is_marked(void)
{
	AUTO(buf) struct buf head = BUF_INIT(CEILING);
	AUTO(buf) struct buf tail = BUF_INIT(CEILING);
	struct message m;
	uint8_t mark = 0;
	uint8_t whole[256];
	size_t n;
	struct err err;

	fill(&m, "0123456789", 10);
	n = protobuf_c_message_pack(&m.resource.base, whole);
	CU_ASSERT_EQUAL(gather_pack(&m.resource.base, &mark, &head, &tail, &err), 0);
	CU_ASSERT_EQUAL(gather_pack(&m.resource.base, NULL, &head, &tail, &err), 0);
	CU_ASSERT_EQUAL_FATAL(head.len, 2 * n);
	CU_ASSERT_EQUAL(memcmp(whole, head.data, n), 0);
	CU_ASSERT_EQUAL(memcmp(whole, head.data + n, n), 0);
	CU_ASSERT_EQUAL(tail.len, 0);
}

/* The data may be far larger than either ceiling: it is never appended. */
static void test_gather_pack__counts_no_marked_byte(void)
{
	AUTO(buf) struct buf head = BUF_INIT(CEILING);
	AUTO(buf) struct buf tail = BUF_INIT(CEILING);
	struct message m;
	uint8_t mark = 0;
	struct err err;

	fill(&m, &mark, (size_t)1 << 30);
	CU_ASSERT_EQUAL(gather_pack(&m.resource.base, &mark, &head, &tail, &err), 0);
	CU_ASSERT_EQUAL(head.len + tail.len + ((size_t)1 << 30),
		protobuf_c_message_get_packed_size(&m.resource.base));
}

static enum err_code pack_below(size_t head_max, size_t tail_max)
{
	AUTO(buf) struct buf head = BUF_INIT(head_max);
	AUTO(buf) struct buf tail = BUF_INIT(tail_max);
	struct err err = {.code = ERR_NONE};
	struct message m;
	uint8_t mark = 0;

	fill(&m, &mark, 10);
	if (gather_pack(&m.resource.base, &mark, &head, &tail, &err) == 0)
		return ERR_NONE;
	CU_ASSERT_STRING_NOT_EQUAL(err.msg, "");
	CU_ASSERT_TRUE(head.len <= head_max && tail.len <= tail_max);
	return err.code;
}

static void test_gather_pack__keeps_both_ceilings(void)
{
	CU_ASSERT_EQUAL(pack_below(14, 5), ERR_NONE);
	for (size_t max = 0; max < 14; max++)
		CU_ASSERT_EQUAL(pack_below(max, 5), ERR_INVALID);
	for (size_t max = 0; max < 5; max++)
		CU_ASSERT_EQUAL(pack_below(14, max), ERR_INVALID);
}

TEST_MAIN("gather", TEST(test_gather_pack__leaves_out_what_stands_at_the_mark),
	TEST(test_gather_pack__appends_to_what_is_there),
	TEST(test_gather_pack__puts_all_into_head_where_nothing_is_marked),
	TEST(test_gather_pack__counts_no_marked_byte), TEST(test_gather_pack__keeps_both_ceilings))
