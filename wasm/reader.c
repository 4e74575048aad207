/* SPDX-License-Identifier: Apache-2.0 */
#include "wasm/reader.h"

#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"

#define LEB_U32_BYTES 5

size_t wasm_reader_left(const struct wasm_reader *r)
{
	return r->end - r->at;
}

static int cut_off(size_t offset, const char *what, struct err *err)
{
	return err_set(err, ERR_INVALID, "%s at offset %zu is cut off", what, offset);
}

int wasm_reader_u8(struct wasm_reader *r, uint8_t *out, const char *what, struct err *err)
{
	if (wasm_reader_left(r) == 0)
		return cut_off(r->at, what, err);
	*out = r->bytes[r->at++];
	return 0;
}

int wasm_reader_u32(struct wasm_reader *r, uint32_t *out, const char *what, struct err *err)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < LEB_U32_BYTES; i++) {
		if (i == wasm_reader_left(r))
			return cut_off(r->at, what, err);

		uint8_t byte = r->bytes[r->at + i];

		value |= (uint64_t)(byte & 0x7F) << (7 * i);
		if (byte & 0x80)
			continue;
		if (value > UINT32_MAX)
			return err_set(err, ERR_INVALID,
				"%s at offset %zu is a LEB128 number over 32 bits", what, r->at);
		*out = (uint32_t)value;
		r->at += i + 1;
		return 0;
	}
	return err_set(err, ERR_INVALID, "%s at offset %zu is a LEB128 number over %d bytes", what,
		r->at, LEB_U32_BYTES);
}

static bool is_utf8(const char *text, size_t n)
{
	size_t at = 0;

	while (at < n) {
		size_t len = utf8_len(text + at, n - at);

		if (len == 0)
			return false;
		at += len;
	}
	return true;
}

int wasm_reader_name(
	struct wasm_reader *r, struct wasm_text *out, const char *what, struct err *err)
{
	struct wasm_reader ahead = *r;
	uint32_t n = 0;

	if (wasm_reader_u32(&ahead, &n, what, err) < 0)
		return -1;
	if (n > wasm_reader_left(&ahead))
		return err_set(err, ERR_INVALID,
			"%s at offset %zu says %u bytes, but only %zu are left", what, r->at, n,
			wasm_reader_left(&ahead));
	if (n > LIMIT_WASM_NAME_BYTES)
		return err_set(err, ERR_INVALID,
			"%s at offset %zu has %u bytes; at most %d are allowed", what, r->at, n,
			LIMIT_WASM_NAME_BYTES);

	struct wasm_text name = {.bytes = (const char *)ahead.bytes + ahead.at, .n = n};

	if (!is_utf8(name.bytes, name.n))
		return err_set(
			err, ERR_INVALID, "%s at offset %zu is not valid UTF-8", what, r->at);
	*out = name;
	r->at = ahead.at + n;
	return 0;
}

int wasm_reader_part(struct wasm_reader *r, struct wasm_reader *part, size_t n, struct err *err)
{
	if (n > wasm_reader_left(r))
		return err_set(err, ERR_INVALID, "it says %zu bytes, but only %zu are left", n,
			wasm_reader_left(r));
	*part = (struct wasm_reader){.bytes = r->bytes, .at = r->at, .end = r->at + n};
	r->at += n;
	return 0;
}

bool wasm_text_is(const struct wasm_text *t, const char *s)
{
	return t->n == strlen(s) && memcmp(t->bytes, s, t->n) == 0;
}

bool wasm_text_begins(const struct wasm_text *t, const char *prefix)
{
	size_t n = strlen(prefix);

	return t->n >= n && memcmp(t->bytes, prefix, n) == 0;
}

void wasm_text_show(char out[static WASM_SHOWN_BYTES], const struct wasm_text *name)
{
	size_t n = name->n;

	if (n >= WASM_SHOWN_BYTES)
		n = utf8_whole(name->bytes, WASM_SHOWN_BYTES - 1);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)name->bytes[i];
		bool control = c < ' ' || c == 0x7F;

		out[i] = (char)(control ? '?' : c);
	}
	out[n] = '\0';
}
