/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/catalog.h"

#include "tests/unit/store_fixture.h"
#include "tests/unit/stream_fixture.h"
#include "tests/unit/test.h"

/* A subscription of nobody, which holds a resource in the catalog. */
static struct subscription *hold(struct resource *r)
{
	static struct subscription sub;

	sub = (struct subscription){.resource = r};
	r->first = &sub;
	return &sub;
}

static void let_go(struct catalog *c, struct resource *r)
{
	r->first = NULL;
	catalog_release(c, r);
}

static const char *version_in(const struct catalog *c, const char *name)
{
	const struct resource *r = catalog_find(c, name);

	return r && r->payload ? payload_record(r->payload)->version : "";
}

static void test_catalog_put__makes_and_replaces(void)
{
	struct catalog c;

	catalog_init(&c);
	CU_ASSERT_PTR_NULL(catalog_find(&c, "a/1"));
	struct resource *r = catalog_put(&c, payload_of("a/1", "01"));

	CU_ASSERT_STRING_EQUAL(r->name, "a/1");
	CU_ASSERT_PTR_EQUAL(catalog_find(&c, "a/1"), r);
	CU_ASSERT_EQUAL(c.available, 1);
	CU_ASSERT_PTR_EQUAL(catalog_put(&c, payload_of("a/1", "02")), r);
	CU_ASSERT_STRING_EQUAL(version_in(&c, "a/1"), "02");
	CU_ASSERT_EQUAL(c.available, 1);
	(void)catalog_put(&c, payload_of("a/2", "01"));
	CU_ASSERT_EQUAL(c.available, 2);
	CU_ASSERT_STRING_EQUAL(version_in(&c, "a/1"), "02");
	catalog_clear(&c);
	CU_ASSERT_EQUAL(c.available, 0);
	CU_ASSERT_PTR_NULL(catalog_find(&c, "a/1"));
}

/* What is sent already holds a reference of its own. */
static void test_catalog_put__leaves_the_payload_before_to_who_sends_it(void)
{
	struct catalog c;

	catalog_init(&c);
	const struct resource *r = catalog_put(&c, payload_of("a/1", "01"));
	AUTO(payload) struct payload *sending = payload_ref(r->payload);

	(void)catalog_put(&c, payload_of("a/1", "02"));
	catalog_remove(&c, "a/1");
	CU_ASSERT_STRING_EQUAL(payload_record(sending)->version, "01");
	catalog_clear(&c);
}

static void test_catalog_remove__forgets_what_nobody_subscribed_to(void)
{
	struct catalog c;

	catalog_init(&c);
	catalog_remove(&c, "a/1");
	(void)catalog_put(&c, payload_of("a/1", "01"));
	catalog_remove(&c, "a/1");
	CU_ASSERT_PTR_NULL(catalog_find(&c, "a/1"));
	CU_ASSERT_EQUAL(c.available, 0);
	catalog_remove(&c, "a/1");
	CU_ASSERT_EQUAL(c.available, 0);
	catalog_clear(&c);
}

static void test_catalog_remove__keeps_what_somebody_subscribed_to(void)
{
	struct catalog c;

	catalog_init(&c);
	struct resource *r = catalog_put(&c, payload_of("a/1", "01"));
	const struct subscription *sub = hold(r);

	catalog_remove(&c, "a/1");
	CU_ASSERT_PTR_EQUAL(catalog_find(&c, "a/1"), r);
	CU_ASSERT_PTR_NULL(r->payload);
	CU_ASSERT_PTR_EQUAL(r->first, sub);
	CU_ASSERT_EQUAL(c.available, 0);
	CU_ASSERT_PTR_EQUAL(catalog_put(&c, payload_of("a/1", "02")), r);
	CU_ASSERT_PTR_EQUAL(r->first, sub);
	catalog_remove(&c, "a/1");
	let_go(&c, r);
	CU_ASSERT_PTR_NULL(catalog_find(&c, "a/1"));
	catalog_clear(&c);
}

