/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/e2e/filters/abi.h - as much of the Proxy-Wasm ABI 0.2.1 as the filters in this folder need.
 * Each is one file, which exports what it wants to be called for.
 */
#ifndef WASMXDS_TESTS_E2E_FILTERS_ABI_H
#define WASMXDS_TESTS_E2E_FILTERS_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMPORT(module, name) \
	__attribute__((import_module(module), import_name(#name))) extern uint32_t name
#define EXPORT(name) __attribute__((export_name(#name)))

enum buffer_type { BUFFER_DOWNSTREAM_DATA = 2, BUFFER_PLUGIN_CONFIGURATION = 7 };
enum map_type { MAP_REQUEST_HEADERS = 0, MAP_RESPONSE_HEADERS = 2 };
enum action { ACTION_CONTINUE };

#define ARENA_BYTES 16384

/* What Envoy hands over stays until the next reset. */
static char arena[ARENA_BYTES];
static size_t arena_used;

EXPORT(malloc) void *arena_alloc(size_t n)
{
	char *p = arena + arena_used;

	if (n > sizeof(arena) - arena_used)
		return NULL;
	arena_used += n;
	return p;
}

static inline void arena_reset(void)
{
	arena_used = 0;
}

EXPORT(proxy_abi_version_0_2_1) void abi_version(void)
{
}

#endif
