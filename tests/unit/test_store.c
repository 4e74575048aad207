/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include "base/limits.h"
#include "base/map.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/test.h"

struct seen {
	struct map stamps; /* name → struct record_stamp, owned */
};

static void see(void *arg, const char *name, const struct record_stamp *stamp)
{
	struct seen *seen = arg;
	struct record_stamp *copy = xmalloc(sizeof(*copy));

	*copy = *stamp;
	free(map_put(&seen->stamps, name, copy));
}

static void auto_seen(struct seen *seen)
{
	map_clear(&seen->stamps, free);
}

static void see_all(const struct store *st, struct seen *seen)
{
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(store_each_record(st, see, seen, &err), 0);
}

static void test_store_put_record__is_read_back_by_another(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(store) struct store *reader = open_store(f.path, STORE_READ);
	AUTO(record) struct record r = RECORD_INIT;
	struct stat file;
	struct err err = {.msg = ""};

	record_init(&r);
	CU_ASSERT_EQUAL_FATAL(put_record(st, "default/auth", "0a", &err), 0);
	CU_ASSERT_EQUAL_FATAL(store_get_record(reader, "default/auth", &r, &err), 0);
	CU_ASSERT_STRING_EQUAL(r.name, "default/auth");
	CU_ASSERT_STRING_EQUAL(r.version, "0a");
	CU_ASSERT_EQUAL(fstatat(st->resources, "default/auth", &file, 0), 0);
	CU_ASSERT_EQUAL(file.st_mode & 07777, 0600);
}

static void test_store_put_record__replaces_the_one_before(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(record) struct record r = RECORD_INIT;
	struct err err = {.msg = ""};

	record_init(&r);
	CU_ASSERT_EQUAL(put_record(st, "default/auth", "0a", &err), 0);
	CU_ASSERT_EQUAL(put_record(st, "default/auth", "0b", &err), 0);
	CU_ASSERT_EQUAL_FATAL(store_get_record(st, "default/auth", &r, &err), 0);
	CU_ASSERT_STRING_EQUAL(r.version, "0b");
}

