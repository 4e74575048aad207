/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a record's file, and as the message of a file whose sha256 is right: what is
 * accepted must come out of encode and decode as it went in.
 */
#include "store/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool held)
{
	if (!held)
		abort();
}

static bool same_bytes(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static void check_round_trip(const struct record *r)
{
	AUTO(buf) struct buf file = BUF_INIT(2 * LIMIT_RECORD_BYTES);
	AUTO(record) struct record again = RECORD_INIT;
	struct err err;

	record_init(&again);
	require(record_encode(r, NULL, &file, &err) == 0);
	require(record_decode(&again, file.data, file.len, &err) == 0);
	require(strcmp(r->name, again.name) == 0 && strcmp(r->version, again.version) == 0 &&
		strcmp(r->source, again.source) == 0);
	require(digest_equal(&r->module, &again.module) && digest_equal(&r->served, &again.served));
	require(r->module_bytes == again.module_bytes && r->served_bytes == again.served_bytes);
	require(same_bytes(&r->head, &again.head) && same_bytes(&r->tail, &again.tail));
}

static void try_decode(const void *bytes, size_t n)
{
	AUTO(record) struct record r = RECORD_INIT;
	struct err err = {.code = ERR_NONE};

	record_init(&r);
	if (record_decode(&r, bytes, n, &err) == 0)
		check_round_trip(&r);
	else
		require(!r.name && (err.code == ERR_UNVERIFIED || err.code == ERR_INVALID));
}

static void try_name(const uint8_t *data, size_t size)
{
	AUTO(buf) struct buf name = BUF_INIT(1024);
	struct err err;

	if (buf_append(&name, data, size, &err) < 0 || record_check_name(buf_text(&name), &err) < 0)
		return;
	require(!strstr(name.data, "..") && !strstr(name.data, "//") && name.data[0] != '/' &&
		strchr(name.data, '/') == strrchr(name.data, '/'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf) struct buf file = BUF_INIT(LIMIT_RECORD_BYTES);
	struct digest sum;
	struct err err;

	try_name(data, size);
	try_decode(data, size);
	digest_of(&sum, data, size);
	if (buf_printf(&file, &err, RECORD_MAGIC "%s\n", sum.hex) < 0 ||
		buf_append(&file, data, size, &err) < 0)
		return 0;
	try_decode(file.data, file.len);
	return 0;
}
