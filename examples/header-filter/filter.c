/* SPDX-License-Identifier: Apache-2.0 */
/*
 * examples/header-filter/filter.c - a Proxy-Wasm filter in plain C: no SDK and no C library.
 * Adds two headers to every response:
 *   x-wasm-filter: <plugin_configuration>
 *   x-wasm-vm: <vm_configuration>          where there is one
 * A plugin_configuration that begins with "refuse" is refused, so that one can see what a proxy
 * does with a bad one.
 *
 * Built by `make filters`, with clang and lld alone.
 *
 * ABI: https://github.com/proxy-wasm/spec, version 0.2.1.  One VM runs several plugins (root
 * contexts) when they share vm_id, vm_configuration and module, and many requests (stream contexts)
 * of each, so that everything here is kept by context id and released in proxy_on_delete().
 * Threads: Envoy gives each of its workers a VM of its own; nothing here is shared.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMPORT(name) __attribute__((import_module("env"), import_name(#name))) extern
#define EXPORT(name) __attribute__((export_name(#name)))

enum wasm_result { RESULT_OK };
enum log_level { LOG_WARN = 3 };
enum buffer_type { BUFFER_VM_CONFIGURATION = 6, BUFFER_PLUGIN_CONFIGURATION = 7 };
enum map_type { MAP_RESPONSE_HEADERS = 2 };
enum action { ACTION_CONTINUE };

IMPORT(proxy_log) uint32_t proxy_log(uint32_t level, const char *text, size_t n);
IMPORT(proxy_get_buffer_bytes)
uint32_t proxy_get_buffer_bytes(
	uint32_t buffer, uint32_t start, uint32_t max, char **bytes, size_t *n);
IMPORT(proxy_add_header_map_value)
uint32_t proxy_add_header_map_value(
	uint32_t map, const char *key, size_t key_n, const char *value, size_t value_n);

#define CONFIG_BYTES 1024 /* of a header's value */
#define ROOTS 64          /* plugins in one VM, those on their way out too */
#define BUCKETS 1024      /* of the table of requests */
#define PAGE_BYTES 65536  /* memory grows by pages */

struct text {
	size_t n;
	char bytes[CONFIG_BYTES];
};

struct root {
	uint32_t id; /* 0: the entry is free */
	struct text config;
};

struct stream {
	uint32_t id;
	uint32_t root;
	struct stream *next;
};

static struct text vm_config;
static struct root roots[ROOTS];
static struct stream *streams[BUCKETS];
static struct stream *free_streams;

/* Memory that Envoy asks for to hand something over; emptied before each such call, because what
 * is kept is copied out of it at once. */
static char arena[CONFIG_BYTES];
static size_t arena_used;

EXPORT(malloc) void *arena_alloc(size_t n)
{
	char *p = arena + arena_used;

	if (n > sizeof(arena) - arena_used)
		return NULL;
	arena_used += n;
	return p;
}

#define WARN(text) (void)proxy_log(LOG_WARN, text, sizeof(text) - 1)

/* A line break in a header's value would begin a header of its own. */
static bool is_header_value(const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)bytes[i] < ' ' || bytes[i] == 0x7f)
			return false;
	}
	return true;
}

static bool begins_with(const struct text *t, const char *prefix)
{
	size_t i = 0;

	while (prefix[i] && i < t->n && t->bytes[i] == prefix[i])
		i++;
	return !prefix[i];
}

/* Reads a configuration of n bytes.  out is untouched when that fails. */
static bool read_config(struct text *out, enum buffer_type buffer, size_t n)
{
	char *bytes = NULL;
	size_t got = 0;

	if (n > CONFIG_BYTES) {
		WARN("the configuration is longer than 1024 bytes");
		return false;
	}
	arena_used = 0;
	if (n > 0 && proxy_get_buffer_bytes(buffer, 0, n, &bytes, &got) != RESULT_OK) {
		WARN("the configuration cannot be read");
		return false;
	}
	if (!is_header_value(bytes, got)) {
		WARN("the configuration has a line break or a control byte, "
		     "which no header's value may hold");
		return false;
	}
	for (size_t i = 0; i < got; i++)
		out->bytes[i] = bytes[i];
	out->n = got;
	return true;
}

