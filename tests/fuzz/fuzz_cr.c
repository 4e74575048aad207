/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON documents, as an API server sends them.  An input is the inside of an object, so that the
 * fuzzer need not find out that only what begins with a brace is JSON.
 */
#include <stdint.h>

#include "base/buf.h"
#include "tests/fuzz/manifest_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf) struct buf text = BUF_INIT(LIMIT_MANIFEST_BYTES);
	struct err err;

	if (buf_append(&text, "{", 1, &err) < 0 || buf_append(&text, data, size, &err) < 0 ||
		buf_append(&text, "}", 1, &err) < 0)
		return 0;
	check_manifest(buf_text(&text), text.len);
	return 0;
}
