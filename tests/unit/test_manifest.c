/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each tests/unit/data/manifest/<case>.yaml or .json has an <case>.txt beside it, which says all
 * that manifest_parse() must make of it.
 */
#include "api/manifest.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

#define CASES "tests/unit/data/manifest"
#define CASES_LEAST 60
#define TEXT_MAX (8 * LIMIT_MIB)

/* Appends to what is shown; only a broken test can fill it. */
#define SHOW(out, ...)                                                          \
	do {                                                                    \
		struct err full_;                                               \
		CU_ASSERT_EQUAL_FATAL(buf_printf(out, &full_, __VA_ARGS__), 0); \
	} while (0)

static void show_config(struct buf *out, const char *name, const struct config_source *source)
{
	switch (source->kind) {
	case CONFIG_NONE:
		return;
	case CONFIG_VALUE:
		SHOW(out, "  %s %s\n", name, quote(source->value).text);
		return;
	case CONFIG_SECRET:
	case CONFIG_CONFIGMAP:
		SHOW(out, "  %s %s %s/%s %s\n", name,
			source->kind == CONFIG_SECRET ? "Secret" : "ConfigMap", source->namespace,
			source->name, source->key);
		return;
	}
}

static void show_names(struct buf *out, const char *what, const struct extension_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		SHOW(out, "  %s %s\n", what, names->items[i]);
}

static void show_environment(struct buf *out, const struct extension_environment *environment)
{
	show_names(out, "host_env_key", &environment->host_keys);
	for (size_t i = 0; i < environment->n_variables; i++)
		SHOW(out, "  variable %s=%s\n", environment->variables[i].name,
			quote(environment->variables[i].value).text);
}

/* What says nothing beyond its default is not shown. */
static void show_options(struct buf *out, const struct extension *ext)
{
	static const char *const policies[] = {"fail_closed", "fail_open", "fail_reload"};

	if (ext->filter == FILTER_NETWORK)
		SHOW(out, "  network filter\n");
	if (ext->fail_policy != FAIL_CLOSED)
		SHOW(out, "  %s\n", policies[ext->fail_policy]);
	if (ext->reload_backoff.base_ms > 0)
		SHOW(out, "  reload_backoff %lld to %lld ms\n",
			(long long)ext->reload_backoff.base_ms,
			(long long)ext->reload_backoff.max_ms);
	show_environment(out, &ext->environment);
	show_names(out, "capability", &ext->capabilities);
	if (ext->allow_precompiled)
		SHOW(out, "  allow_precompiled\n");
	if (ext->nack_on_code_cache_miss)
		SHOW(out, "  nack_on_code_cache_miss\n");
	if (ext->allow_on_headers_stop_iteration != SWITCH_UNSET)
		SHOW(out, "  allow_on_headers_stop_iteration %s\n",
			ext->allow_on_headers_stop_iteration == SWITCH_ON ? "on" : "off");
	if (ext->suspend)
		SHOW(out, "  suspend\n");
	if (ext->refetch)
		SHOW(out, "  refetch %s\n", quote(ext->refetch).text);
}

static void show_extension(struct buf *out, const struct extension *ext)
{
	SHOW(out, "  runtime %s, vm_id \"%s\", root_id \"%s\", generation %lld\n",
		extension_runtime_name(ext->runtime), ext->vm_id, ext->root_id,
		(long long)ext->generation);
	show_config(out, "plugin_configuration", &ext->plugin_configuration);
	show_config(out, "vm_configuration", &ext->vm_configuration);
	SHOW(out, "  image %s %s\n", extension_protocol_name(ext->image.protocol), ext->image.uri);
	if (digest_is_set(&ext->image.sha256))
		SHOW(out, "  sha256 %s\n", ext->image.sha256.hex);
	if (ext->image.pull_secret)
		SHOW(out, "  pull_secret %s\n", ext->image.pull_secret);
	if (ext->image.debug_sections == DEBUG_SECTIONS_KEEP)
		SHOW(out, "  debug_sections keep\n");
	if (ext->image.track_ms > 0)
		SHOW(out, "  track every %lld ms\n", (long long)ext->image.track_ms);
	show_options(out, ext);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Returns the keys in order; the caller frees the array, not the keys. */
static const char **sorted_keys(const struct map *map)
{
	const char **keys = xcalloc(map->n + 1, sizeof(*keys));
	size_t at = 0;
	size_t n = 0;

	while (n < map->n && map_next(map, &at, &keys[n]))
		n++;
	qsort(keys, n, sizeof(*keys), compare_texts);
	return keys;
}

static void show_values(struct buf *out, const struct object *object)
{
	AUTO(free) const char **keys = sorted_keys(&object->values);
	AUTO(free) const char **annotations = sorted_keys(&object->annotations);

	for (size_t i = 0; i < object->annotations.n; i++)
		SHOW(out, "  annotation %s: %s\n", annotations[i],
			(const char *)map_get(&object->annotations, annotations[i]));
	for (size_t i = 0; i < object->values.n; i++) {
		const struct object_value *value = map_get(&object->values, keys[i]);

		SHOW(out, "  %s: %s\n", keys[i], quote_bytes(value->bytes, value->len).text);
	}
}

static void show_manifest(struct buf *out, const struct manifest *m)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct object *object = m->objects[i];
		AUTO(free) char *key = object_key(object->kind, object->namespace, object->name);

		SHOW(out, "%u: %s\n", object->line, key);
		if (object->extension)
			show_extension(out, object->extension);
		show_values(out, object);
	}
	for (size_t i = 0; i < m->problems.n; i++) {
		const struct problem *p = &m->problems.items[i];

		SHOW(out, "%u: %s: %s\n", p->line, p->path, p->message);
	}
	if (m->problems.more)
		SHOW(out, "more problems: %zu\n", m->problems.more);
	if (m->invalid)
		SHOW(out, "invalid: %zu\n", m->invalid);
	if (m->ignored)
		SHOW(out, "ignored: %zu\n", m->ignored);
}

