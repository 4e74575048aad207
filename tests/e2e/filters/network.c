/* SPDX-License-Identifier: Apache-2.0 */
/* Puts its plugin_configuration before every piece of data that comes from downstream; a piece of
 * one byte kills its VM. */
#include "abi.h"

IMPORT("env", proxy_get_buffer_bytes)
(uint32_t buffer, uint32_t start, uint32_t max, char **bytes, size_t *n);
IMPORT("env", proxy_set_buffer_bytes)
(uint32_t buffer, uint32_t start, uint32_t n, const char *bytes, size_t bytes_n);

static char *prefix;
static size_t prefix_n;

EXPORT(proxy_on_configure) bool on_configure(uint32_t root, uint32_t config_bytes)
{
	(void)root;
	arena_reset();
	return proxy_get_buffer_bytes(
		       BUFFER_PLUGIN_CONFIGURATION, 0, config_bytes, &prefix, &prefix_n) == 0;
}

EXPORT(proxy_on_downstream_data)
enum action on_downstream_data(uint32_t id, uint32_t n, uint32_t end_of_stream)
{
	(void)id;
	(void)end_of_stream;
	if (n == 1)
		__builtin_trap();
	if (n > 0)
		(void)proxy_set_buffer_bytes(BUFFER_DOWNSTREAM_DATA, 0, 0, prefix, prefix_n);
	return ACTION_CONTINUE;
}
