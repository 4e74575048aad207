/* SPDX-License-Identifier: Apache-2.0 */
#include "api/base64.h"

#include <stdlib.h>

#include "base/auto.h"
#include "tests/unit/test.h"

static void decodes(const char *text, const char *want, size_t n)
{
	struct err err = {.code = ERR_NONE};
	size_t len = 0;
	AUTO(free) char *bytes = base64_decode(text, &len, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	CU_ASSERT_EQUAL_FATAL(len, n);
	CU_ASSERT_EQUAL(memcmp(bytes, want, n), 0);
	CU_ASSERT_EQUAL(bytes[n], '\0');
}

static void refuses(const char *text, const char *says)
{
	struct err err = {.code = ERR_NONE};
	size_t len = 7;
	AUTO(free) char *bytes = base64_decode(text, &len, &err);

	CU_ASSERT_PTR_NULL(bytes);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	CU_ASSERT_EQUAL(len, 7);
	ASSERT_HAS(err.msg, says);
}

/* RFC 4648 section 10 */
static void test_base64_decode__reads_the_vectors(void)
{
	decodes("", "", 0);
	decodes("Zg==", "f", 1);
	decodes("Zm8=", "fo", 2);
	decodes("Zm9v", "foo", 3);
	decodes("Zm9vYg==", "foob", 4);
	decodes("Zm9vYmE=", "fooba", 5);
	decodes("Zm9vYmFy", "foobar", 6);
	decodes("AP/+", "\0\xff\xfe", 3);
}

static void test_base64_decode__passes_over_line_breaks(void)
{
	decodes("Zm9v\r\nYg=\n=\n", "foob", 4);
}

static void test_base64_decode__refuses_all_else(void)
{
	refuses("Zm9vYg", "its end is cut off or wrong");
	refuses("Zm9vYg=", "its end is cut off or wrong");
	refuses("Zm9vYg===", "its end is cut off or wrong");
	refuses("Z", "its end is cut off or wrong");
	refuses("Z===", "its end is cut off or wrong");
	refuses("====", "its end is cut off or wrong");
	refuses("Zm9v=", "its end is cut off or wrong");
	refuses("Zg==Zg==", "its end is cut off or wrong");
	refuses("Zh==", "its end is cut off or wrong");
	refuses("Zm9=", "its end is cut off or wrong");
	refuses("Zm 9v", "the character at 3 ");
	refuses("Zm-_", "the character at 3 ");
	refuses("\xc3\xbc", "the character at 1 ");
}

static void encodes(const char *bytes, size_t n, const char *want)
{
	AUTO(free) char *text = base64_encode(bytes, n);

	CU_ASSERT_STRING_EQUAL(text, want);
}

static void test_base64_encode__writes_the_vectors(void)
{
	encodes("", 0, "");
	encodes("f", 1, "Zg==");
	encodes("fo", 2, "Zm8=");
	encodes("foo", 3, "Zm9v");
	encodes("foob", 4, "Zm9vYg==");
	encodes("fooba", 5, "Zm9vYmE=");
	encodes("foobar", 6, "Zm9vYmFy");
	encodes("\0\xff\xfe", 3, "AP/+");
}

TEST_MAIN("base64", TEST(test_base64_encode__writes_the_vectors),
	TEST(test_base64_decode__reads_the_vectors),
	TEST(test_base64_decode__passes_over_line_breaks),
	TEST(test_base64_decode__refuses_all_else))
