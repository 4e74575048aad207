/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/api_objects.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/xalloc.h"

#define CORE_PATH "/api/v1/"
#define GROUP_PATH "/apis/wasmxds.tetrate.io/v1alpha1/"

/* Something that happened to an object; also the object, if it is the last of that place. */
struct api_happening {
	unsigned version;
	const char *type; /* "ADDED", "MODIFIED", "DELETED" */
	char *resource;   /* owned, as all below */
	char *namespace;
	char *name;
	char *body; /* the object in JSON */
};

bool api_selection_read(struct api_selection *out, const char *path, const char *selector)
{
	static const char by_name[] = "metadata.name=";
	const char *rest = NULL;
	bool core = strncmp(path, CORE_PATH, strlen(CORE_PATH)) == 0;

	if (!core && strncmp(path, GROUP_PATH, strlen(GROUP_PATH)) != 0)
		return false;
	rest = path + strlen(core ? CORE_PATH : GROUP_PATH);
	if (strncmp(rest, "namespaces/", strlen("namespaces/")) == 0) {
		rest += strlen("namespaces/");
		out->namespace = xstrndup(rest, strcspn(rest, "/"));
		rest += strcspn(rest, "/");
		rest += *rest == '/';
	}
	out->resource = xstrdup(rest);
	if (selector && strncmp(selector, by_name, strlen(by_name)) == 0)
		out->name = xstrdup(selector + strlen(by_name));
	return core || strcmp(rest, "wasmextensions") == 0;
}

void api_selection_clear(struct api_selection *s)
{
	free(s->resource);
	free(s->namespace);
	free(s->name);
}

static bool selects(const struct api_selection *s, const struct api_happening *h)
{
	return strcmp(s->resource, h->resource) == 0 &&
	       (!s->namespace || strcmp(s->namespace, h->namespace) == 0) &&
	       (!s->name || strcmp(s->name, h->name) == 0);
}

static void print(struct buf *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void print(struct buf *out, const char *fmt, ...)
{
	struct err err;
	AUTO(free) char *text = NULL;
	va_list args;

	va_start(args, fmt);
	int n = vasprintf(&text, fmt, args);
	va_end(args);
	if (n < 0 || buf_append(out, text, (size_t)n, &err) < 0)
		abort();
}

void api_objects_clear(struct api_objects *o)
{
	for (size_t i = 0; i < o->n; i++) {
		free(o->log[i].resource);
		free(o->log[i].namespace);
		free(o->log[i].name);
		free(o->log[i].body);
	}
	free(o->log);
}

static bool same_place(const struct api_happening *a, const struct api_happening *b)
{
	return strcmp(a->resource, b->resource) == 0 && strcmp(a->namespace, b->namespace) == 0 &&
	       strcmp(a->name, b->name) == 0;
}

/* Returns whether the object is what it was at this time, and not gone. */
static bool is_current(const struct api_objects *o, size_t at)
{
	for (size_t i = at + 1; i < o->n; i++) {
		if (same_place(&o->log[i], &o->log[at]))
			return false;
	}
	return strcmp(o->log[at].type, "DELETED") != 0;
}

static bool is_there(const struct api_objects *o, const struct api_happening *h)
{
	for (size_t i = 0; i < o->n; i++) {
		if (same_place(&o->log[i], h) && is_current(o, i))
			return true;
	}
	return false;
}

/* Takes over what h owns. */
static void happen(struct api_objects *o, struct api_happening h, const char *fields)
{
	h.version = ++o->version;
	h.body = xasprintf("{\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\",\"uid\":\"u-%s\","
			   "\"resourceVersion\":\"v-%u\",\"generation\":1,\"managedFields\":[{"
			   "\"manager\":\"kubectl\"}]}%s%s}",
		h.name, h.namespace, h.name, h.version, fields[0] ? "," : "", fields);
	o->log = xreallocarray(o->log, o->n + 1, sizeof(*o->log));
	o->log[o->n++] = h;
}

void api_objects_put(struct api_objects *o, const char *resource, const char *namespace,
	const char *name, const char *fields)
{
	struct api_happening h = {.resource = xstrdup(resource),
		.namespace = xstrdup(namespace),
		.name = xstrdup(name)};

	h.type = is_there(o, &h) ? "MODIFIED" : "ADDED";
	happen(o, h, fields);
}

void api_objects_delete(
	struct api_objects *o, const char *resource, const char *namespace, const char *name)
{
	const struct api_happening h = {.type = "DELETED",
		.resource = xstrdup(resource),
		.namespace = xstrdup(namespace),
		.name = xstrdup(name)};

	happen(o, h, "");
}

void api_objects_print_list(struct buf *out, const struct api_objects *o,
	const struct api_selection *selection, size_t at, size_t most)
{
	size_t items = 0;

	print(out, "{\"kind\":\"List\",\"items\":[");
	for (; at < o->n && items < most; at++) {
		if (selects(selection, &o->log[at]) && is_current(o, at))
			print(out, "%s%s", items++ > 0 ? "," : "", o->log[at].body);
	}
	print(out, "],\"metadata\":{\"resourceVersion\":\"v-%u\"", o->version);
	if (at < o->n)
		print(out, ",\"continue\":\"%zu\"", at);
	print(out, "}}\n");
}

static unsigned version_of(const char *text)
{
	return text && strncmp(text, "v-", 2) == 0 ? (unsigned)strtoul(text + 2, NULL, 10) : 0;
}

bool api_objects_find(size_t *at, const struct api_objects *o, const char *version)
{
	unsigned known = version_of(version);

	*at = o->n;
	if (known < o->compacted)
		return false;
	while (*at > 0 && o->log[*at - 1].version > known)
		(*at)--;
	return true;
}

void api_objects_print_events(struct buf *out, const struct api_objects *o,
	const struct api_selection *selection, size_t *at)
{
	for (; *at < o->n; (*at)++) {
		const struct api_happening *h = &o->log[*at];

		if (selects(selection, h))
			print(out, "{\"type\":\"%s\",\"object\":%s}\n", h->type, h->body);
	}
}

void api_objects_print_gone(struct buf *out)
{
	print(out, "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,"
		   "\"message\":\"too old resource version\"}}\n");
}

void api_objects_print_bookmark(struct buf *out, const struct api_objects *o)
{
	print(out,
		"{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":"
		"\"v-%u\"}}}\n",
		o->version);
}
