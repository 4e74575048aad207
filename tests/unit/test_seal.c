/* SPDX-License-Identifier: Apache-2.0 */
#include "store/seal.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/lend.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

#define HEX_A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define HEX_B "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define BASE64_A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static const uint8_t nonce[SEAL_NONCE_BYTES] = {1, 2, 3};

static struct buf text_of(const char *text)
{
	return (struct buf){.data = lend(text), .len = strlen(text), .max = LIMIT_MIB};
}

static void parse(struct seal_keys *keys, const char *text)
{
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(seal_keys_parse(keys, text, strlen(text), &err), 0);
	CU_ASSERT_STRING_EQUAL(err.msg, "");
}

static void test_seal_keys_parse__reads_each_form_as_the_same_key(void)
{
	char raw[SEAL_KEY_BYTES];
	struct seal_keys keys;
	struct err err;
	char id[SEAL_ID_LEN + 1];

	parse(&keys, HEX_A "\n");
	CU_ASSERT_EQUAL_FATAL(keys.n, 1);
	CU_ASSERT_EQUAL(strlen(keys.items[0].id), SEAL_ID_LEN);
	memcpy(id, keys.items[0].id, sizeof(id));
	parse(&keys, BASE64_A);
	CU_ASSERT_STRING_EQUAL(keys.items[0].id, id);
	parse(&keys, "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F");
	CU_ASSERT_STRING_EQUAL(keys.items[0].id, id);
	for (int i = 0; i < SEAL_KEY_BYTES; i++)
		raw[i] = (char)i;
	CU_ASSERT_EQUAL(seal_keys_parse(&keys, raw, sizeof(raw), &err), 0);
	CU_ASSERT_STRING_EQUAL(keys.items[0].id, id);
}

static void test_seal_keys_parse__keeps_the_order_of_lines(void)
{
	struct seal_keys two;
	struct seal_keys one;

	parse(&two, "# of May\r\n\n" HEX_B " \r\n# of April\n" BASE64_A "\n");
	CU_ASSERT_EQUAL_FATAL(two.n, 2);
	parse(&one, HEX_B);
	CU_ASSERT_STRING_EQUAL(two.items[0].id, one.items[0].id);
	CU_ASSERT_PTR_EQUAL(seal_keys_find(&two, one.items[0].id), &two.items[0]);
	parse(&one, HEX_A);
	CU_ASSERT_PTR_EQUAL(seal_keys_find(&two, one.items[0].id), &two.items[1]);
	CU_ASSERT_PTR_NULL(seal_keys_find(&two, "0000000000000000"));
	CU_ASSERT_PTR_NULL(seal_keys_find(&two, ""));
}

