/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/references.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

#define SAID 4096

static struct config_source secret(const char *namespace, const char *name)
{
	return (struct config_source){.kind = CONFIG_SECRET,
		.namespace = xstrdup(namespace),
		.name = xstrdup(name),
		.key = xstrdup("k")};
}

/* A target that refers to Secrets by these names; NULL: to none. */
static void refer(struct references *rs, struct target *t, const char *plugin, const char *vm,
	const char *pull)
{
	struct extension *ext = xcalloc(1, sizeof(*ext));

	ext->namespace = xstrdup("a");
	ext->name = xstrdup("1");
	ext->image.uri = xstrdup("u");
	if (plugin)
		ext->plugin_configuration = secret("a", plugin);
	if (vm)
		ext->vm_configuration = secret("b", vm);
	ext->image.pull_secret = xstrdup_null(pull);
	(void)target_desire(t, ext);
	references_set(rs, t);
}

static void forget(struct references *rs, struct target *t)
{
	target_abandon(t);
	references_set(rs, t);
	CU_ASSERT_PTR_NULL(t->links);
	target_free(t);
}

static void say_change(void *arg, const struct reference *r, bool wanted)
{
	struct err err;

	CU_ASSERT_EQUAL(
		buf_printf(arg, &err, "%c%s/%s ", wanted ? '+' : '-', r->namespace, r->name), 0);
}

/* Asserts what changed since the last call, in whatever order; words end in a blank. */
static void assert_changed(struct references *rs, const char *one, const char *other)
{
	AUTO(buf) struct buf said = BUF_INIT(SAID);

	references_changed(rs, say_change, &said);
	CU_ASSERT_EQUAL(said.len, strlen(one) + strlen(other));
	ASSERT_HAS(buf_text(&said), one);
	ASSERT_HAS(buf_text(&said), other);
}

static void count(void *arg, struct target *t)
{
	(void)t;
	++*(unsigned *)arg;
}

static unsigned users(const struct references *rs, const char *key)
{
	unsigned n = 0;

	references_each(rs, key, count, &n);
	return n;
}

static void test_references_set__says_what_is_wanted_for_the_first_time(void)
{
	struct references rs = {.changed = NULL};
	struct target *a = target_new("a/1");
	struct target *b = target_new("a/2");

	refer(&rs, a, "x", "y", NULL);
	assert_changed(&rs, "+a/x ", "+b/y ");
	refer(&rs, b, "x", NULL, "x");
	assert_changed(&rs, "", "");
	CU_ASSERT_EQUAL(users(&rs, "Secret/a/x"), 3);
	CU_ASSERT_EQUAL(users(&rs, "Secret/b/y"), 1);
	CU_ASSERT_EQUAL(users(&rs, "ConfigMap/a/x"), 0);
	forget(&rs, a);
	assert_changed(&rs, "-b/y ", "");
	forget(&rs, b);
	assert_changed(&rs, "-a/x ", "");
	CU_ASSERT_EQUAL(rs.by_key.n, 0);
	references_clear(&rs);
}

static void test_references_set__says_nothing_of_what_stays(void)
{
	struct references rs = {.changed = NULL};
	struct target *t = target_new("a/1");

	refer(&rs, t, "x", "y", NULL);
	assert_changed(&rs, "+a/x ", "+b/y ");
	refer(&rs, t, NULL, "y", "x");
	assert_changed(&rs, "", "");
	CU_ASSERT_STRING_EQUAL(references_of(t, 2)->name, "x");
	CU_ASSERT_PTR_NULL(references_of(t, 0));
	refer(&rs, t, "z", NULL, NULL);
	references_set(&rs, t);
	CU_ASSERT_EQUAL(users(&rs, "Secret/a/z"), 1);
	refer(&rs, t, "x", "y", NULL);
	assert_changed(&rs, "", ""); /* gone and back before anybody was told; z came and went */
	forget(&rs, t);
	assert_changed(&rs, "-a/x ", "-b/y ");
	references_clear(&rs);
}

static void test_references_each__knows_nothing_of_others(void)
{
	struct references rs = {.changed = NULL};
	struct target *t = target_new("a/1");

	CU_ASSERT_EQUAL(users(&rs, "Secret/a/x"), 0);
	CU_ASSERT_PTR_NULL(references_of(t, 1));
	refer(&rs, t, NULL, NULL, NULL);
	CU_ASSERT_PTR_NULL(t->links);
	forget(&rs, t);
	references_clear(&rs);
}

TEST_MAIN("references", TEST(test_references_set__says_what_is_wanted_for_the_first_time),
	TEST(test_references_set__says_nothing_of_what_stays),
	TEST(test_references_each__knows_nothing_of_others))
