/* SPDX-License-Identifier: Apache-2.0 */
#include "wasm/strip.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "wasm/magic.h"

#define SIGNATURE_SECTION "signature_wasmsign" /* what Envoy's Wasm host looks for */

bool wasm_strip_is_signed(const struct wasm_module *m)
{
	for (size_t i = 0; i < m->n_sections; i++) {
		if (strcmp(m->sections[i].name, SIGNATURE_SECTION) == 0)
			return true;
	}
	return false;
}

static void add_range(struct wasm_ranges *ranges, size_t offset, size_t size)
{
	struct wasm_range *last = ranges->n > 0 ? &ranges->items[ranges->n - 1] : NULL;

	ranges->size += size;
	if (last && last->offset + last->size == offset) {
		last->size += size;
		return;
	}
	ranges->items = xreallocarray(ranges->items, ranges->n + 1, sizeof(*ranges->items));
	ranges->items[ranges->n++] = (struct wasm_range){.offset = offset, .size = size};
}

void wasm_strip(struct wasm_ranges *out, const struct wasm_module *m)
{
	bool is_signed = wasm_strip_is_signed(m);

	*out = (struct wasm_ranges){.n = 0};
	add_range(out, 0, WASM_HEADER_BYTES);
	for (size_t i = 0; i < m->n_sections; i++) {
		const struct wasm_section *section = &m->sections[i];

		if (is_signed || !section->debug)
			add_range(out, section->offset, section->size);
	}
}

void wasm_ranges_clear(struct wasm_ranges *ranges)
{
	free(ranges->items);
	*ranges = (struct wasm_ranges){.n = 0};
}
