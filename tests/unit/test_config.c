/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/config.h"

#include "base/auto.h"
#include "base/lend.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

#define HIDDEN "top\0secret"

static void free_object(void *object)
{
	object_free(object);
}

static void add_object(struct map *objects, enum object_kind kind, const char *bytes, size_t len)
{
	struct object *object = xcalloc(1, sizeof(*object));
	struct object_value *value = xcalloc(1, sizeof(*value));
	AUTO(free) char *key = object_key(kind, "team", "settings");

	object->kind = kind;
	object->namespace = xstrdup("team");
	object->name = xstrdup("settings");
	value->bytes = xmalloc(len + 1);
	memcpy(value->bytes, bytes, len);
	value->bytes[len] = '\0';
	value->len = len;
	map_put(&object->values, "config", value);
	CU_ASSERT_PTR_NULL(map_put(objects, key, object));
}

/* Two objects of one name and different kinds. */
static void fill(struct map *objects)
{
	*objects = (struct map){.slots = NULL};
	add_object(objects, OBJECT_SECRET, HIDDEN, sizeof(HIDDEN) - 1);
	add_object(objects, OBJECT_CONFIGMAP, "open", 4);
}

static struct config_source reference(enum config_kind kind, const char *name, const char *key)
{
	return (struct config_source){
		.kind = kind, .namespace = lend("team"), .name = lend(name), .key = lend(key)};
}

/* What it comes to for an extension beside the objects. */
static int resolve(struct artifact_config *out, const struct map *objects,
	const struct config_source *source, struct err *err)
{
	return config_resolve(out, objects, "team", "plugin_configuration", source, err);
}

static void test_config_resolve__gives_a_value_as_it_is(void)
{
	struct config_source source = {.kind = CONFIG_VALUE, .value = lend("{}")};
	struct map objects = {.slots = NULL};
	struct artifact_config out;
	struct err err;

	CU_ASSERT_EQUAL(resolve(&out, &objects, &source, &err), 0);
	CU_ASSERT_PTR_EQUAL(out.bytes, source.value);
	CU_ASSERT_EQUAL(out.len, 2);
	source.value = lend("");
	CU_ASSERT_EQUAL(resolve(&out, &objects, &source, &err), 0);
	CU_ASSERT_PTR_NOT_NULL(out.bytes);
	CU_ASSERT_EQUAL(out.len, 0);
}

static void test_config_resolve__gives_nothing_for_none(void)
{
	struct config_source source = {.kind = CONFIG_NONE};
	struct map objects = {.slots = NULL};
	struct artifact_config out = {.bytes = "x", .len = 1};
	struct err err;

	CU_ASSERT_EQUAL(resolve(&out, &objects, &source, &err), 0);
	CU_ASSERT_PTR_NULL(out.bytes);
	CU_ASSERT_EQUAL(out.len, 0);
}

static void test_config_resolve__reads_the_object_of_the_right_kind(void)
{
	struct config_source secret = reference(CONFIG_SECRET, "settings", "config");
	struct config_source configmap = reference(CONFIG_CONFIGMAP, "settings", "config");
	struct map objects;
	struct artifact_config out;
	struct err err;

	fill(&objects);
	CU_ASSERT_EQUAL(resolve(&out, &objects, &secret, &err), 0);
	CU_ASSERT_EQUAL_FATAL(out.len, sizeof(HIDDEN) - 1);
	CU_ASSERT_EQUAL(memcmp(out.bytes, HIDDEN, out.len), 0);
	CU_ASSERT_EQUAL(resolve(&out, &objects, &configmap, &err), 0);
	CU_ASSERT_EQUAL_FATAL(out.len, 4);
	CU_ASSERT_EQUAL(memcmp(out.bytes, "open", 4), 0);
	map_clear(&objects, free_object);
}