static void test_catalog_require__remembers_a_name_that_is_waited_for(void)
{
	struct catalog c;

	catalog_init(&c);
	struct resource *r = catalog_require(&c, "a/9");

	CU_ASSERT_PTR_NULL(r->payload);
	CU_ASSERT_EQUAL(c.available, 0);
	(void)hold(r);
	catalog_release(&c, r);
	CU_ASSERT_PTR_EQUAL(catalog_require(&c, "a/9"), r);
	CU_ASSERT_PTR_EQUAL(catalog_put(&c, payload_of("a/9", "01")), r);
	let_go(&c, r);
	CU_ASSERT_PTR_EQUAL(catalog_find(&c, "a/9"), r);
	CU_ASSERT_STRING_EQUAL(version_in(&c, "a/9"), "01");
	catalog_clear(&c);
}

/* A store with two modules, and a cache to read them through. */
struct modules {
	struct folder folder;
	struct store *store;
	struct blob_cache *cache;
	struct digest digests[2];
};

static void modules_open(struct modules *m)
{
	struct err err;

	*m = (struct modules){.folder = folder_new(), .cache = blob_cache_new()};
	m->store = open_store(m->folder.path, STORE_WRITE);
	CU_ASSERT_EQUAL(put_blob(m->store, "one", &m->digests[0], &err), 0);
	CU_ASSERT_EQUAL(put_blob(m->store, "two", &m->digests[1], &err), 0);
}

static void modules_close(struct modules *m)
{
	CU_ASSERT_EQUAL(blob_cache_bytes(m->cache), 0);
	store_close(m->store);
	blob_cache_free(m->cache);
	auto_folder(&m->folder);
}

static struct payload *payload_with(const char *version, const struct digest *served)
{
	struct record r = RECORD_INIT;

	r.name = xstrdup("a/1");
	r.version = xstrdup(version);
	r.served = *served;
	return payload_new(&r);
}

static void load(struct modules *m, struct resource *r)
{
	struct err err;

	r->blob = blob_cache_get(m->cache, m->store, &payload_record(r->payload)->served, 3, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(r->blob);
}

static void test_catalog_put__keeps_the_module_while_it_is_the_same(void)
{
	struct modules m;
	struct catalog c;

	modules_open(&m);
	catalog_init(&c);
	struct resource *r = catalog_put(&c, payload_with("01", &m.digests[0]));

	load(&m, r);
	const struct blob *blob = r->blob;

	(void)catalog_put(&c, payload_with("02", &m.digests[0]));
	CU_ASSERT_PTR_EQUAL(r->blob, blob);
	(void)catalog_put(&c, payload_with("03", &m.digests[1]));
	CU_ASSERT_PTR_NULL(r->blob);
	CU_ASSERT_EQUAL(blob_cache_bytes(m.cache), 0);
	load(&m, r);
	catalog_clear(&c);
	modules_close(&m);
}

static void test_catalog_release__drops_the_module_with_the_last_subscriber(void)
{
	struct modules m;
	struct catalog c;

	modules_open(&m);
	catalog_init(&c);
	struct resource *r = catalog_put(&c, payload_with("01", &m.digests[0]));

	(void)hold(r);
	load(&m, r);
	catalog_release(&c, r);
	CU_ASSERT_PTR_NOT_NULL(r->blob);
	let_go(&c, r);
	CU_ASSERT_PTR_NULL(r->blob);
	CU_ASSERT_EQUAL(blob_cache_bytes(m.cache), 0);
	CU_ASSERT_PTR_EQUAL(catalog_find(&c, "a/1"), r);
	catalog_clear(&c);
	modules_close(&m);
}

static void test_catalog_remove__drops_the_module(void)
{
	struct modules m;
	struct catalog c;

	modules_open(&m);
	catalog_init(&c);
	struct resource *r = catalog_put(&c, payload_with("01", &m.digests[0]));

	(void)hold(r);
	load(&m, r);
	catalog_remove(&c, "a/1");
	CU_ASSERT_EQUAL(blob_cache_bytes(m.cache), 0);
	let_go(&c, r);
	catalog_clear(&c);
	modules_close(&m);
}

TEST_MAIN("catalog", TEST(test_catalog_put__makes_and_replaces),
	TEST(test_catalog_put__leaves_the_payload_before_to_who_sends_it),
	TEST(test_catalog_remove__forgets_what_nobody_subscribed_to),
	TEST(test_catalog_remove__keeps_what_somebody_subscribed_to),
	TEST(test_catalog_require__remembers_a_name_that_is_waited_for),
	TEST(test_catalog_put__keeps_the_module_while_it_is_the_same),
	TEST(test_catalog_release__drops_the_module_with_the_last_subscriber),
	TEST(test_catalog_remove__drops_the_module))
