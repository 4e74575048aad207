/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/source_bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "kube/cluster.h"
#include "kube/folder.h"
#include "tests/unit/test.h"

#define STEP_MS 5
#define STEPS 4000 /* longer than anything takes */

static const char *resource_of(enum object_kind kind)
{
	return kind == OBJECT_EXTENSION ? "wasmextensions"
	       : kind == OBJECT_SECRET  ? "secrets"
					: "configmaps";
}

/* The fields beside metadata, in JSON; the caller frees them. */
static char *extension_fields(const char *vm_id)
{
	return vm_id ? xasprintf("\"spec\":{\"runtime\":\"v8\",\"vm_id\":\"%s\",\"root_id\":\"\","
				 "\"image\":{\"protocol\":\"https\",\"uri\":\"h/m.wasm\"}}",
			       vm_id)
		     : xstrdup("\"spec\":{\"runtime\":\"v9\"}");
}

static char *value_fields(enum object_kind kind, const char *value)
{
	/* "YQ==" is "a", "Yg==" "b" and so on, which is all that the tests need */
	static const char *const encoded[] = {"YQ==", "Yg==", "Yw=="};

	return xasprintf(
		"\"data\":{\"v\":\"%s\"}", kind == OBJECT_SECRET ? encoded[value[0] - 'a'] : value);
}

/* A folder: a file an object. */

static void folder_bed_open(struct bed *b)
{
	b->base = fixture_dir();
	b->path = xasprintf("%s/folder", b->base);
	CU_ASSERT_EQUAL_FATAL(mkdir(b->path, 0700), 0);
	CU_ASSERT_EQUAL_FATAL(folder_open(&b->source, b->path, &b->err), 0);
}

static void folder_bed_close(struct bed *b)
{
	fixture_dir_remove(b->base);
	free(b->path);
}

/* Put in place as a whole, as good tools do; away from the source's eyes while it is away. */
static void put_file(struct bed *b, enum object_kind kind, const char *name, const char *fields)
{
	AUTO(free) char *file = xasprintf("%s.%s.json", resource_of(kind), name);
	AUTO(free) char *final = xasprintf("%s/%s", b->path, file);
	AUTO(free)
	char *text =
		xasprintf("{\"apiVersion\":\"%s\",\"kind\":\"%s\",\"metadata\":{\"name\":\"%s\","
			  "\"namespace\":\"n\"},%s}",
			kind == OBJECT_EXTENSION ? EXTENSION_API_VERSION : "v1",
			object_kind_name(kind), name, fields);
	AUTO(free) char *made = fixture_write(b->base, "new", text, strlen(text));

	CU_ASSERT_EQUAL(rename(made, final), 0);
}

static void folder_bed_put_extension(struct bed *b, const char *name, const char *vm_id)
{
	AUTO(free) char *fields = extension_fields(vm_id);

	put_file(b, OBJECT_EXTENSION, name, fields);
}

static void folder_bed_put_value(
	struct bed *b, enum object_kind kind, const char *name, const char *value)
{
	AUTO(free) char *fields = value_fields(kind, value);

	put_file(b, kind, name, fields);
}

static void folder_bed_erase(struct bed *b, enum object_kind kind, const char *name)
{
	AUTO(free) char *path = xasprintf("%s/%s.%s.json", b->path, resource_of(kind), name);

	CU_ASSERT_EQUAL(unlink(path), 0);
}

static void move_folder(struct bed *b, const char *to)
{
	char *moved = xasprintf("%s/%s", b->base, to);

	CU_ASSERT_EQUAL(rename(b->path, moved), 0);
	free(b->path);
	b->path = moved;
}

static void folder_bed_go_away(struct bed *b)
{
	move_folder(b, "away");
}

static void folder_bed_come_back(struct bed *b)
{
	move_folder(b, "folder");
}

/* An API server. */

static void cluster_bed_open(struct bed *b)
{
	const struct cluster_options options = {.n = 0};
	struct credentials access = {.server = NULL};

	b->server = api_server_start(NULL);
	access.server = xasprintf("http://127.0.0.1:%u", api_server_port(b->server));
	CU_ASSERT_EQUAL_FATAL(client_new(&b->client, &access, &b->err), 0);
	b->source = cluster_open(b->client, &options);
}

static void cluster_bed_close(struct bed *b)
{
	client_free(b->client);
	api_server_stop(b->server);
}

static void cluster_bed_put_extension(struct bed *b, const char *name, const char *vm_id)
{
	AUTO(free) char *fields = extension_fields(vm_id);

	api_server_put(b->server, "wasmextensions", "n", name, fields);
}

static void cluster_bed_put_value(
	struct bed *b, enum object_kind kind, const char *name, const char *value)
{
	AUTO(free) char *fields = value_fields(kind, value);

	api_server_put(b->server, resource_of(kind), "n", name, fields);
}

static void cluster_bed_erase(struct bed *b, enum object_kind kind, const char *name)
{
	api_server_delete(b->server, resource_of(kind), "n", name);
}

