/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/served.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "wasm/strip.h"

#define CHUNK_BYTES (256 * LIMIT_KIB)

/* The module's own blob. */
struct whole {
	const struct digest *digest; /* borrowed */
	int fd;                      /* borrowed */
	uint64_t bytes;
};

/* A copy under way. */
struct copying {
	int to; /* borrowed */
	uint64_t at;
	char *chunk;          /* owned */
	struct hasher *whole; /* owned; of what was read */
	struct hasher *left;  /* owned; of what was written */
};

static void auto_copying(struct copying *c)
{
	free(c->chunk);
	hasher_free(c->whole);
	hasher_free(c->left);
}

static ssize_t read_chunk(
	const struct copying *c, const struct whole *from, uint64_t end, struct err *err)
{
	size_t n = end - c->at < CHUNK_BYTES ? (size_t)(end - c->at) : CHUNK_BYTES;
	ssize_t got = -1;

	do {
		got = pread(from->fd, c->chunk, n, (off_t)c->at);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_errno(err, ERR_TRANSIENT, "read");
	if (got == 0)
		return err_set(err, ERR_UNVERIFIED, "it became shorter meanwhile");
	return got;
}

/* Reads on up to end, and writes what it reads where that stays. */
static int pass(
	struct copying *c, const struct whole *from, uint64_t end, bool stays, struct err *err)
{
	while (c->at < end) {
		ssize_t got = read_chunk(c, from, end, err);

		if (got < 0)
			return -1;
		hasher_update(c->whole, c->chunk, (size_t)got);
		c->at += (uint64_t)got;
		if (!stays)
			continue;
		hasher_update(c->left, c->chunk, (size_t)got);
		if (io_write(c->to, c->chunk, (size_t)got, err) < 0)
			return -1;
	}
	return 0;
}

/* Reads all of the module, since one that rotted must not get a new name which fits it. */
static int copy(struct copying *c, const struct whole *from, const struct wasm_ranges *stay,
	struct err *err)
{
	struct digest got;

	for (size_t i = 0; i < stay->n; i++) {
		const struct wasm_range *range = &stay->items[i];

		if (pass(c, from, range->offset, false, err) < 0 ||
			pass(c, from, range->offset + range->size, true, err) < 0)
			return -1;
	}
	if (pass(c, from, from->bytes, false, err) < 0)
		return -1;
	hasher_final(c->whole, &got);
	if (!digest_equal(&got, from->digest))
		return err_set(err, ERR_UNVERIFIED, "its sha256 is %s", got.hex);
	return 0;
}

static int put(struct digest *out, struct store *st, const struct whole *from,
	const struct wasm_ranges *stay, struct err *err)
{
	struct ingest in = {.fd = -1};
	AUTO(copying) struct copying c = {.to = -1};
	struct digest left;

	if (store_ingest(st, &in, err) < 0)
		return -1;
	c = (struct copying){
		.to = in.fd,
		.chunk = xmalloc(CHUNK_BYTES),
		.whole = hasher_new(),
		.left = hasher_new(),
	};
	if (copy(&c, from, stay, err) < 0) {
		store_ingest_abort(st, &in);
		return -1;
	}
	hasher_final(c.left, &left);
	if (store_commit_blob(st, &in, &left, err) < 0)
		return -1;
	*out = left;
	return 0;
}

struct mapping {
	void *bytes; /* NULL: nothing is mapped */
	size_t n;
};

static void auto_mapping(struct mapping *m)
{
	if (m->bytes)
		(void)munmap(m->bytes, m->n);
}

static int find_stay(struct wasm_ranges *out, const struct whole *from, struct err *err)
{
	AUTO(wasm_module) struct wasm_module module = {0};
	AUTO(mapping) struct mapping m = {.n = (size_t)from->bytes};

	if (from->bytes == 0) /* cannot be mapped; the parser has words for it */
		return wasm_module_parse(&module, (const uint8_t *)"", 0, err);

	void *bytes = mmap(NULL, m.n, PROT_READ, MAP_PRIVATE, from->fd, 0);

	if (bytes == MAP_FAILED)
		return err_errno(err, ERR_TRANSIENT, "map %zu bytes", m.n);
	m.bytes = bytes;
	if (wasm_module_parse(&module, bytes, m.n, err) < 0)
		return -1;
	wasm_strip(out, &module);
	return 0;
}

static int make(struct served *out, struct store *st, const struct whole *from, struct err *err)
{
	AUTO(wasm_ranges) struct wasm_ranges stay = {.n = 0};
	struct served served = {.digest = *from->digest};

	if (find_stay(&stay, from, err) < 0)
		return -1;
	served.bytes = stay.size;
	if (stay.size < from->bytes && put(&served.digest, st, from, &stay, err) < 0)
		return -1;
	*out = served;
	return 0;
}

int served_make(struct served *out, struct store *st, const struct digest *module, struct err *err)
{
	AUTO(fd) int fd = store_open_blob(st, module, err);
	struct whole from = {.digest = module, .fd = fd};
	struct stat file;

	if (fd < 0)
		return -1;
	if (fstat(fd, &file) < 0)
		return err_errno(err, ERR_TRANSIENT, "module %s", module->hex);
	from.bytes = (uint64_t)file.st_size;
	if (make(out, st, &from, err) < 0)
		return err_wrap(err, "module %s", module->hex);
	return 0;
}
