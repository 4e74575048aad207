/* SPDX-License-Identifier: Apache-2.0 */
#include "store/keyring.h"

#include "base/auto.h"
#include "base/xalloc.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/test.h"

#define HEX_A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define HEX_B "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define HIDDEN "a value that nobody may read"

/* A store, and a file of keys beside it. */
struct place {
	struct folder folder;
	struct store *st;
	char *keys;
};

static struct place place_new(const char *keys)
{
	struct place p = {.folder = folder_new()};
	struct err err = {.msg = ""};

	p.st = open_store(p.folder.path, STORE_WRITE);
	p.keys = xasprintf("%s/keys", p.folder.top);
	overwrite(p.folder.top, "keys", keys);
	CU_ASSERT_EQUAL(store_use_keys(p.st, p.keys, &err), 0);
	return p;
}

static void auto_place(struct place *p)
{
	store_close(p->st);
	free(p->keys);
	auto_folder(&p->folder);
}

static int put_secret(struct store *st, const char *name, struct err *err)
{
	AUTO(record) struct record r = RECORD_INIT;

	fill_record(&r, name, "0a", "module");
	r.secret = true;
	CU_ASSERT_EQUAL(buf_append(&r.tail, HIDDEN, strlen(HIDDEN), err), 0);
	if (put_blob(st, "module", &r.served, err) < 0)
		return -1;
	return store_put_record(st, &r, err);
}

static bool file_holds(const char *dir, const char *path, const char *text)
{
	AUTO(free) char *full = xasprintf("%s/%s", dir, path);
	AUTO(buf) struct buf bytes = BUF_INIT(LIMIT_MIB);
	struct err err;

	CU_ASSERT_EQUAL(io_read_file(AT_FDCWD, full, &bytes, &err), 0);
	return memmem(buf_text(&bytes), bytes.len, text, strlen(text)) != NULL;
}

/* Who reads the store, with the keys of a file or with none. */
static enum err_code read_as(const char *dir, const char *keys, struct err *err)
{
	AUTO(store) struct store *st = open_store(dir, STORE_READ);
	AUTO(record) struct record r = RECORD_INIT;

	record_init(&r);
	*err = (struct err){.code = ERR_NONE};
	if (keys)
		CU_ASSERT_EQUAL(store_use_keys(st, keys, err), 0);
	if (store_get_record(st, "default/auth", &r, err) < 0) {
		CU_ASSERT_PTR_NULL(r.name);
		return err->code;
	}
	CU_ASSERT_EQUAL(r.head.len, 10);
	CU_ASSERT_STRING_EQUAL(buf_text(&r.tail), "tail" HIDDEN);
	return ERR_NONE;
}

static void test_store_put_record__writes_no_secret_as_it_is(void)
{
	AUTO(place) struct place p = place_new(HEX_A);
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(put_secret(p.st, "default/auth", &err), 0);
	CU_ASSERT_FALSE(file_holds(p.folder.path, "resources/default/auth", HIDDEN));
	CU_ASSERT_FALSE(file_holds(p.folder.path, "resources/default/auth", "head"));
	CU_ASSERT_EQUAL(read_as(p.folder.path, p.keys, &err), ERR_NONE);
}

