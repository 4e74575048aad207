/* SPDX-License-Identifier: Apache-2.0 */
/* Random adds, deletes and collections against a model of what must be there. */
#include "store/collect.h"

#include "tests/unit/store_fixture.h"
#include "tests/unit/test.h"

#define CYCLES 10000
#define NAMES 24
#define MODULES 40
#define GRACE_MS 50
#define NONE MODULES

struct model {
	struct store *st;
	uint32_t random;
	int64_t now;
	struct digest digests[MODULES];
	size_t served[NAMES];           /* module of each record; NONE: no record */
	int64_t not_needed_at[MODULES]; /* when it last fell out of use, or was committed */
	bool leased[MODULES];
};

/* xorshift32: the same walk each time. */
static uint32_t draw(struct model *m, uint32_t n)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 17;
	m->random ^= m->random << 5;
	return m->random % n;
}

static void module_text(char text[32], size_t module)
{
	(void)snprintf(text, 32, "module %zu", module);
}

static bool is_named(const struct model *m, size_t module)
{
	for (size_t i = 0; i < NAMES; i++) {
		if (m->served[i] == module)
			return true;
	}
	return false;
}

static bool is_leased(void *arg, const struct digest *digest)
{
	const struct model *m = arg;

	for (size_t i = 0; i < MODULES; i++) {
		if (m->leased[i] && digest_equal(&m->digests[i], digest))
			return true;
	}
	return false;
}

static bool has_module(const struct model *m, size_t module)
{
	uint64_t size = 0;

	return store_has_blob(m->st, &m->digests[module], &size);
}

static void let_go(struct model *m, size_t name)
{
	if (m->served[name] != NONE)
		m->not_needed_at[m->served[name]] = m->now;
	m->served[name] = NONE;
}

static void put(struct model *m, size_t name, size_t module)
{
	AUTO(free) char *full = xasprintf("ns-%zu/name", name);
	struct err err = {.msg = ""};
	char text[32];

	module_text(text, module);
	CU_ASSERT_EQUAL_FATAL(put_record_of(m->st, full, "0a", text, &err), 0);
	let_go(m, name);
	m->served[name] = module;
}

static void delete (struct model *m, size_t name)
{
	AUTO(free) char *full = xasprintf("ns-%zu/name", name);
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL_FATAL(store_delete_record(m->st, full, &err), 0);
	let_go(m, name);
}

/* A module whose record is still to come, as after a fetch. */
static void commit(struct model *m, size_t module)
{
	struct digest digest;
	struct err err = {.msg = ""};
	char text[32];

	module_text(text, module);
	CU_ASSERT_EQUAL_FATAL(put_blob(m->st, text, &digest, &err), 0);
	m->not_needed_at[module] = m->now;
}

static void toggle_lease(struct model *m, size_t module)
{
	m->leased[module] = !m->leased[module] && has_module(m, module);
}

/* No module goes that is needed, or was within the grace period. */
static void collect(struct model *m)
{
	struct store_garbage garbage;
	struct err err = {.msg = ""};
	bool before[MODULES];

	for (size_t i = 0; i < MODULES; i++)
		before[i] = has_module(m, i);
	CU_ASSERT_EQUAL_FATAL(store_collect(m->st, m->now, GRACE_MS, &garbage, &err), 0);
	for (size_t i = 0; i < MODULES; i++) {
		bool needed = is_named(m, i) || m->leased[i];

		if (!before[i] || has_module(m, i))
			continue;
		CU_ASSERT_FALSE_FATAL(needed);
		CU_ASSERT_FATAL(m->now - m->not_needed_at[i] >= GRACE_MS);
	}
}

static void step(struct model *m)
{
	m->now += draw(m, 10);
	switch (draw(m, 6)) {
	case 0:
		delete (m, draw(m, NAMES));
		break;
	case 1:
		commit(m, draw(m, MODULES));
		break;
	case 2:
		toggle_lease(m, draw(m, MODULES));
		break;
	case 3:
		collect(m);
		break;
	default:
		put(m, draw(m, NAMES), draw(m, MODULES));
		break;
	}
}

static void check_all_named_are_there(const struct model *m)
{
	for (size_t i = 0; i < NAMES; i++) {
		if (m->served[i] != NONE)
			CU_ASSERT_FATAL(has_module(m, m->served[i]));
	}
}

static void test_store_collect__loses_nothing_in_use_and_keeps_nothing_else(void)
{
	AUTO(folder) struct folder f = folder_new_fast();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	struct model m = {.st = st, .random = 20260822};
	struct store_policy policy = {.needs = is_leased, .arg = &m};

	store_set_policy(st, &policy);
	for (size_t i = 0; i < MODULES; i++) {
		char text[32];

		module_text(text, i);
		digest_of(&m.digests[i], text, strlen(text));
	}
	for (size_t i = 0; i < NAMES; i++)
		m.served[i] = NONE;
	for (int i = 0; i < CYCLES; i++) {
		step(&m);
		check_all_named_are_there(&m);
	}
	collect(&m);
	m.now += GRACE_MS;
	collect(&m);
	for (size_t i = 0; i < MODULES; i++)
		CU_ASSERT_EQUAL(has_module(&m, i), is_named(&m, i) || m.leased[i]);
}

TEST_MAIN("collect_model", TEST(test_store_collect__loses_nothing_in_use_and_keeps_nothing_else))
