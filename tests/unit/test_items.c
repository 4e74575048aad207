/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/items.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

static int note(void *arg, const char *text, size_t n, struct err *err)
{
	return buf_printf(arg, err, "<%.*s>", (int)n, text);
}

/* Takes the list in parts of so many bytes, and compares the items and what is left. */
static void expect_cut(const char *list, size_t part, const char *items, const char *head)
{
	AUTO(items) struct items it;
	AUTO(buf) struct buf noted = BUF_INIT(LIMIT_MIB);
	struct err err = {.code = ERR_NONE};
	size_t len = strlen(list);

	items_init(&it);
	for (size_t at = 0; at < len; at += part) {
		size_t n = len - at < part ? len - at : part;

		CU_ASSERT_EQUAL(items_take(&it, list + at, n, note, &noted, &err), 0);
	}
	CU_ASSERT_STRING_EQUAL(buf_text(&noted), items);
	CU_ASSERT_STRING_EQUAL(buf_text(&it.head), head);
}

static void expect(const char *list, const char *items, const char *head)
{
	for (size_t part = 1; part <= strlen(list); part++)
		expect_cut(list, part, items, head);
}

static void test_items_take__cuts_items_out_wherever_they_stand(void)
{
	expect("{\"kind\":\"List\",\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[{\"a\":1},"
	       "{\"b\":[{}]}]}\n",
		"<{\"a\":1}><{\"b\":[{}]}>",
		"{\"kind\":\"List\",\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[]}\n");
	expect("{ \"items\" : [ {} , {} ] , \"metadata\" : {} }", "<{}><{}>",
		"{ \"items\" : [] , \"metadata\" : {} }");
}

static void test_items_take__leaves_what_only_looks_like_items(void)
{
	static const char *const lists[] = {
		"{\"metadata\":{\"items\":[{}]}}",
		"{\"a\":\"items\",\"b\":[{}]}",
		"{\"x\\\"items\":[{}]}",
		"{\"a\":[\"items\",[{}]]}",
		"[{\"items\":[{}]}]",
		"{\"items\":{}}",
		"{\"items\":null}",
		"",
		"}]",
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		expect(lists[i], "", lists[i]);
}

static void test_items_take__is_not_misled_by_strings(void)
{
	expect("{\"items\":[{\"a\":\"}]\\\"}\\\\\"},{\"]\":\"[{\"}],\"b\":\"[\"}",
		"<{\"a\":\"}]\\\"}\\\\\"}><{\"]\":\"[{\"}>", "{\"items\":[],\"b\":\"[\"}");
}

static void test_items_take__refuses_an_item_that_is_no_object(void)
{
	static const char *const lists[] = {
		"{\"items\":[1]}", "{\"items\":[\"a\"]}", "{\"items\":[{},[]]}"};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		AUTO(items) struct items it;
		AUTO(buf) struct buf noted = BUF_INIT(LIMIT_MIB);
		struct err err = {.code = ERR_NONE};

		items_init(&it);
		CU_ASSERT_EQUAL(
			items_take(&it, lists[i], strlen(lists[i]), note, &noted, &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	}
}

static void expect_too_large(const char *start, size_t most)
{
	AUTO(items) struct items it;
	AUTO(free) char *fill = xmalloc(most);
	struct err err = {.code = ERR_NONE};

	items_init(&it);
	memset(fill, 'x', most);
	CU_ASSERT_EQUAL(items_take(&it, start, strlen(start), note, NULL, &err), 0);
	CU_ASSERT_EQUAL(items_take(&it, fill, most, note, NULL, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
}

static void test_items_take__has_ceilings(void)
{
	expect_too_large("{\"metadata\":\"", LIMIT_KUBE_LIST_BYTES);
	expect_too_large("{\"items\":[{\"a\":\"", LIMIT_KUBE_OBJECT_BYTES);
}

static int refuse(void *arg, const char *text, size_t n, struct err *err)
{
	(void)arg;
	(void)text;
	(void)n;
	return err_set(err, ERR_CONFLICT, "no");
}

static void test_items_take__stops_where_the_receiver_does(void)
{
	static const char list[] = "{\"items\":[{}]}";
	AUTO(items) struct items it;
	struct err err = {.code = ERR_NONE};

	items_init(&it);
	CU_ASSERT_EQUAL(items_take(&it, list, strlen(list), refuse, NULL, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_CONFLICT);
}

TEST_MAIN("items", TEST(test_items_take__cuts_items_out_wherever_they_stand),
	TEST(test_items_take__leaves_what_only_looks_like_items),
	TEST(test_items_take__is_not_misled_by_strings),
	TEST(test_items_take__refuses_an_item_that_is_no_object),
	TEST(test_items_take__has_ceilings), TEST(test_items_take__stops_where_the_receiver_does))
