/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/url.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "tests/unit/test.h"

static void test_url_redirect_target__resolves_as_a_browser_does(void)
{
	static const struct {
		const char *from;
		const char *location;
		const char *target;
	} table[] = {
		{"http://a.test/x/y", "/z", "http://a.test/z"},
		{"http://a.test/x/y", "z", "http://a.test/x/z"},
		{"http://a.test/x/y", "../z", "http://a.test/z"},
		{"http://a.test/x", "//b.test/z", "http://b.test/z"},
		{"http://a.test/x", "https://b.test/z", "https://b.test/z"},
		{"https://a.test/x", "https://b.test/z?sig=1", "https://b.test/z?sig=1"},
		{"https://a.test:8443/x", "/z", "https://a.test:8443/z"},
		{"http://a.test/x", "HTTP://b.test/", "http://b.test/"},
		{"http://u:p@a.test/x", "/z", "http://a.test/z"},
		{"http://a.test/x", "http://u:p@b.test/z", "http://b.test/z"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		AUTO(free) char *target = NULL;
		struct err err = {0};

		CU_ASSERT_EQUAL_FATAL(
			url_redirect_target(&target, table[i].from, table[i].location, &err), 0);
		CU_ASSERT_STRING_EQUAL(target, table[i].target);
	}
}

static void test_url_redirect_target__refuses_lesser_schemes(void)
{
	static const struct {
		const char *from;
		const char *location;
		const char *words;
	} table[] = {
		{"https://a.test/x", "http://a.test/x", "from https to http"},
		{"https://a.test/x", "HTTP://a.test/x", "from https to http"},
		{"http://a.test/x", "file:///etc/passwd", "neither http nor https"},
		{"http://a.test/x", "ftp://a.test/x", "neither http nor https"},
		{"http://a.test/x", "gopher://a.test/x", "neither http nor https"},
		{"http://a.test/x", "nonsense://a.test/x", "not a URL"},
		{"http://a.test/x", "http://a.test:99999/", "not a URL"},
		{"http://", "/x", "not a URL"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		AUTO(free) char *target = NULL;
		struct err err = {0};

		CU_ASSERT_EQUAL(
			url_redirect_target(&target, table[i].from, table[i].location, &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
		ASSERT_HAS(err.msg, table[i].words);
		CU_ASSERT_PTR_NULL(target);
	}
}

static void test_url_label__hides_what_is_secret(void)
{
	static const struct {
		const char *url;
		const char *label;
	} table[] = {
		{"http://a.test/x.wasm", "http://a.test/x.wasm"},
		{"https://u:secret@a.test:8443/x.wasm?sig=secret#secret",
			"https://a.test:8443/x.wasm"},
		{"https://u:se/cret@a.test/x.wasm", "a malformed URL"},
		{"http://a.test/\xc3\xa9", "http://a.test/%c3%a9"},
		{"http://a.test/a@b", "http://a.test/a@b"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		AUTO(free) char *label = url_label(table[i].url);
		CU_ASSERT_STRING_EQUAL(label, table[i].label);
	}
}

static void test_url_label__is_bounded(void)
{
	char url[2 * LIMIT_SOURCE_BYTES] = "http://a.test/";

	memset(url + strlen(url), 'x', sizeof(url) - 1 - strlen(url));
	url[sizeof(url) - 1] = '\0';
	AUTO(free) char *label = url_label(url);
	CU_ASSERT_EQUAL(strlen(label), LIMIT_SOURCE_BYTES);
}

static void test_url_same_origin__compares_scheme_host_and_port(void)
{
	static const struct {
		const char *a;
		const char *b;
		bool same;
	} table[] = {
		{"https://a.test/x", "https://a.test/y?z", true},
		{"https://a.test/x", "https://a.test:443/", true},
		{"http://a.test/", "http://a.test:80/", true},
		{"https://a.test/", "HTTPS://A.Test/", true},
		{"https://u:p@a.test/", "https://a.test/", true},
		{"http://[::1]/", "http://[0:0::1]/", true},
		{"https://a.test/", "http://a.test/", false},
		{"https://a.test/", "https://a.test:8443/", false},
		{"https://a.test/", "https://b.test/", false},
		{"https://a.test/", "https://x.a.test/", false},
		{"https://a.test/", "https://a.test./", false},
		{"https://a.test/", "https://a.test@b.test/", false},
		{"https://a.test/", "https://a.test.b.test/", false},
		{"http://127.0.0.1/", "http://localhost/", false},
		{"", "", false},
		{"nonsense", "nonsense", false},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		CU_ASSERT_EQUAL(url_same_origin(table[i].a, table[i].b), table[i].same);
		CU_ASSERT_EQUAL(url_same_origin(table[i].b, table[i].a), table[i].same);
	}
}

static void test_url_with_userinfo__takes_it_from_the_other(void)
{
	static const struct {
		const char *url;
		const char *from;
		const char *result;
	} table[] = {
		{"http://a.test/x?y", "http://u:p@a.test/z", "http://u:p@a.test/x?y"},
		{"http://a.test/x", "http://u@a.test/z", "http://u@a.test/x"},
		{"http://a.test/x", "http://u%40v:p%3aq@a.test/z", "http://u%40v:p%3aq@a.test/x"},
		{"http://a.test/x", "http://a.test/z", "http://a.test/x"},
		{"http://a.test/x", "", "http://a.test/x"},
		{"", "http://u:p@a.test/z", ""},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		AUTO(free) char *result = url_with_userinfo(table[i].url, table[i].from);

		CU_ASSERT_STRING_EQUAL(result, table[i].result);
	}
}

static void test_url_host__is_bare_and_in_lower_case(void)
{
	static const struct {
		const char *url;
		const char *host;
	} table[] = {
		{"https://u:p@A.Test:8443/x", "a.test"},
		{"http://[2001:DB8::1]:80/", "2001:db8::1"},
		{"http://127.0.0.1/", "127.0.0.1"},
		{"http://0x7f.1/", "127.0.0.1"},
		{"http://2130706433/", "127.0.0.1"},
		{"http://0251.0376.0251.0376/", "169.254.169.254"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		AUTO(free) char *host = url_host(table[i].url);

		CU_ASSERT_PTR_NOT_NULL_FATAL(host);
		CU_ASSERT_STRING_EQUAL(host, table[i].host);
	}
	CU_ASSERT_PTR_NULL(url_host("http://"));
	CU_ASSERT_PTR_NULL(url_host(""));
}

static void test_url_make_printable__leaves_ascii(void)
{
	char text[] = "a\x1b[2J\xc3\xa9\n~";

	url_make_printable(text);
	CU_ASSERT_STRING_EQUAL(text, "a?[2J???~");
}

TEST_MAIN("url", TEST(test_url_redirect_target__resolves_as_a_browser_does),
	TEST(test_url_redirect_target__refuses_lesser_schemes),
	TEST(test_url_label__hides_what_is_secret), TEST(test_url_label__is_bounded),
	TEST(test_url_same_origin__compares_scheme_host_and_port),
	TEST(test_url_with_userinfo__takes_it_from_the_other),
	TEST(test_url_host__is_bare_and_in_lower_case), TEST(test_url_make_printable__leaves_ascii))