static void test_config_resolve__names_what_is_missing(void)
{
	struct config_source no_object = reference(CONFIG_SECRET, "others", "config");
	struct config_source no_key = reference(CONFIG_SECRET, "settings", "confg");
	struct map objects;
	struct artifact_config out;
	struct err err;

	fill(&objects);
	CU_ASSERT_EQUAL(resolve(&out, &objects, &no_object, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_NOT_FOUND);
	ASSERT_HAS(err.msg, "plugin_configuration");
	ASSERT_HAS(err.msg, "Secret/team/others");
	CU_ASSERT_EQUAL(resolve(&out, &objects, &no_key, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_NOT_FOUND);
	ASSERT_HAS(err.msg, "plugin_configuration");
	ASSERT_HAS(err.msg, "\"confg\"");
	ASSERT_HAS(err.msg, "Secret/team/settings");
	CU_ASSERT_PTR_NULL(strstr(err.msg, "top"));
	map_clear(&objects, free_object);
}

static void annotate(struct map *objects, const char *allowed)
{
	struct object *object = map_get(objects, "Secret/team/settings");

	free(map_put(&object->annotations, CONFIG_ALLOW_ANNOTATION, xstrdup(allowed)));
}

static enum err_code resolve_from(
	const struct map *objects, const char *namespace, const char *name, struct err *err)
{
	struct config_source source = reference(CONFIG_SECRET, name, "config");
	struct artifact_config out;

	*err = (struct err){.code = ERR_NONE};
	if (config_resolve(&out, objects, namespace, "plugin_configuration", &source, err) == 0)
		return ERR_NONE;
	CU_ASSERT_PTR_NULL(out.bytes);
	return err->code;
}

static void test_config_resolve__keeps_other_namespaces_out(void)
{
	static const char *const not_theirs[] = {"", "othe", "others", "another", "oth,er", "*"};
	struct map objects;
	struct err err;

	fill(&objects);
	CU_ASSERT_EQUAL(resolve_from(&objects, "other", "settings", &err), ERR_DENIED);
	ASSERT_HAS(err.msg, "Secret/team/settings");
	ASSERT_HAS(err.msg, CONFIG_ALLOW_ANNOTATION);
	ASSERT_HAS(err.msg, "other");
	for (size_t i = 0; i < sizeof(not_theirs) / sizeof(not_theirs[0]); i++) {
		annotate(&objects, not_theirs[i]);
		CU_ASSERT_EQUAL(resolve_from(&objects, "other", "settings", &err), ERR_DENIED);
		CU_ASSERT_EQUAL(resolve_from(&objects, "team", "settings", &err), ERR_NONE);
	}
	map_clear(&objects, free_object);
}

static void test_config_resolve__lets_in_who_is_named(void)
{
	static const char *const theirs[] = {"other", "a,other", "other,b", " a ,\tother , b "};
	struct map objects;
	struct err err;

	fill(&objects);
	for (size_t i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++) {
		annotate(&objects, theirs[i]);
		CU_ASSERT_EQUAL(resolve_from(&objects, "other", "settings", &err), ERR_NONE);
	}
	map_clear(&objects, free_object);
}

/* Else a stranger could learn which Secrets there are. */
static void test_config_resolve__does_not_tell_strangers_what_is_there(void)
{
	struct map objects;
	struct err there;
	struct err absent;

	fill(&objects);
	CU_ASSERT_EQUAL(resolve_from(&objects, "other", "settings", &there), ERR_DENIED);
	object_free(map_take(&objects, "Secret/team/settings"));
	CU_ASSERT_EQUAL(resolve_from(&objects, "other", "settings", &absent), ERR_DENIED);
	CU_ASSERT_STRING_EQUAL(there.msg, absent.msg);
	map_clear(&objects, free_object);
}

static void test_config_refers__looks_at_both_configurations(void)
{
	struct extension ext = {.plugin_configuration = reference(CONFIG_SECRET, "a", "k"),
		.vm_configuration = reference(CONFIG_CONFIGMAP, "b", "k")};

	CU_ASSERT_TRUE(config_refers(&ext, "Secret/team/a"));
	CU_ASSERT_TRUE(config_refers(&ext, "ConfigMap/team/b"));
	CU_ASSERT_FALSE(config_refers(&ext, "ConfigMap/team/a"));
	CU_ASSERT_FALSE(config_refers(&ext, "Secret/team/b"));
	CU_ASSERT_FALSE(config_refers(&ext, "Secret/other/a"));
	CU_ASSERT_FALSE(config_refers(&ext, "Secret/team/ab"));
}

static void test_config_refers__is_false_where_nothing_is_referred_to(void)
{
	struct extension ext = {.plugin_configuration = {.kind = CONFIG_NONE},
		.vm_configuration = {.kind = CONFIG_VALUE, .value = lend("Secret/team/a")}};

	CU_ASSERT_FALSE(config_refers(&ext, "Secret/team/a"));
}

/* An extension of team whose pull secret is "settings". */
static struct extension pulling(void)
{
	return (struct extension){.namespace = lend("team"),
		.image = {.protocol = PROTOCOL_OCI,
			.uri = lend("registry.example/filter:1"),
			.pull_secret = lend("settings")}};
}

static void put_docker_config(struct map *objects, const char *text)
{
	struct object *secret = NULL;
	struct object_value *value = xcalloc(1, sizeof(*value));

	*objects = (struct map){.slots = NULL};
	add_object(objects, OBJECT_SECRET, "x", 1);
	secret = map_get(objects, "Secret/team/settings");
	value->bytes = xstrdup(text);
	value->len = strlen(text);
	map_put(&secret->values, ".dockerconfigjson", value);
}

static void test_config_pull_secret__gives_the_docker_config(void)
{
	static const char text[] =
		"{\"auths\":{\"registry.example\":{\"auth\":\"bWU6aHVudGVyMg==\"}}}";
	struct extension ext = pulling();
	AUTO(free) char *found = NULL;
	struct map objects;
	struct err err;

	put_docker_config(&objects, text);
	CU_ASSERT_EQUAL_FATAL(config_pull_secret(&found, &objects, &ext, &err), 0);
	CU_ASSERT_STRING_EQUAL(found, text);
	map_clear(&objects, free_object);
}

static void test_config_pull_secret__names_what_is_missing(void)
{
	struct extension ext = pulling();
	AUTO(free) char *found = NULL;
	struct map objects;
	struct err err;

	fill(&objects);
	CU_ASSERT_EQUAL(config_pull_secret(&found, &objects, &ext, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_NOT_FOUND);
	ASSERT_HAS(err.msg, "no key \".dockerconfigjson\"");
	ext.image.pull_secret = lend("gone");
	CU_ASSERT_EQUAL(config_pull_secret(&found, &objects, &ext, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_NOT_FOUND);
	ASSERT_HAS(err.msg, "Secret/team/gone, which is not there");
	map_clear(&objects, free_object);
}

static void test_config_pull_secret__is_not_there_where_it_is_no_docker_config(void)
{
	static const char *const texts[] = {"", "hunter2", "{\"auths\":7}",
		"{\"auths\":{\"registry.example\":{\"auth\":\"hunter2\"}}}"};
	struct extension ext = pulling();

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		AUTO(free) char *found = NULL;
		struct map objects;
		struct err err;

		put_docker_config(&objects, texts[i]);
		CU_ASSERT_EQUAL(config_pull_secret(&found, &objects, &ext, &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_NOT_FOUND);
		ASSERT_HAS(err.msg, "is not usable: docker config: ");
		CU_ASSERT_PTR_NULL(strstr(err.msg, "hunter2"));
		CU_ASSERT_PTR_NULL(found);
		map_clear(&objects, free_object);
	}
}

TEST_MAIN("config", TEST(test_config_resolve__gives_a_value_as_it_is),
	TEST(test_config_resolve__gives_nothing_for_none),
	TEST(test_config_resolve__reads_the_object_of_the_right_kind),
	TEST(test_config_resolve__names_what_is_missing),
	TEST(test_config_resolve__keeps_other_namespaces_out),
	TEST(test_config_resolve__lets_in_who_is_named),
	TEST(test_config_resolve__does_not_tell_strangers_what_is_there),
	TEST(test_config_refers__looks_at_both_configurations),
	TEST(test_config_pull_secret__gives_the_docker_config),
	TEST(test_config_pull_secret__names_what_is_missing),
	TEST(test_config_pull_secret__is_not_there_where_it_is_no_docker_config),
	TEST(test_config_refers__is_false_where_nothing_is_referred_to))
