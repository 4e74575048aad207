/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a file of keys, as what is sealed in a record, and as what a right key finds in it:
 * nothing opens that was not sealed so, and what is sealed comes out as it went in.
 */
#include "store/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t nonce[SEAL_NONCE_BYTES] = "any will do";

static void require(bool held)
{
	if (!held)
		abort();
}

static void fill_record(struct record *r)
{
	record_init(r);
	r->name = xstrdup("default/auth");
	r->version = xstrdup("0a");
	r->source = xstrdup("https://example.com/f.wasm");
	digest_of(&r->module, "m", 1);
	r->served = r->module;
	r->module_bytes = 1;
	r->served_bytes = 1;
}

static void try_keys(const char *data, size_t size)
{
	struct seal_keys keys;
	struct err err = {.code = ERR_NONE};

	if (seal_keys_parse(&keys, data, size, &err) < 0) {
		require(err.code == ERR_INVALID && keys.n == 0);
		return;
	}
	require(keys.n > 0 && keys.n <= LIMIT_SEAL_KEYS);
	for (size_t i = 0; i < keys.n; i++)
		require(strlen(keys.items[i].id) == SEAL_ID_LEN &&
			seal_keys_find(&keys, keys.items[i].id));
}

/* Sealed by nobody: it opens never. */
static void try_foreign(const struct seal_keys *keys, const uint8_t *data, size_t size)
{
	AUTO(record) struct record r = RECORD_INIT;
	struct err err = {.code = ERR_NONE};

	fill_record(&r);
	memcpy(r.sealed_by, keys->items[0].id, sizeof(r.sealed_by));
	if (size == 0 || buf_append(&r.sealed, data, size, &err) < 0)
		return;
	require(record_open(&r, keys, &err) < 0 && err.code == ERR_UNVERIFIED);
	require(r.head.len == 0 && r.tail.len == 0);
}

/* Sealed with our key, as a program of another mind might have: refused, or parted. */
static void try_opened(const struct seal_keys *keys, const uint8_t *data, size_t size)
{
	AUTO(record) struct record r = RECORD_INIT;
	AUTO(buf) struct buf text = BUF_INIT(LIMIT_RECORD_BYTES);
	AUTO(buf) struct buf context = BUF_INIT(LIMIT_RECORD_BYTES);
	struct err err = {.code = ERR_NONE};

	fill_record(&r);
	memcpy(r.sealed_by, keys->items[0].id, sizeof(r.sealed_by));
	if (buf_append(&text, data, size, &err) < 0)
		return;
	require(buf_printf(&context, &err, "wasmxds record 1\n%s\n%s\n%s 1\n%s 1\n%s", r.name,
			r.version, r.served.hex, r.module.hex, r.source) == 0);
	require(seal_close(&r.sealed, &keys->items[0], nonce, &context, &text, &err) == 0);
	if (record_open(&r, keys, &err) == 0)
		require(r.secret && r.head.len + r.tail.len + 4 == size);
	else
		require(err.code == ERR_UNVERIFIED);
}

static void try_round_trip(const struct seal_keys *keys, const uint8_t *data, size_t size)
{
	const struct record_seal seal = {.key = &keys->items[0], .nonce = "any will do"};
	AUTO(record) struct record r = RECORD_INIT;
	AUTO(record) struct record again = RECORD_INIT;
	AUTO(buf) struct buf file = BUF_INIT(2 * LIMIT_RECORD_BYTES);
	size_t head = size > 0 ? data[0] % (size + 1) : 0;
	struct err err;

	fill_record(&r);
	record_init(&again);
	r.secret = true;
	if (buf_append(&r.head, data, head, &err) < 0 ||
		buf_append(&r.tail, data + head, size - head, &err) < 0)
		return;
	require(record_encode(&r, &seal, &file, &err) == 0);
	require(size < 100 || !memmem(file.data, file.len, data, size));
	require(record_decode(&again, file.data, file.len, &err) == 0);
	require(record_open(&again, keys, &err) == 0);
	require(again.head.len == head && again.tail.len == size - head);
	require(head == 0 || memcmp(again.head.data, data, head) == 0);
	require(size == head || memcmp(again.tail.data, data + head, size - head) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf) struct buf text = BUF_INIT(LIMIT_RECORD_BYTES);
	struct seal_keys keys;
	struct err err;

	if (buf_append(&text, data, size, &err) < 0)
		return 0;
	try_keys(buf_text(&text), size);
	require(seal_keys_parse(&keys, KEY, strlen(KEY), &err) == 0);
	try_foreign(&keys, data, size);
	try_opened(&keys, data, size);
	try_round_trip(&keys, data, size);
	return 0;
}
