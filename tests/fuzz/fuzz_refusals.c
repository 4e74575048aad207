/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/auto.h"
#include "base/digest.h"
#include "base/limits.h"
#include "store/refusals.h"

#define MAX 16 /* so that few bytes make the oldest go */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The file with this body: what a wrong sha256 would keep from being read is to be read. */
static void file_of(struct buf *out, const uint8_t *body, size_t size)
{
	struct digest sum;
	struct err err;

	digest_of(&sum, body, size);
	if (buf_printf(out, &err, "%s%s\n", REFUSALS_MAGIC, sum.hex) < 0 ||
		buf_append(out, body, size, &err) < 0)
		__builtin_trap();
}

static struct refusals *decode(const struct buf *file)
{
	struct refusals *r = refusals_new(MAX);
	struct err err = {.code = ERR_NONE};

	if (refusals_decode(r, buf_text(file), file->len, &err) == 0)
		return r;
	if (err.code != ERR_INVALID || err.msg[0] == '\0')
		__builtin_trap();
	refusals_free(r);
	return NULL;
}

/* What was read is written as the same, and read again as the same. */
static void check_round(const struct refusals *r)
{
	AUTO(buf) struct buf once = BUF_INIT(LIMIT_REFUSALS_BYTES);
	AUTO(buf) struct buf twice = BUF_INIT(LIMIT_REFUSALS_BYTES);
	AUTO(refusals) struct refusals *same = NULL;
	struct err err;

	if (refusals_encode(r, &once, &err) < 0)
		__builtin_trap();
	same = decode(&once);
	if (!same || refusals_count(same) != refusals_count(r) ||
		refusals_encode(same, &twice, &err) < 0 || once.len != twice.len ||
		memcmp(once.data, twice.data, once.len) != 0)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf) struct buf file = BUF_INIT(LIMIT_REFUSALS_BYTES);
	AUTO(buf) struct buf raw = BUF_INIT(LIMIT_REFUSALS_BYTES);
	AUTO(refusals) struct refusals *as_file = NULL;
	AUTO(refusals) struct refusals *r = NULL;
	struct err err;

	if (size > 0 && buf_append(&raw, data, size, &err) < 0)
		__builtin_trap();
	as_file = decode(&raw);
	file_of(&file, data, size);
	r = decode(&file);
	if (as_file)
		check_round(as_file);
	if (r)
		check_round(r);
	return 0;
}