/* Returns the entry of that root context, or NULL; id 0 finds a free one. */
static struct root *find_root(uint32_t id)
{
	for (size_t i = 0; i < ROOTS; i++) {
		if (roots[i].id == id)
			return &roots[i];
	}
	return NULL;
}

/* Returns the link that points at that stream, or at NULL where it would stand. */
static struct stream **find_stream(uint32_t id)
{
	struct stream **link = &streams[id % BUCKETS];

	while (*link && (*link)->id != id)
		link = &(*link)->next;
	return link;
}

/* Returns an entry for the caller, or NULL: that response then passes as it is.  Entries are used
 * again, so that memory grows with the requests under way at one time, not with all there were. */
static struct stream *take_stream(void)
{
	struct stream *s = free_streams;

	if (!s) {
		size_t page = __builtin_wasm_memory_grow(0, 1);

		if (page == SIZE_MAX)
			return NULL;
		s = (struct stream *)(page * PAGE_BYTES);
		for (size_t i = 0; i < PAGE_BYTES / sizeof(*s); i++) {
			s[i].next = free_streams;
			free_streams = &s[i];
		}
		s = free_streams;
	}
	free_streams = s->next;
	return s;
}

static void add_header(const char *key, size_t key_n, const struct text *value)
{
	(void)proxy_add_header_map_value(MAP_RESPONSE_HEADERS, key, key_n, value->bytes, value->n);
}

/* Says which version of the ABI this module speaks: Envoy looks for the name and never calls it. */
EXPORT(proxy_abi_version_0_2_1) void abi_version(void)
{
}

/* parent is 0 for a root context, and a stream's root context otherwise. */
EXPORT(proxy_on_context_create) void on_context_create(uint32_t id, uint32_t parent)
{
	struct stream *s = parent ? take_stream() : NULL;

	if (!s)
		return;
	*s = (struct stream){.id = id, .root = parent, .next = streams[id % BUCKETS]};
	streams[id % BUCKETS] = s;
}

EXPORT(proxy_on_vm_start) bool on_vm_start(uint32_t root, size_t config_bytes)
{
	(void)root;
	return read_config(&vm_config, BUFFER_VM_CONFIGURATION, config_bytes);
}

EXPORT(proxy_on_configure) bool on_configure(uint32_t id, size_t config_bytes)
{
	struct root *root = find_root(id);

	if (!root)
		root = find_root(0);
	if (!root) {
		WARN("more than 64 plugins in one VM");
		return false;
	}
	if (!read_config(&root->config, BUFFER_PLUGIN_CONFIGURATION, config_bytes))
		return false;
	if (begins_with(&root->config, "refuse")) {
		WARN("refused, as the configuration asks");
		return false;
	}
	root->id = id;
	return true;
}

EXPORT(proxy_on_response_headers)
enum action on_response_headers(uint32_t id, uint32_t headers, uint32_t end_of_stream)
{
	static const char filter_key[] = "x-wasm-filter";
	static const char vm_key[] = "x-wasm-vm";
	const struct stream *s = *find_stream(id);
	const struct root *root = s ? find_root(s->root) : NULL;

	(void)headers;
	(void)end_of_stream;
	if (root)
		add_header(filter_key, sizeof(filter_key) - 1, &root->config);
	if (root && vm_config.n > 0)
		add_header(vm_key, sizeof(vm_key) - 1, &vm_config);
	return ACTION_CONTINUE;
}

/* true: nothing is outstanding, so that Envoy may delete the context. */
EXPORT(proxy_on_done) bool on_done(uint32_t id)
{
	(void)id;
	return true;
}

EXPORT(proxy_on_delete) void on_delete(uint32_t id)
{
	struct stream **link = find_stream(id);
	struct stream *s = *link;
	struct root *root = find_root(id);

	if (s) {
		*link = s->next;
		s->next = free_streams;
		free_streams = s;
	}
	if (root)
		root->id = 0;
}
