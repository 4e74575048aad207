/* SPDX-License-Identifier: Apache-2.0 */
#include "store/record.h"

#include "base/limits.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/test.h"

#define HEADER_LEN (sizeof(RECORD_MAGIC) + DIGEST_HEX_LEN)

static void encode_example(struct buf *out)
{
	AUTO(record) struct record r = RECORD_INIT;
	struct err err;

	record_init(&r);
	fill_record(&r, "default/auth", "0a1b", "module");
	r.revision = xstrdup("\"a1\"");
	r.refetch = xstrdup("at noon");
	CU_ASSERT_EQUAL(record_encode(&r, NULL, out, &err), 0);
}

/* Makes a file of any message, as an older or newer program might have. */
static void wrap_message(struct buf *out, const char *message, size_t n)
{
	struct digest sum;
	struct err err;

	digest_of(&sum, message, n);
	CU_ASSERT_EQUAL(buf_append(out, RECORD_MAGIC, strlen(RECORD_MAGIC), &err), 0);
	CU_ASSERT_EQUAL(buf_printf(out, &err, "%s\n", sum.hex), 0);
	CU_ASSERT_EQUAL(buf_append(out, message, n, &err), 0);
}

static enum err_code decode(const void *bytes, size_t n)
{
	AUTO(record) struct record r = RECORD_INIT;
	struct err err = {.code = ERR_NONE};

	record_init(&r);
	if (record_decode(&r, bytes, n, &err) == 0)
		return ERR_NONE;
	CU_ASSERT_PTR_NULL(r.name);
	return err.code;
}

static void test_record_decode__gives_back_what_was_encoded(void)
{
	AUTO(buf) struct buf file = BUF_INIT(LIMIT_RECORD_BYTES);
	AUTO(record) struct record r = RECORD_INIT;
	struct digest served;
	struct err err;

	record_init(&r);
	encode_example(&file);
	digest_of(&served, "module", 6);
	CU_ASSERT_EQUAL_FATAL(record_decode(&r, file.data, file.len, &err), 0);
	CU_ASSERT_STRING_EQUAL(r.name, "default/auth");
	CU_ASSERT_STRING_EQUAL(r.version, "0a1b");
	CU_ASSERT_STRING_EQUAL(r.source, "https://example.com/filter.wasm");
	CU_ASSERT_STRING_EQUAL(r.revision, "\"a1\"");
	CU_ASSERT_STRING_EQUAL(r.refetch, "at noon");
	CU_ASSERT(digest_equal(&r.served, &served));
	CU_ASSERT_EQUAL(r.served_bytes, 6);
	CU_ASSERT_EQUAL(r.module_bytes, 5);
	CU_ASSERT_EQUAL(r.head.len, 10);
	CU_ASSERT_EQUAL(memcmp(r.head.data, "head\0of it", 10), 0);
	CU_ASSERT_STRING_EQUAL(buf_text(&r.tail), "tail");
}

static void test_record_decode__refuses_every_truncation(void)
{
	AUTO(buf) struct buf file = BUF_INIT(LIMIT_RECORD_BYTES);

	encode_example(&file);
	for (size_t n = 0; n < file.len; n++)
		CU_ASSERT_EQUAL(decode(file.data, n), ERR_UNVERIFIED);
	CU_ASSERT_EQUAL(decode(file.data, file.len + 1), ERR_UNVERIFIED);
}

static void test_record_decode__refuses_every_flipped_bit(void)
{
	AUTO(buf) struct buf file = BUF_INIT(LIMIT_RECORD_BYTES);

	encode_example(&file);
	for (size_t bit = 0; bit < file.len * 8; bit++) {
		file.data[bit / 8] = (char)(file.data[bit / 8] ^ (1 << bit % 8));
		CU_ASSERT_EQUAL(decode(file.data, file.len), ERR_UNVERIFIED);
		file.data[bit / 8] = (char)(file.data[bit / 8] ^ (1 << bit % 8));
	}
	CU_ASSERT_EQUAL(decode(file.data, file.len), ERR_NONE);
}

