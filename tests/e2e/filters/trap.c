/* SPDX-License-Identifier: Apache-2.0 */
/* Adds a header "x-alive: yes" to every response, until a request for /trap kills its VM. */
#include "abi.h"

IMPORT("env", proxy_get_header_map_value)
(uint32_t map, const char *key, size_t key_n, char **value, size_t *value_n);
IMPORT("env", proxy_add_header_map_value)
(uint32_t map, const char *key, size_t key_n, const char *value, size_t value_n);

EXPORT(proxy_on_request_headers)
enum action on_request_headers(uint32_t id, uint32_t headers, uint32_t end_of_stream)
{
	static const char key[] = ":path";
	char *path = NULL;
	size_t n = 0;

	(void)id;
	(void)headers;
	(void)end_of_stream;
	arena_reset();
	(void)proxy_get_header_map_value(MAP_REQUEST_HEADERS, key, sizeof(key) - 1, &path, &n);
	if (n > 1 && path[1] == 't')
		__builtin_trap();
	return ACTION_CONTINUE;
}

EXPORT(proxy_on_response_headers)
enum action on_response_headers(uint32_t id, uint32_t headers, uint32_t end_of_stream)
{
	static const char key[] = "x-alive";

	(void)id;
	(void)headers;
	(void)end_of_stream;
	(void)proxy_add_header_map_value(MAP_RESPONSE_HEADERS, key, sizeof(key) - 1, "yes", 3);
	return ACTION_CONTINUE;
}