static void test_seal_keys_parse__names_the_line_and_not_what_it_holds(void)
{
	static const struct {
		const char *text;
		const char *says;
	} cases[] = {
		{"", "holds no key"},
		{"# nothing\n\n", "holds no key"},
		{HEX_A "\nhunter2hunter2\n", "line 2: must be a key of 32 bytes"},
		{HEX_A "00", "line 1: must be a key of 32 bytes"},
		{"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==", "line 1: must be a key"},
		{"0000000000000000000000000000000000000000000000000000000000000000",
			"must be random"},
		{"\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01"
		 "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01",
			"must be random"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct seal_keys keys;
		struct err err = {.msg = ""};

		CU_ASSERT_EQUAL(
			seal_keys_parse(&keys, cases[i].text, strlen(cases[i].text), &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
		ASSERT_HAS(err.msg, cases[i].says);
		CU_ASSERT_PTR_NULL(strstr(err.msg, "hunter2"));
		CU_ASSERT_EQUAL(keys.n, 0);
	}
}

static void test_seal_keys_parse__takes_no_more_than_the_ceiling(void)
{
	AUTO(buf) struct buf text = BUF_INIT(LIMIT_SEAL_FILE_BYTES);
	struct seal_keys keys;
	struct err err;

	for (int i = 0; i < LIMIT_SEAL_KEYS; i++)
		CU_ASSERT_EQUAL(buf_printf(&text, &err, HEX_A "\n"), 0);
	parse(&keys, text.data);
	CU_ASSERT_EQUAL(keys.n, LIMIT_SEAL_KEYS);
	CU_ASSERT_EQUAL(buf_printf(&text, &err, HEX_A "\n"), 0);
	CU_ASSERT_EQUAL(seal_keys_parse(&keys, text.data, text.len, &err), -1);
	ASSERT_HAS(err.msg, "line 17: more than 16 keys");
}

static void test_seal_open__gives_back_what_was_closed(void)
{
	static const char *const texts[] = {"", "x", "a secret of some length\nand two lines"};
	const struct buf context = text_of("default/auth");
	struct seal_keys keys;
	struct err err;

	parse(&keys, HEX_A);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		AUTO(buf) struct buf sealed = BUF_INIT(LIMIT_MIB);
		AUTO(wiped) struct buf opened = BUF_INIT(LIMIT_MIB);
		const struct buf text = text_of(texts[i]);

		CU_ASSERT_EQUAL_FATAL(
			seal_close(&sealed, &keys.items[0], nonce, &context, &text, &err), 0);
		CU_ASSERT_EQUAL(sealed.len, text.len + SEAL_OVERHEAD_BYTES);
		CU_ASSERT_EQUAL(seal_open(&opened, &keys.items[0], &context, &sealed, &err), 0);
		CU_ASSERT_EQUAL(opened.len, text.len);
		CU_ASSERT_STRING_EQUAL(buf_text(&opened), texts[i]);
	}
}

static enum err_code open_as(
	const struct seal_key *key, const char *context, const struct buf *sealed)
{
	AUTO(wiped) struct buf opened = BUF_INIT(LIMIT_MIB);
	const struct buf at = text_of(context);
	struct err err = {.code = ERR_NONE};

	if (seal_open(&opened, key, &at, sealed, &err) == 0)
		return ERR_NONE;
	CU_ASSERT_EQUAL(opened.len, 0);
	return err.code;
}

static void test_seal_open__refuses_all_but_what_was_closed(void)
{
	AUTO(buf) struct buf sealed = BUF_INIT(LIMIT_MIB);
	const struct buf context = text_of("default/auth");
	const struct buf text = text_of("a secret");
	struct seal_keys keys;
	struct err err;

	parse(&keys, HEX_A "\n" HEX_B);
	CU_ASSERT_EQUAL_FATAL(seal_close(&sealed, &keys.items[0], nonce, &context, &text, &err), 0);
	CU_ASSERT_EQUAL(open_as(&keys.items[0], "default/auth", &sealed), ERR_NONE);
	CU_ASSERT_EQUAL(open_as(&keys.items[0], "default/aut", &sealed), ERR_UNVERIFIED);
	CU_ASSERT_EQUAL(open_as(&keys.items[1], "default/auth", &sealed), ERR_UNVERIFIED);
	for (size_t bit = 0; bit < sealed.len * 8; bit++) {
		sealed.data[bit / 8] = (char)(sealed.data[bit / 8] ^ (1 << bit % 8));
		CU_ASSERT_EQUAL(open_as(&keys.items[0], "default/auth", &sealed), ERR_UNVERIFIED);
		sealed.data[bit / 8] = (char)(sealed.data[bit / 8] ^ (1 << bit % 8));
	}
	for (size_t n = sealed.len; n-- > 0;) {
		const struct buf cut = {.data = sealed.data, .len = n, .max = LIMIT_MIB};

		CU_ASSERT_EQUAL(open_as(&keys.items[0], "default/auth", &cut), ERR_UNVERIFIED);
	}
}

static void test_seal_fingerprint__is_the_keys_own(void)
{
	struct seal_keys keys;
	struct digest of;
	struct digest other;
	struct digest a;
	struct digest b;

	parse(&keys, HEX_A "\n" HEX_B);
	digest_of(&of, "yes", 3);
	digest_of(&other, "no", 2);
	seal_fingerprint(&a, &keys.items[0], &of);
	CU_ASSERT_EQUAL(strlen(a.hex), DIGEST_HEX_LEN);
	CU_ASSERT_FALSE(digest_equal(&a, &of));
	seal_fingerprint(&b, &keys.items[0], &of);
	CU_ASSERT(digest_equal(&a, &b));
	seal_fingerprint(&b, &keys.items[1], &of);
	CU_ASSERT_FALSE(digest_equal(&a, &b));
	seal_fingerprint(&b, &keys.items[0], &other);
	CU_ASSERT_FALSE(digest_equal(&a, &b));
}

TEST_MAIN("seal", TEST(test_seal_keys_parse__reads_each_form_as_the_same_key),
	TEST(test_seal_keys_parse__keeps_the_order_of_lines),
	TEST(test_seal_keys_parse__names_the_line_and_not_what_it_holds),
	TEST(test_seal_keys_parse__takes_no_more_than_the_ceiling),
	TEST(test_seal_open__gives_back_what_was_closed),
	TEST(test_seal_open__refuses_all_but_what_was_closed),
	TEST(test_seal_fingerprint__is_the_keys_own))
