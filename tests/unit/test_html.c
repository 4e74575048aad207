/* SPDX-License-Identifier: Apache-2.0 */
#include "base/html.h"

#include "base/auto.h"
#include "base/utf8.h"
#include "tests/unit/test.h"

typedef void put_fn(struct html *h, const char *text);

/* Asserts what text becomes. */
static void becomes(put_fn *put, const char *text, const char *want)
{
	AUTO(buf) struct buf out = BUF_INIT(1 << 20);
	struct err err = {.msg = ""};
	struct html h = {.out = &out, .err = &err};

	put(&h, text);
	CU_ASSERT_FALSE(h.failed);
	CU_ASSERT_STRING_EQUAL(buf_text(&out), want);
}

static void test_html_text__leaves_plain_text(void)
{
	becomes(html_text, "", "");
	becomes(html_text, "default/filter-1.2", "default/filter-1.2");
	becomes(html_text, "Grüße, 世界 🙂", "Grüße, 世界 🙂");
}

static void test_html_text__makes_markup_text(void)
{
	becomes(html_text, "<script>alert('x')</script>",
		"&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;");
	becomes(html_text, "\" onload=\"x&amp;", "&quot; onload=&quot;x&amp;amp;");
	becomes(html_text, "<<", "&lt;&lt;");
}

static void test_html_text__shows_what_is_no_text_as_unknown(void)
{
	becomes(html_text, "a\nb\x1b[31m",
		"a\xEF\xBF\xBD"
		"b\xEF\xBF\xBD[31m");
	becomes(html_text, "\xff\xfe", "\xEF\xBF\xBD\xEF\xBF\xBD");
	becomes(html_text, "cut \xE4\xB8", "cut \xEF\xBF\xBD\xEF\xBF\xBD");
	becomes(html_text,
		"a\xE2\x80\xAE"
		"cod",
		"a\xEF\xBF\xBD"
		"cod");                                                         /* U+202E */
	becomes(html_text, "\xC0\xBCscript", "\xEF\xBF\xBD\xEF\xBF\xBDscript"); /* overlong "<" */
}

static void test_html_query__leaves_nothing_that_ends_a_value(void)
{
	becomes(html_query, "ns/name-1.2_3~", "ns/name-1.2_3~");
	becomes(html_query, "a&b=c\"'<>#?% +", "a%26b%3Dc%22%27%3C%3E%23%3F%25%20%2B");
	becomes(html_query, "\xff\n", "%FF%0A");
}

/* Whatever the bytes are, what comes out has no markup in it, and is UTF-8. */
static void test_html_text__holds_for_any_bytes(void)
{
	static const char nasty[] = "<>&\"'\xE2\x80\xAE";
	uint32_t random = 1;

	for (int round = 0; round < 2000; round++) {
		AUTO(buf) struct buf out = BUF_INIT(1 << 20);
		struct err err = {.msg = ""};
		struct html h = {.out = &out, .err = &err};
		char text[65];
		const char *shown;

		for (size_t i = 0; i < sizeof(text) - 1; i++) {
			random = random * 1664525 + 1013904223;
			text[i] = nasty[random / 3 % 8];
			if (random % 3)
				text[i] = (char)(1 + (random >> 8) % 255);
		}
		text[sizeof(text) - 1] = '\0';
		html_text(&h, text);
		shown = buf_text(&out);
		CU_ASSERT_PTR_NULL(strpbrk(shown, "<>\"'\n\x1b"));
		for (size_t at = 0; at < out.len;) {
			size_t len = utf8_len(shown + at, out.len - at);

			CU_ASSERT_FATAL(len > 0);
			CU_ASSERT_FALSE(utf8_misleads(shown + at, len));
			at += len;
		}
	}
}

static void test_html_put__stops_at_the_ceiling_and_says_so(void)
{
	AUTO(buf) struct buf out = BUF_INIT(8);
	struct err err = {.msg = ""};
	struct html h = {.out = &out, .err = &err};

	html_put(&h, "<p>");
	html_text(&h, "more than eight");
	CU_ASSERT_TRUE(h.failed);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	html_put(&h, "x");
	CU_ASSERT_STRING_EQUAL(buf_text(&out), "<p>");
}

TEST_MAIN("html", TEST(test_html_text__leaves_plain_text), TEST(test_html_text__makes_markup_text),
	TEST(test_html_text__shows_what_is_no_text_as_unknown),
	TEST(test_html_query__leaves_nothing_that_ends_a_value),
	TEST(test_html_text__holds_for_any_bytes),
	TEST(test_html_put__stops_at_the_ceiling_and_says_so))