static void test_store_put_record__refuses_one_without_its_blob(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(record) struct record r = RECORD_INIT;
	struct digest digest;
	struct err err = {.msg = ""};
	uint64_t before = store_generation(st);

	record_init(&r);
	fill_record(&r, "default/auth", "0a", "module");
	CU_ASSERT_EQUAL(store_put_record(st, &r, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, r.served.hex);

	CU_ASSERT_EQUAL(put_blob(st, "module", &digest, &err), 0);
	r.served_bytes = 7;
	CU_ASSERT_EQUAL(store_put_record(st, &r, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, "has 6 bytes");
	CU_ASSERT_FALSE(path_exists(f.path, "resources/default"));
	CU_ASSERT_EQUAL(store_generation(st), before);
}

static void test_store_put_record__refuses_a_name_that_leads_elsewhere(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(put_record(st, "../oci-layout", "0a", &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
}

static void test_store_put_record__follows_no_link(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(symlinkat(f.top, st->resources, "linked"), 0);
	CU_ASSERT_EQUAL(put_record(st, "linked/auth", "0a", &err), -1);
	CU_ASSERT_FALSE(path_exists(f.top, "auth"));
}

static void test_store_delete_record__removes_an_empty_namespace_too(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(record) struct record r = RECORD_INIT;
	struct err err = {.msg = ""};

	record_init(&r);
	CU_ASSERT_EQUAL(put_record(st, "default/auth", "0a", &err), 0);
	CU_ASSERT_EQUAL(put_record(st, "default/rate", "0a", &err), 0);
	CU_ASSERT_EQUAL(store_delete_record(st, "default/auth", &err), 0);
	CU_ASSERT_EQUAL(store_get_record(st, "default/auth", &r, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_NOT_FOUND);
	CU_ASSERT(path_exists(f.path, "resources/default/rate"));
	CU_ASSERT_EQUAL(store_delete_record(st, "default/rate", &err), 0);
	CU_ASSERT_FALSE(path_exists(f.path, "resources/default"));
}

static void test_store_delete_record__takes_one_that_is_not_there(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(store_delete_record(st, "default/auth", &err), 0);
	CU_ASSERT_EQUAL(put_record(st, "default/rate", "0a", &err), 0);
	CU_ASSERT_EQUAL(store_delete_record(st, "default/auth", &err), 0);
	CU_ASSERT_EQUAL(store_delete_record(st, "default", &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
}

static void test_store_generation__moves_with_each_change(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(store) struct store *reader = open_store(f.path, STORE_READ);
	struct err err = {.msg = ""};
	uint64_t before = store_generation(reader);

	for (int i = 0; i < 5; i++) {
		CU_ASSERT_EQUAL(put_record(st, "default/auth", "0a", &err), 0);
		CU_ASSERT(store_generation(reader) > before);
		before = store_generation(reader);
		CU_ASSERT_EQUAL(store_delete_record(st, "default/auth", &err), 0);
		CU_ASSERT(store_generation(reader) > before);
		before = store_generation(reader);
	}
}

static void test_store_put_record__lets_nobody_else_read(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	mode_t before = umask(0);
	struct err err = {.msg = ""};
	struct stat file;

	CU_ASSERT_EQUAL(put_record(st, "default/auth", "0a", &err), 0);
	(void)umask(before);
	CU_ASSERT_EQUAL_FATAL(fstatat(st->resources, "default/auth", &file, 0), 0);
	CU_ASSERT_EQUAL(file.st_mode & 0777, 0600);
}

static void test_store_get_record__refuses_bytes_that_changed(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(record) struct record r = RECORD_INIT;
	struct err err = {.msg = ""};

	record_init(&r);
	CU_ASSERT_EQUAL(put_record(st, "default/auth", "0a", &err), 0);
	overwrite(f.path, "resources/default/auth", "");
	CU_ASSERT_EQUAL(store_get_record(st, "default/auth", &r, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_UNVERIFIED);
	overwrite(f.path, "resources/default/auth", "wasmxds-record 1\nand then something else");
	CU_ASSERT_EQUAL(store_get_record(st, "default/auth", &r, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_UNVERIFIED);
	ASSERT_HAS(err.msg, "default/auth");
	CU_ASSERT_PTR_NULL(r.name);
}

static void test_store_get_record__refuses_the_record_of_another_name(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(record) struct record r = RECORD_INIT;
	struct err err = {.msg = ""};

	record_init(&r);
	CU_ASSERT_EQUAL(put_record(st, "default/auth", "0a", &err), 0);
	CU_ASSERT_EQUAL(renameat(st->resources, "default/auth", st->resources, "default/rate"), 0);
	CU_ASSERT_EQUAL(store_get_record(st, "default/rate", &r, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_UNVERIFIED);
	CU_ASSERT_PTR_NULL(r.name);
}

static void test_store_get_record__finds_nothing_under_a_name_that_none_can_have(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(record) struct record r = RECORD_INIT;
	struct err err = {.msg = ""};

	record_init(&r);
	CU_ASSERT_EQUAL(store_get_record(st, "../../etc/passwd", &r, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_NOT_FOUND);
	CU_ASSERT_EQUAL(store_get_record(st, "no/such", &r, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_NOT_FOUND);
}

static void test_store_each_record__passes_over_what_is_none(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(seen) struct seen seen = {.stamps = {.n = 0}};
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(put_record(st, "default/auth", "0a", &err), 0);
	CU_ASSERT_EQUAL(put_record(st, "team-1/rate.limit", "0a", &err), 0);
	overwrite(f.path, "resources/default/.nfs0001", "x");
	overwrite(f.path, "resources/default/Upper", "x");
	overwrite(f.path, "resources/stray", "x");
	CU_ASSERT_EQUAL(mkdirat(st->resources, "lost+found", 0), 0);
	CU_ASSERT_EQUAL(mkdirat(st->resources, "default/folder", 0700), 0);
	see_all(st, &seen);
	CU_ASSERT_EQUAL(seen.stamps.n, 2);
	CU_ASSERT_PTR_NOT_NULL(map_get(&seen.stamps, "default/auth"));
	CU_ASSERT_PTR_NOT_NULL(map_get(&seen.stamps, "team-1/rate.limit"));
}

static void test_store_each_record__stamps_tell_a_new_record_from_the_old(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(seen) struct seen before = {.stamps = {.n = 0}};
	AUTO(seen) struct seen same = {.stamps = {.n = 0}};
	AUTO(seen) struct seen after = {.stamps = {.n = 0}};
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(put_record(st, "default/auth", "0a", &err), 0);
	see_all(st, &before);
	see_all(st, &same);
	CU_ASSERT_EQUAL(put_record(st, "default/auth", "0b", &err), 0);
	see_all(st, &after);

	const struct record_stamp *one = map_get(&before.stamps, "default/auth");
	const struct record_stamp *two = map_get(&same.stamps, "default/auth");
	const struct record_stamp *three = map_get(&after.stamps, "default/auth");

	CU_ASSERT_FATAL(one && two && three);
	CU_ASSERT_EQUAL(memcmp(one, two, sizeof(*one)), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(one, three, sizeof(*one)), 0);
}

TEST_MAIN("store", TEST(test_store_put_record__is_read_back_by_another),
	TEST(test_store_put_record__replaces_the_one_before),
	TEST(test_store_put_record__refuses_one_without_its_blob),
	TEST(test_store_put_record__refuses_a_name_that_leads_elsewhere),
	TEST(test_store_put_record__follows_no_link),
	TEST(test_store_delete_record__removes_an_empty_namespace_too),
	TEST(test_store_delete_record__takes_one_that_is_not_there),
	TEST(test_store_generation__moves_with_each_change),
	TEST(test_store_put_record__lets_nobody_else_read),
	TEST(test_store_get_record__refuses_bytes_that_changed),
	TEST(test_store_get_record__refuses_the_record_of_another_name),
	TEST(test_store_get_record__finds_nothing_under_a_name_that_none_can_have),
	TEST(test_store_each_record__passes_over_what_is_none),
	TEST(test_store_each_record__stamps_tell_a_new_record_from_the_old))