static void cluster_bed_go_away(struct bed *b)
{
	api_server_go_down(b->server);
}

static void cluster_bed_come_back(struct bed *b)
{
	api_server_come_up(b->server);
}

const struct bed_methods beds[] = {
	{
		.name = "folder",
		.open = folder_bed_open,
		.close = folder_bed_close,
		.put_extension = folder_bed_put_extension,
		.put_value = folder_bed_put_value,
		.erase = folder_bed_erase,
		.go_away = folder_bed_go_away,
		.come_back = folder_bed_come_back,
	},
	{
		.name = "cluster",
		.open = cluster_bed_open,
		.close = cluster_bed_close,
		.put_extension = cluster_bed_put_extension,
		.put_value = cluster_bed_put_value,
		.erase = cluster_bed_erase,
		.go_away = cluster_bed_go_away,
		.come_back = cluster_bed_come_back,
	},
	{.name = NULL},
};

void bed_open(struct bed *b, const struct bed_methods *methods)
{
	*b = (struct bed){.methods = methods, .noted = BUF_INIT(LIMIT_MIB)};
	methods->open(b);
}

void bed_close(struct bed *b)
{
	source_close(b->source);
	b->methods->close(b);
	buf_clear(&b->noted);
}

/* Writes "Kind/name", of "Kind/namespace/name". */
static void note_name(struct bed *b, char sign, const char *key)
{
	struct err err;

	CU_ASSERT_EQUAL(buf_printf(&b->noted, &err, "%c%.*s%s", sign, (int)strcspn(key, "/"), key,
				strrchr(key, '/')),
		0);
}

static void note_value(struct bed *b, const struct object *object)
{
	const struct object_value *value = map_get(&object->values, "v");
	struct err err;

	CU_ASSERT_EQUAL(buf_printf(&b->noted, &err, "=%s",
				object->extension ? object->extension->vm_id
				: value           ? value->bytes
						  : ""),
		0);
}

/* Of an object's key, or of a file "wasmextensions.x.json", the x. */
static void note_invalid(struct bed *b, const struct source_event *event)
{
	const char *name =
		event->key ? strrchr(event->key, '/') + 1 : strchr(event->origin, '.') + 1;
	struct err err;

	CU_ASSERT_NOT_EQUAL(event->err.msg[0], '\0');
	CU_ASSERT_EQUAL(buf_printf(&b->noted, &err, "!%.*s", (int)strcspn(name, "."), name), 0);
}

static void note(void *arg, struct source_event *event)
{
	struct bed *b = arg;
	struct err err;

	CU_ASSERT_PTR_NOT_NULL_FATAL(event->origin);
	if (event->change == SOURCE_APPLIED) {
		note_name(b, '+', event->key);
		note_value(b, event->object);
	} else if (event->change == SOURCE_DELETED) {
		note_name(b, '-', event->key);
	} else if (event->change == SOURCE_INVALID) {
		note_invalid(b, event);
	}
	if (event->change != SOURCE_MENDED)
		CU_ASSERT_EQUAL(buf_printf(&b->noted, &err, " "), 0);
	object_free(event->object);
	free(event->key);
	free(event->origin);
}

void bed_step(struct bed *b)
{
	source_wait(b->source, NULL, 0, STEP_MS);
	if (source_step(b->source, note, b, &b->err) < 0)
		b->failures++;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Returns the words in order; the caller frees them. */
static char *sorted(const char *words)
{
	AUTO(free) char *copy = xstrdup(words);
	AUTO(buf) struct buf out = BUF_INIT(LIMIT_MIB);
	AUTO(free) char **items = xcalloc(strlen(words) / 2 + 1, sizeof(char *));
	char *at = NULL;
	struct err err;
	size_t n = 0;

	for (char *word = strtok_r(copy, " ", &at); word; word = strtok_r(NULL, " ", &at))
		items[n++] = word;
	qsort(items, n, sizeof(*items), compare);
	for (size_t i = 0; i < n; i++)
		CU_ASSERT_EQUAL(buf_printf(&out, &err, "%s ", items[i]), 0);
	return buf_take(&out);
}

void bed_expect(struct bed *b, const char *words)
{
	AUTO(free) char *want = sorted(words);
	AUTO(free) char *got = NULL;

	for (int i = 0; i < STEPS && b->noted.len < strlen(want); i++)
		bed_step(b);
	bed_step(b);
	got = sorted(buf_text(&b->noted));
	if (strcmp(got, want) != 0)
		printf("\n  %s: wanted \"%s\", got \"%s\" %s\n", b->methods->name, want, got,
			b->err.msg);
	CU_ASSERT_STRING_EQUAL(got, want);
	buf_clear(&b->noted);
}

void bed_expect_failure(struct bed *b)
{
	unsigned before = b->failures;

	for (int i = 0; i < STEPS && b->failures == before; i++)
		bed_step(b);
	CU_ASSERT_TRUE(b->failures > before);
}
