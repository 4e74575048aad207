/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "controller/proxies.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_all(struct proxies *into, const uint8_t *data, size_t size, size_t piece)
{
	AUTO(proxies_reader) struct proxies_reader r;
	struct err err = {.code = ERR_NONE};

	proxies_reader_init(&r, into);
	for (size_t at = 0; at < size; at += piece) {
		size_t n = size - at < piece ? size - at : piece;

		if (proxies_read(&r, (const char *)data + at, n, &err) == 0)
			continue;
		if (err.msg[0] == '\0')
			__builtin_trap();
		return -1;
	}
	return proxies_read_end(&r, &err);
}

static void on_changed(void *arg, const char *name)
{
	(void)arg;
	(void)name;
	__builtin_trap();
}

/* However an answer is cut into pieces, it says the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(proxies) struct proxies *whole = proxies_new();
	AUTO(proxies) struct proxies *pieces = proxies_new();
	struct conditions_proxies c;

	if (read_all(whole, data, size, size + 1) != read_all(pieces, data, size, 3) ||
		proxies_compare(whole, pieces, on_changed, NULL))
		__builtin_trap();
	proxies_count(whole, "a/1", "01", &c);
	if (c.known || c.acked > c.connected || c.nacked > c.connected)
		__builtin_trap();
	return 0;
}