static void test_record_decode__refuses_what_is_no_message(void)
{
	AUTO(buf) struct buf file = BUF_INIT(LIMIT_RECORD_BYTES);

	wrap_message(&file, "\x0a\xff\xff\xff\xff\x0f", 6);
	CU_ASSERT_EQUAL(decode(file.data, file.len), ERR_UNVERIFIED);
}

static void test_record_decode__refuses_a_field_that_breaks_a_rule(void)
{
	AUTO(buf) struct buf file = BUF_INIT(LIMIT_RECORD_BYTES);
	AUTO(buf) struct buf empty = BUF_INIT(LIMIT_RECORD_BYTES);

	wrap_message(&file, "\x0a\x05../me", 7);
	CU_ASSERT_EQUAL(decode(file.data, file.len), ERR_INVALID);
	wrap_message(&empty, "", 0);
	CU_ASSERT_EQUAL(decode(empty.data, empty.len), ERR_INVALID);
}

static void test_record_decode__passes_over_fields_of_the_future(void)
{
	AUTO(buf) struct buf file = BUF_INIT(LIMIT_RECORD_BYTES);
	AUTO(buf) struct buf message = BUF_INIT(LIMIT_RECORD_BYTES);
	AUTO(buf) struct buf newer = BUF_INIT(LIMIT_RECORD_BYTES);
	struct err err;

	encode_example(&file);
	CU_ASSERT_EQUAL(
		buf_append(&message, file.data + HEADER_LEN, file.len - HEADER_LEN, &err), 0);
	CU_ASSERT_EQUAL(buf_append(&message, "\xa2\x06\x03new", 6, &err), 0);
	wrap_message(&newer, message.data, message.len);
	CU_ASSERT_EQUAL(decode(newer.data, newer.len), ERR_NONE);
}

static void test_record_encode__is_the_same_each_time(void)
{
	AUTO(buf) struct buf one = BUF_INIT(LIMIT_RECORD_BYTES);
	AUTO(buf) struct buf two = BUF_INIT(LIMIT_RECORD_BYTES);

	encode_example(&one);
	encode_example(&two);
	CU_ASSERT_EQUAL_FATAL(one.len, two.len);
	CU_ASSERT_EQUAL(memcmp(one.data, two.data, one.len), 0);
}