static void show_parse(struct buf *out, const char *text, size_t n)
{
	AUTO(manifest) struct manifest m = {.objects = NULL};
	struct err err = {.code = ERR_NONE};

	if (manifest_parse(&m, text, n, &err) < 0)
		SHOW(out, "error: %s\n", err.msg);
	else
		show_manifest(out, &m);
}

static void read_case(struct buf *out, const char *path)
{
	struct err err;

	if (io_read_file(AT_FDCWD, path, out, &err) < 0) {
		printf("\n  %s\n", err.msg);
		CU_FAIL_FATAL("a case cannot be read");
	}
}

static void check_case(const char *name)
{
	AUTO(free) char *input = xasprintf(CASES "/%s", name);
	AUTO(free)
	char *expected = xasprintf(CASES "/%.*s.txt", (int)(strrchr(name, '.') - name), name);
	AUTO(buf) struct buf text = BUF_INIT(TEXT_MAX);
	AUTO(buf) struct buf want = BUF_INIT(TEXT_MAX);
	AUTO(buf) struct buf got = BUF_INIT(TEXT_MAX);

	read_case(&text, input);
	read_case(&want, expected);
	show_parse(&got, buf_text(&text), text.len);
	if (strcmp(buf_text(&got), buf_text(&want)) != 0) {
		printf("\n  %s: expected\n%s  but got\n%s", input, buf_text(&want), buf_text(&got));
		CU_FAIL("not what is expected");
	}
}

static void test_manifest_parse__says_what_each_case_expects(void)
{
	AUTO(dir) DIR *dir = opendir(CASES);
	const struct dirent *entry = NULL;
	unsigned n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
	while ((entry = readdir(dir))) {
		const char *suffix = strrchr(entry->d_name, '.');

		if (!suffix || (strcmp(suffix, ".yaml") != 0 && strcmp(suffix, ".json") != 0))
			continue;
		check_case(entry->d_name);
		n++;
	}
	CU_ASSERT(n >= CASES_LEAST);
}

/* "hunter2" stands in for every secret of the bad cases. */
static void test_manifest_parse__never_shows_a_secret(void)
{
	AUTO(dir) DIR *dir = opendir(CASES);
	const struct dirent *entry = NULL;

	CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
	while ((entry = readdir(dir))) {
		AUTO(free) char *path = xasprintf(CASES "/%s", entry->d_name);
		AUTO(buf) struct buf text = BUF_INIT(TEXT_MAX);

		if (entry->d_name[0] == '.' || !strstr(entry->d_name, ".txt"))
			continue;
		read_case(&text, path);
		CU_ASSERT_PTR_NULL(strstr(buf_text(&text), "hunter2"));
	}
}

static void test_manifest_parse__refuses_more_than_its_ceiling(void)
{
	AUTO(manifest) struct manifest m = {.objects = NULL};
	AUTO(free) char *text = xmalloc(LIMIT_MANIFEST_BYTES + 1);
	struct err err = {.code = ERR_NONE};

	memset(text, '\n', LIMIT_MANIFEST_BYTES + 1);
	CU_ASSERT_EQUAL(manifest_parse(&m, text, LIMIT_MANIFEST_BYTES, &err), 0);
	CU_ASSERT_EQUAL(m.n, 0);
	CU_ASSERT_EQUAL(manifest_parse(&m, text, LIMIT_MANIFEST_BYTES + 1, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, "at most 4194304");
}

TEST_MAIN("manifest", TEST(test_manifest_parse__says_what_each_case_expects),
	TEST(test_manifest_parse__never_shows_a_secret),
	TEST(test_manifest_parse__refuses_more_than_its_ceiling))
