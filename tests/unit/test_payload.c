/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/payload.h"

#include "base/auto.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

static void test_payload_new__takes_over_what_the_record_owns(void)
{
	AUTO(record) struct record r = RECORD_INIT;
	struct err err;

	r.name = xstrdup("a/1");
	CU_ASSERT_EQUAL(buf_append(&r.head, "head", 4, &err), 0);
	AUTO(payload) struct payload *p = payload_new(&r);

	CU_ASSERT_PTR_NULL(r.name);
	CU_ASSERT_PTR_NULL(r.head.data);
	CU_ASSERT_STRING_EQUAL(payload_record(p)->name, "a/1");
	CU_ASSERT_STRING_EQUAL(buf_text(&payload_record(p)->head), "head");
	CU_ASSERT_EQUAL(buf_append(&r.head, "used again", 10, &err), 0);
	CU_ASSERT_STRING_EQUAL(buf_text(&payload_record(p)->head), "head");
}

/* A sanitizer sees it where the record goes with the first reference, or stays after the last. */
static void test_payload_unref__frees_with_the_last_reference(void)
{
	AUTO(record) struct record r = RECORD_INIT;
	struct payload *p;

	r.name = xstrdup("a/1");
	p = payload_new(&r);
	CU_ASSERT_PTR_EQUAL(payload_ref(p), p);
	CU_ASSERT_PTR_EQUAL(payload_ref(p), p);
	payload_unref(p);
	payload_unref(p);
	CU_ASSERT_STRING_EQUAL(payload_record(p)->name, "a/1");
	payload_unref(p);
	payload_unref(NULL);
}

TEST_MAIN("payload", TEST(test_payload_new__takes_over_what_the_record_owns),
	TEST(test_payload_unref__frees_with_the_last_reference))
