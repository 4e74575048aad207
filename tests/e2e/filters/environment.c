/* SPDX-License-Identifier: Apache-2.0 */
/* Adds a header "x-env: NAME=VALUE" to every response for each variable of its environment. */
#include "abi.h"

IMPORT("wasi_snapshot_preview1", environ_sizes_get)(size_t *n, size_t *bytes);
IMPORT("wasi_snapshot_preview1", environ_get)(char **variables, char *bytes);
IMPORT("env", proxy_add_header_map_value)
(uint32_t map, const char *key, size_t key_n, const char *value, size_t value_n);

#define VARIABLES 16

static char *variables[VARIABLES];
static char text[ARENA_BYTES];

static size_t length(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

EXPORT(proxy_on_response_headers)
enum action on_response_headers(uint32_t id, uint32_t headers, uint32_t end_of_stream)
{
	static const char key[] = "x-env";
	size_t n = 0;
	size_t bytes = 0;

	(void)id;
	(void)headers;
	(void)end_of_stream;
	if (environ_sizes_get(&n, &bytes) != 0 || n > VARIABLES || bytes > sizeof(text) ||
		environ_get(variables, text) != 0)
		__builtin_trap();
	for (size_t i = 0; i < n; i++)
		(void)proxy_add_header_map_value(MAP_RESPONSE_HEADERS, key, sizeof(key) - 1,
			variables[i], length(variables[i]));
	return ACTION_CONTINUE;
}