static void test_record_encode__refuses_what_could_not_be_read_again(void)
{
	static const struct {
		const char *name, *version, *says;
	} cases[] = {
		{"../auth", "0a", "namespace must be"},
		{"default/auth", "", "version \"\""},
		{"default/auth", "0A", "version \"0A\""},
		{"default/auth",
			"00000000000000000000000000000000"
			"000000000000000000000000000000000",
			"1 to 64"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(buf) struct buf out = BUF_INIT(LIMIT_RECORD_BYTES);
		AUTO(record) struct record r = RECORD_INIT;
		struct err err = {.msg = ""};

		record_init(&r);
		fill_record(&r, cases[i].name, cases[i].version, "module");
		CU_ASSERT_EQUAL(record_encode(&r, NULL, &out, &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
		ASSERT_HAS(err.msg, cases[i].says);
		CU_ASSERT_EQUAL(out.len, 0);
	}
}

static void test_record_encode__refuses_a_module_without_digest_or_too_large(void)
{
	AUTO(buf) struct buf out = BUF_INIT(LIMIT_RECORD_BYTES);
	AUTO(record) struct record r = RECORD_INIT;
	struct err err = {.msg = ""};

	record_init(&r);
	fill_record(&r, "default/auth", "0a", "module");
	r.served_bytes = LIMIT_MODULE_BYTES + 1;
	CU_ASSERT_EQUAL(record_encode(&r, NULL, &out, &err), -1);
	ASSERT_HAS(err.msg, "served_bytes 268435457: must be at most 268435456");
	r.module = (struct digest){.hex = ""};
	CU_ASSERT_EQUAL(record_encode(&r, NULL, &out, &err), -1);
	ASSERT_HAS(err.msg, "module_sha256");
}

static void test_record_encode__refuses_more_than_the_ceiling(void)
{
	AUTO(buf) struct buf out = BUF_INIT(HEADER_LEN + 100);
	AUTO(record) struct record r = RECORD_INIT;
	struct err err;

	record_init(&r);
	fill_record(&r, "default/auth", "0a", "module");
	CU_ASSERT_EQUAL(record_encode(&r, NULL, &out, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	CU_ASSERT_EQUAL(out.len, 0);
}

static void test_record_check_name__takes_what_kubernetes_takes(void)
{
	static const char *const good[] = {
		"a/b", "default/auth-filter", "0/0", "a/x.y-z.1", "a-1/a.b", "kube-system/x"};
	struct err err = {.msg = ""};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CU_ASSERT_EQUAL(record_check_name(good[i], &err), 0);
}

static void test_record_check_name__refuses_all_else(void)
{
	static const char *const bad[] = {"", "/", "a", "a/", "/b", "a/b/c", "../b", "a/..", "a/.",
		"./b", "a/.b", "a/b.", "a/b..c", "a//b", "A/b", "a/B", "-a/b", "a-/b", "a/-b",
		"a/b-", "a/b.-c", "a.b/c", "a/b c", "a/b\n", "a/\xc3\xa4", "a_b/c", "a/b_c", " a/b",
		"a\\b/c"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = {.code = ERR_NONE};

		CU_ASSERT_EQUAL(record_check_name(bad[i], &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	}
}

static void test_record_check_name__bounds_both_parts(void)
{
	char name[LIMIT_NAMESPACE_BYTES + 1 + LIMIT_NAME_BYTES + 2];
	struct err err;

	memset(name, 'a', sizeof(name));
	name[LIMIT_NAMESPACE_BYTES] = '/';
	name[sizeof(name) - 2] = '\0';
	CU_ASSERT_EQUAL(record_check_name(name, &err), 0);
	name[sizeof(name) - 2] = 'a';
	name[sizeof(name) - 1] = '\0';
	CU_ASSERT_EQUAL(record_check_name(name, &err), -1);

	name[LIMIT_NAMESPACE_BYTES] = 'a';
	name[LIMIT_NAMESPACE_BYTES + 1] = '/';
	CU_ASSERT_EQUAL(record_check_name(name, &err), -1);
}

static void key_of(struct seal_keys *keys, const char *text)
{
	struct err err;

	CU_ASSERT_EQUAL_FATAL(seal_keys_parse(keys, text, strlen(text), &err), 0);
}

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

/* Encodes a record of that name with a secret in it. */
static void encode_secret(struct buf *out, const char *name, const struct seal_keys *keys)
{
	const struct record_seal seal = {.key = &keys->items[0], .nonce = "twelve bytes"};
	AUTO(record) struct record r = RECORD_INIT;
	struct err err;

	record_init(&r);
	fill_record(&r, name, "0a1b", "module");
	r.secret = true;
	CU_ASSERT_EQUAL_FATAL(record_encode(&r, &seal, out, &err), 0);
}

static void test_record_open__gives_back_what_was_sealed(void)
{
	AUTO(buf) struct buf file = BUF_INIT(LIMIT_RECORD_BYTES);
	AUTO(record) struct record r = RECORD_INIT;
	struct seal_keys keys;
	struct err err;

	record_init(&r);
	key_of(&keys, KEY);
	encode_secret(&file, "default/auth", &keys);
	CU_ASSERT_PTR_NULL(memmem(file.data, file.len, "tail", 4));
	CU_ASSERT_PTR_NOT_NULL(memmem(file.data, file.len, "default/auth", 12));
	CU_ASSERT_EQUAL_FATAL(record_decode(&r, file.data, file.len, &err), 0);
	CU_ASSERT_EQUAL(r.head.len + r.tail.len, 0);
	CU_ASSERT_TRUE(r.secret);
	CU_ASSERT_EQUAL_FATAL(record_open(&r, &keys, &err), 0);
	CU_ASSERT_TRUE(r.secret);
	CU_ASSERT_EQUAL(r.sealed.len, 0);
	CU_ASSERT_EQUAL(r.head.len, 10);
	CU_ASSERT_EQUAL(memcmp(r.head.data, "head\0of it", 10), 0);
	CU_ASSERT_STRING_EQUAL(buf_text(&r.tail), "tail");
}

static void test_record_open__refuses_the_seal_of_another_record(void)
{
	AUTO(buf) struct buf file = BUF_INIT(LIMIT_RECORD_BYTES);
	AUTO(record) struct record r = RECORD_INIT;
	struct seal_keys keys;
	struct err err;

	record_init(&r);
	key_of(&keys, KEY);
	encode_secret(&file, "default/auth", &keys);
	CU_ASSERT_EQUAL_FATAL(record_decode(&r, file.data, file.len, &err), 0);
	free(r.name);
	r.name = xstrdup("default/open");
	CU_ASSERT_EQUAL(record_open(&r, &keys, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_UNVERIFIED);
	CU_ASSERT_EQUAL(r.head.len + r.tail.len, 0);
	free(r.name);
	r.name = xstrdup("default/auth");
	CU_ASSERT_EQUAL(record_open(&r, &keys, &err), 0);
}

static void test_record_encode__passes_on_what_it_cannot_open(void)
{
	AUTO(buf) struct buf file = BUF_INIT(LIMIT_RECORD_BYTES);
	AUTO(buf) struct buf again = BUF_INIT(LIMIT_RECORD_BYTES);
	AUTO(record) struct record r = RECORD_INIT;
	struct seal_keys keys;
	struct err err;

	record_init(&r);
	key_of(&keys, KEY);
	encode_secret(&file, "default/auth", &keys);
	CU_ASSERT_EQUAL_FATAL(record_decode(&r, file.data, file.len, &err), 0);
	CU_ASSERT_EQUAL(record_encode(&r, NULL, &again, &err), 0);
	CU_ASSERT_EQUAL_FATAL(file.len, again.len);
	CU_ASSERT_EQUAL(memcmp(file.data, again.data, file.len), 0);
}

static void test_record_decode__refuses_a_seal_beside_what_it_hides(void)
{
	AUTO(buf) struct buf file = BUF_INIT(LIMIT_RECORD_BYTES);
	AUTO(buf) struct buf message = BUF_INIT(LIMIT_RECORD_BYTES);
	AUTO(buf) struct buf both = BUF_INIT(LIMIT_RECORD_BYTES);
	struct seal_keys keys;
	struct err err;

	key_of(&keys, KEY);
	encode_secret(&file, "default/auth", &keys);
	CU_ASSERT_EQUAL(
		buf_append(&message, file.data + HEADER_LEN, file.len - HEADER_LEN, &err), 0);
	CU_ASSERT_EQUAL(buf_append(&message, "\x3a\x04head", 6, &err), 0);
	wrap_message(&both, message.data, message.len);
	CU_ASSERT_EQUAL(decode(both.data, both.len), ERR_INVALID);
}

TEST_MAIN("record", TEST(test_record_decode__gives_back_what_was_encoded),
	TEST(test_record_decode__refuses_every_truncation),
	TEST(test_record_decode__refuses_every_flipped_bit),
	TEST(test_record_decode__refuses_what_is_no_message),
	TEST(test_record_decode__refuses_a_field_that_breaks_a_rule),
	TEST(test_record_decode__passes_over_fields_of_the_future),
	TEST(test_record_encode__is_the_same_each_time),
	TEST(test_record_encode__refuses_what_could_not_be_read_again),
	TEST(test_record_encode__refuses_a_module_without_digest_or_too_large),
	TEST(test_record_encode__refuses_more_than_the_ceiling),
	TEST(test_record_open__gives_back_what_was_sealed),
	TEST(test_record_open__refuses_the_seal_of_another_record),
	TEST(test_record_encode__passes_on_what_it_cannot_open),
	TEST(test_record_decode__refuses_a_seal_beside_what_it_hides),
	TEST(test_record_check_name__takes_what_kubernetes_takes),
	TEST(test_record_check_name__refuses_all_else),
	TEST(test_record_check_name__bounds_both_parts))
