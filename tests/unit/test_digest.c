/* SPDX-License-Identifier: Apache-2.0 */
#include "base/digest.h"

#include "base/auto.h"
#include "tests/unit/test.h"

/* FIPS 180-2 */
#define OF_NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define OF_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define OF_MILLION_A "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"

static void test_digest_of__matches_the_vectors(void)
{
	struct digest d;

	digest_of(&d, "abc", 3);
	CU_ASSERT_STRING_EQUAL(d.hex, OF_ABC);
	digest_of(&d, "", 0);
	CU_ASSERT_STRING_EQUAL(d.hex, OF_NOTHING);
}

static void test_hasher__gives_the_same_however_it_is_fed(void)
{
	AUTO(hasher) struct hasher *h = hasher_new();
	char block[997];
	size_t left = 1000000;
	struct digest d;

	memset(block, 'a', sizeof(block));
	while (left > 0) {
		size_t n = left < sizeof(block) ? left : sizeof(block);

		hasher_update(h, block, n);
		left -= n;
	}
	hasher_update(h, "", 0);
	hasher_final(h, &d);
	CU_ASSERT_STRING_EQUAL(d.hex, OF_MILLION_A);
}

static void test_hasher_final__starts_anew(void)
{
	AUTO(hasher) struct hasher *h = hasher_new();
	struct digest d;

	hasher_update(h, "something", 9);
	hasher_final(h, &d);
	hasher_update(h, "abc", 3);
	hasher_final(h, &d);
	CU_ASSERT_STRING_EQUAL(d.hex, OF_ABC);
	hasher_final(h, &d);
	CU_ASSERT_STRING_EQUAL(d.hex, OF_NOTHING);
}

static void test_digest_parse__accepts_lower_case_hex(void)
{
	struct digest d = {""};
	struct err err;

	CU_ASSERT_FALSE(digest_is_set(&d));
	CU_ASSERT_EQUAL(digest_parse(&d, OF_ABC, &err), 0);
	CU_ASSERT_STRING_EQUAL(d.hex, OF_ABC);
	CU_ASSERT_TRUE(digest_is_set(&d));
}

static void test_digest_parse__says_what_is_wrong(void)
{
	static const struct {
		const char *text;
		const char *says;
	} cases[] = {
		{"", "0 characters"},
		{"abc", "3 characters"},
		{OF_ABC "0", "65 characters"},
		{"BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
			"character at 1 "},
		{"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ag",
			"character at 64 "},
		{"sha256:" OF_ABC, "character at 1 "},
		{OF_ABC "\n", "character at 65 "},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct digest d = {"kept"};
		struct err err;

		CU_ASSERT_EQUAL(digest_parse(&d, cases[i].text, &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
		ASSERT_HAS(err.msg, cases[i].says);
		ASSERT_HAS(err.msg, "64");
		CU_ASSERT_STRING_EQUAL(d.hex, "kept");
	}
}

static void test_digest_equal__compares_all_digits(void)
{
	struct digest a = {OF_ABC};
	struct digest b = {OF_ABC};

	CU_ASSERT_TRUE(digest_equal(&a, &b));
	b.hex[63] = 'e';
	CU_ASSERT_FALSE(digest_equal(&a, &b));
}

TEST_MAIN("digest", TEST(test_digest_of__matches_the_vectors),
	TEST(test_hasher__gives_the_same_however_it_is_fed), TEST(test_hasher_final__starts_anew),
	TEST(test_digest_parse__accepts_lower_case_hex),
	TEST(test_digest_parse__says_what_is_wrong), TEST(test_digest_equal__compares_all_digits))