static void test_store_put_record__refuses_a_secret_without_a_key(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(put_secret(st, "default/auth", &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_DENIED);
	ASSERT_HAS(err.msg, "no key to seal it with");
	CU_ASSERT_FALSE(path_exists(f.path, "resources/default/auth"));
}

static void test_store_get_record__opens_with_the_right_key_alone(void)
{
	AUTO(place) struct place p = place_new(HEX_A);
	AUTO(free) char *wrong = xasprintf("%s/wrong", p.folder.top);
	AUTO(record) struct record r = RECORD_INIT;
	struct err err = {.msg = ""};

	record_init(&r);
	CU_ASSERT_EQUAL(put_secret(p.st, "default/auth", &err), 0);
	overwrite(p.folder.top, "wrong", HEX_B);
	CU_ASSERT_EQUAL(read_as(p.folder.path, wrong, &err), ERR_DENIED);
	ASSERT_HAS(err.msg, "not among the 1 here");
	CU_ASSERT_EQUAL(read_as(p.folder.path, NULL, &err), ERR_DENIED);
	overwrite(p.folder.top, "wrong", HEX_B "\n" HEX_A);
	CU_ASSERT_EQUAL(read_as(p.folder.path, wrong, &err), ERR_NONE);
}

static void test_store_peek_record__needs_no_key(void)
{
	AUTO(place) struct place p = place_new(HEX_A);
	AUTO(store) struct store *reader = open_store(p.folder.path, STORE_READ);
	AUTO(record) struct record r = RECORD_INIT;
	struct digest served;
	struct err err = {.msg = ""};

	record_init(&r);
	CU_ASSERT_EQUAL(put_secret(p.st, "default/auth", &err), 0);
	CU_ASSERT_EQUAL_FATAL(store_peek_record(reader, "default/auth", &r, &err), 0);
	digest_of(&served, "module", strlen("module"));
	CU_ASSERT(digest_equal(&r.served, &served));
	CU_ASSERT_STRING_EQUAL(r.version, "0a");
	CU_ASSERT_STRING_EQUAL(r.sealed_by, store_keys(p.st)->items[0].id);
	CU_ASSERT_EQUAL(r.head.len, 0);
	CU_ASSERT_EQUAL(r.tail.len, 0);
}

static void test_store_refresh_keys__follows_the_file(void)
{
	AUTO(place) struct place p = place_new(HEX_A);
	struct err err = {.msg = ""};
	bool changed = true;

	CU_ASSERT_EQUAL(store_refresh_keys(p.st, &changed, &err), 0);
	CU_ASSERT_FALSE(changed);
	overwrite(p.folder.top, "keys", HEX_A "\n\n");
	CU_ASSERT_EQUAL(store_refresh_keys(p.st, &changed, &err), 0);
	CU_ASSERT_FALSE(changed);
	overwrite(p.folder.top, "keys", HEX_B "\n" HEX_A "\n");
	CU_ASSERT_EQUAL(store_refresh_keys(p.st, &changed, &err), 0);
	CU_ASSERT_TRUE(changed);
	CU_ASSERT_EQUAL(store_keys(p.st)->n, 2);
}

static void test_store_refresh_keys__keeps_what_it_had_when_the_file_breaks(void)
{
	AUTO(place) struct place p = place_new(HEX_A);
	struct err err = {.msg = ""};
	bool changed = true;

	overwrite(p.folder.top, "keys", "oops");
	CU_ASSERT_EQUAL(store_refresh_keys(p.st, &changed, &err), -1);
	ASSERT_HAS(err.msg, "line 1");
	CU_ASSERT_FALSE(changed);
	CU_ASSERT_EQUAL(store_refresh_keys(p.st, &changed, &err), 0); /* said once */
	CU_ASSERT_EQUAL(unlink(p.keys), 0);
	CU_ASSERT_EQUAL(store_refresh_keys(p.st, &changed, &err), -1);
	CU_ASSERT_EQUAL(store_keys(p.st)->n, 1);
	CU_ASSERT_EQUAL(put_secret(p.st, "default/auth", &err), 0);
}

static void test_store_use_keys__names_the_file_that_cannot_be_used(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(store_use_keys(st, "/nonexistent/keys", &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_NOT_FOUND);
	ASSERT_HAS(err.msg, "key file /nonexistent/keys");
	CU_ASSERT_EQUAL(store_keys(st)->n, 0);
}

static void test_keyring_make__makes_one_key_for_its_owner_once(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(free) char *path = xasprintf("%s/key", f.top);
	struct err err = {.msg = ""};
	char id[SEAL_ID_LEN + 1];
	struct stat file;

	CU_ASSERT_EQUAL(keyring_make(path, &err), 0);
	CU_ASSERT_EQUAL_FATAL(stat(path, &file), 0);
	CU_ASSERT_EQUAL(file.st_mode & 0777, 0600);
	CU_ASSERT_EQUAL_FATAL(store_use_keys(st, path, &err), 0);
	CU_ASSERT_EQUAL(store_keys(st)->n, 1);
	memcpy(id, store_keys(st)->items[0].id, sizeof(id));
	CU_ASSERT_EQUAL(keyring_make(path, &err), 0);
	CU_ASSERT_EQUAL(store_use_keys(st, path, &err), 0);
	CU_ASSERT_STRING_EQUAL(store_keys(st)->items[0].id, id);
}

static void test_keyring_make__names_the_file_that_cannot_be_made(void)
{
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(keyring_make("/nonexistent/folder/key", &err), -1);
	ASSERT_HAS(err.msg, "make key file /nonexistent/folder/key");
}

TEST_MAIN("keyring", TEST(test_store_put_record__writes_no_secret_as_it_is),
	TEST(test_store_put_record__refuses_a_secret_without_a_key),
	TEST(test_store_get_record__opens_with_the_right_key_alone),
	TEST(test_store_peek_record__needs_no_key), TEST(test_store_refresh_keys__follows_the_file),
	TEST(test_store_refresh_keys__keeps_what_it_had_when_the_file_breaks),
	TEST(test_store_use_keys__names_the_file_that_cannot_be_used),
	TEST(test_keyring_make__makes_one_key_for_its_owner_once),
	TEST(test_keyring_make__names_the_file_that_cannot_be_made))
