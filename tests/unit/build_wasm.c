/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/build_wasm.h"

#include <assert.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"

void build_bytes(struct buf *out, const void *bytes, size_t n)
{
	struct err err;
	int rc = buf_append(out, bytes, n, &err);

	assert(rc == 0);
	(void)rc;
}

static void build_byte(struct buf *out, uint8_t byte)
{
	build_bytes(out, &byte, 1);
}

void build_u32(struct buf *out, uint32_t value)
{
	while (value > 0x7F) {
		build_byte(out, (uint8_t)(value & 0x7F) | 0x80);
		value >>= 7;
	}
	build_byte(out, (uint8_t)value);
}

void build_name(struct buf *out, const char *name)
{
	build_u32(out, (uint32_t)strlen(name));
	build_bytes(out, name, strlen(name));
}

void build_header(struct buf *out)
{
	build_bytes(out, "\0asm\x01\0\0\0", 8);
}

void build_section(struct buf *out, uint8_t id, const struct buf *body)
{
	build_byte(out, id);
	build_u32(out, (uint32_t)body->len);
	build_bytes(out, buf_text(body), body->len);
}

void build_custom(struct buf *out, const char *name, size_t n)
{
	AUTO(buf) struct buf body = BUF_INIT(BUILD_MAX);

	build_name(&body, name);
	for (size_t i = 0; i < n; i++)
		build_byte(&body, 'x');
	build_section(out, 0, &body);
}

void build_export(struct buf *out, const char *name, uint8_t kind, uint32_t index)
{
	build_name(out, name);
	build_byte(out, kind);
	build_u32(out, index);
}

static void build_literal(struct buf *out, const char *bytes, size_t n, uint8_t id)
{
	AUTO(buf) struct buf body = BUF_INIT(BUILD_MAX);

	build_bytes(&body, bytes, n);
	build_section(out, id, &body);
}

#define LITERAL(out, id, bytes) build_literal((out), bytes, sizeof(bytes) - 1, (id))

void build_types(struct buf *out)
{
	LITERAL(out, 1, "\x02\x60\x00\x00\x60\x01\x7F\x01\x7F");
}

void build_functions(struct buf *out)
{
	LITERAL(out, 3, "\x02\x00\x01");
}

void build_memory(struct buf *out, uint32_t pages)
{
	AUTO(buf) struct buf body = BUF_INIT(BUILD_MAX);

	build_bytes(&body, "\x01\x00", 2);
	build_u32(&body, pages);
	build_section(out, 5, &body);
}

void build_exports(struct buf *out, const char *abi, const char *allocator)
{
	AUTO(buf) struct buf body = BUF_INIT(BUILD_MAX);

	build_byte(&body, 3);
	build_export(&body, "memory", 2, 0);
	build_export(&body, allocator, 0, 1);
	build_export(&body, abi, 0, 0);
	build_section(out, 7, &body);
}

void build_code(struct buf *out)
{
	LITERAL(out, 10, "\x02\x02\x00\x0B\x04\x00\x41\x00\x0B");
}

void build_filter(struct buf *out)
{
	build_header(out);
	build_types(out);
	build_functions(out);
	build_memory(out, 1);
	build_exports(out, "proxy_abi_version_0_2_1", "malloc");
	build_code(out);
}
