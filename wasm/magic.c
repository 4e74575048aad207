/* SPDX-License-Identifier: Apache-2.0 */
#include "wasm/magic.h"

#include <stdbool.h>
#include <string.h>

#include "base/limits.h"

#define WASM_MAGIC "\0asm"
#define UTF8_BOM "\xEF\xBB\xBF"

struct signature {
	size_t at;
	const char *bytes;
	size_t n;
	const char *what; /* behind "not a WebAssembly module but " */
};

#define SIGNATURE(offset, text, description)                    \
	{                                                       \
		(offset), text, sizeof(text) - 1, (description) \
	}

static const struct signature binaries[] = {
	SIGNATURE(0, "\x1F\x8B", "gzip data; give the module itself, uncompressed"),
	SIGNATURE(0, "\x28\xB5\x2F\xFD", "zstd data; give the module itself, uncompressed"),
	SIGNATURE(0, "PK\x03\x04", "a zip archive; give the module itself"),
	SIGNATURE(257, "ustar", "a tar archive; give the module itself"),
	SIGNATURE(0, "!<arch>\n", "an archive of object files; give the linked module"),
	SIGNATURE(0,
		"\x7F"
		"ELF",
		"an ELF program or library; build it for WebAssembly (a wasm32 target)"),
	SIGNATURE(0, "version https://git-lfs",
		"a Git LFS pointer; give the file that it stands for (git lfs pull)"),
};

/* Looked for behind a byte order mark and white space. */
static const struct signature texts[] = {
	SIGNATURE(0, "<", "an HTML or XML page, perhaps an error page of the server"),
	SIGNATURE(0, "{", "a JSON document, perhaps an error of the server or an OCI manifest"),
	SIGNATURE(0, "[", "a JSON document, perhaps an error of the server or an OCI manifest"),
	SIGNATURE(0, "(module", "WebAssembly text; compile it (wat2wasm)"),
	SIGNATURE(0, "(component", "WebAssembly text of a component; Envoy runs core modules only"),
	SIGNATURE(0, ";;", "WebAssembly text; compile it (wat2wasm)"),
	SIGNATURE(0, "(;", "WebAssembly text; compile it (wat2wasm)"),
};

static const char *find_signature(
	const struct signature *table, size_t entries, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < entries; i++) {
		const struct signature *s = &table[i];

		if (n >= s->at + s->n && memcmp(bytes + s->at, s->bytes, s->n) == 0)
			return s->what;
	}
	return NULL;
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static const char *find_text(const uint8_t *bytes, size_t n)
{
	size_t at = 0;

	if (n >= sizeof(UTF8_BOM) - 1 && memcmp(bytes, UTF8_BOM, sizeof(UTF8_BOM) - 1) == 0)
		at = sizeof(UTF8_BOM) - 1;
	while (at < n && is_space(bytes[at]))
		at++;
	return find_signature(texts, sizeof(texts) / sizeof(texts[0]), bytes + at, n - at);
}

static int check_version(const uint8_t *bytes, struct err *err)
{
	unsigned version = bytes[4] | (unsigned)bytes[5] << 8;
	unsigned layer = bytes[6] | (unsigned)bytes[7] << 8;

	if (layer == 1)
		return err_set(err, ERR_INVALID,
			"a component-model binary; Envoy runs core modules only: build for "
			"wasm32-wasip1 or wasm32-unknown-unknown, not for wasm32-wasip2");
	if (version != 1 || layer != 0)
		return err_set(err, ERR_INVALID,
			"WebAssembly of version bytes %02x %02x %02x %02x; Envoy runs version 1, "
			"01 00 00 00",
			bytes[4], bytes[5], bytes[6], bytes[7]);
	return 0;
}

int wasm_magic_check(const uint8_t *bytes, size_t n, struct err *err)
{
	const char *what = NULL;

	if (n == 0)
		return err_set(err, ERR_INVALID, "empty: a WebAssembly module was expected");
	if (n > LIMIT_MODULE_BYTES)
		return err_set(err, ERR_INVALID, "%zu bytes; a module may have at most %lu", n,
			LIMIT_MODULE_BYTES);
	if (n < WASM_HEADER_BYTES && memcmp(bytes, WASM_MAGIC, n < 4 ? n : 4) == 0)
		return err_set(err, ERR_INVALID,
			"cut off after %zu bytes: a module's header alone has %d", n,
			WASM_HEADER_BYTES);
	if (n >= WASM_HEADER_BYTES && memcmp(bytes, WASM_MAGIC, 4) == 0)
		return check_version(bytes, err);

	what = find_signature(binaries, sizeof(binaries) / sizeof(binaries[0]), bytes, n);
	if (!what)
		what = find_text(bytes, n);
	if (!what)
		what = "something else: it does not begin with the bytes 00 61 73 6d";
	return err_set(err, ERR_INVALID, "not a WebAssembly module but %s", what);
}
