/* SPDX-License-Identifier: Apache-2.0 */
#include "store/blob.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/auto.h"
#include "base/map.h"
#include "base/xalloc.h"
#include "store/ingest.h"

/* Owned by its handle and by each blob together, so that a blob can outlive the handle. */
struct blob_cache {
	atomic_size_t owners;
	pthread_mutex_t lock;
	struct map blobs; /* digest → struct blob, borrowed; guarded by lock */
	uint64_t bytes;   /* of all blobs not yet freed; guarded by lock */
};

/* refs only ever falls to 0 once: from then on the blob belongs to the thread that took the last
 * reference, although the table may still show it for a moment. */
struct blob {
	atomic_size_t refs;
	struct blob_cache *cache; /* owned in part */
	struct digest digest;
	void *map; /* owned; NULL where size is 0 */
	size_t size;
};

struct blob_cache *blob_cache_new(void)
{
	struct blob_cache *cache = xcalloc(1, sizeof(*cache));

	atomic_init(&cache->owners, 1);
	if (pthread_mutex_init(&cache->lock, NULL) != 0)
		abort();
	return cache;
}

void blob_cache_free(struct blob_cache *cache)
{
	if (!cache || atomic_fetch_sub(&cache->owners, 1) > 1)
		return;
	map_clear(&cache->blobs, NULL);
	(void)pthread_mutex_destroy(&cache->lock);
	free(cache);
}

uint64_t blob_cache_bytes(struct blob_cache *cache)
{
	(void)pthread_mutex_lock(&cache->lock);
	uint64_t bytes = cache->bytes;
	(void)pthread_mutex_unlock(&cache->lock);
	return bytes;
}

struct blob *blob_ref(struct blob *b)
{
	size_t before = atomic_fetch_add(&b->refs, 1);

	assert(before > 0);
	return b;
}

/* Takes a reference unless the last one is gone already. */
static bool ref_unless_dead(struct blob *b)
{
	size_t refs = atomic_load(&b->refs);

	while (refs > 0) {
		if (atomic_compare_exchange_weak(&b->refs, &refs, refs + 1))
			return true;
	}
	return false;
}

void blob_unref(struct blob *b)
{
	if (!b || atomic_fetch_sub(&b->refs, 1) > 1)
		return;

	struct blob_cache *cache = b->cache;

	(void)pthread_mutex_lock(&cache->lock);
	/* A get that came between may have put its own in the place. */
	if (map_get(&cache->blobs, b->digest.hex) == b)
		(void)map_take(&cache->blobs, b->digest.hex);
	cache->bytes -= b->size;
	(void)pthread_mutex_unlock(&cache->lock);
	if (b->map)
		(void)munmap(b->map, b->size);
	free(b);
	blob_cache_free(cache);
}

const uint8_t *blob_bytes(const struct blob *b)
{
	static const uint8_t nothing[1];

	return b->map ? b->map : nothing;
}

size_t blob_size(const struct blob *b)
{
	return b->size;
}

/* Returns the blob in memory with a reference for the caller, or NULL. */
static struct blob *find(struct blob_cache *cache, const struct digest *digest)
{
	(void)pthread_mutex_lock(&cache->lock);
	struct blob *b = map_get(&cache->blobs, digest->hex);

	if (b && !ref_unless_dead(b))
		b = NULL;
	(void)pthread_mutex_unlock(&cache->lock);
	return b;
}

static struct blob *insert(
	struct blob_cache *cache, const struct digest *digest, void *map, size_t size)
{
	struct blob *b = xcalloc(1, sizeof(*b));

	*b = (struct blob){.cache = cache, .digest = *digest, .map = map, .size = size};
	atomic_init(&b->refs, 1);
	atomic_fetch_add(&cache->owners, 1);
	(void)pthread_mutex_lock(&cache->lock);
	(void)map_put(&cache->blobs, digest->hex, b);
	cache->bytes += size;
	(void)pthread_mutex_unlock(&cache->lock);
	return b;
}

/* Copies the file into memory that nobody can change any more.  Returns its descriptor or -1. */
static int read_sealed(int file, struct digest *got, uint64_t *size, struct err *err)
{
	AUTO(fd) int mem = memfd_create("wasmxds-blob", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (mem < 0)
		return err_errno(err, ERR_TRANSIENT, "memfd_create");
	if (ingest_copy(file, mem, got, size, err) < 0) {
		if (err->code == ERR_FULL)
			err->code = ERR_TRANSIENT; /* of memory, not of the disk */
		return -1;
	}
	if (fcntl(mem, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return err_errno(err, ERR_TRANSIENT, "seal");
	/* What stays in the page cache of the file would be a second copy. */
	(void)posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
	return fd_steal(&mem);
}

static int check(const struct digest *want, uint64_t want_size, const struct digest *got,
	uint64_t got_size, struct err *err)
{
	if (!digest_equal(want, got))
		return err_set(err, ERR_UNVERIFIED,
			"its %" PRIu64 " bytes have the sha256 %s: the file was damaged", got_size,
			got->hex);
	if (want_size != got_size)
		return err_set(err, ERR_INVALID,
			"%" PRIu64 " bytes were asked for: must be %" PRIu64, want_size, got_size);
	return 0;
}

/* Leaves NULL in out for 0 bytes, which cannot be mapped. */
static int map_sealed(void **out, int mem, size_t size, struct err *err)
{
	if (size == 0) {
		*out = NULL;
		return 0;
	}

	/* Populated here, so that the thread that sends does not fault page by page. */
	void *map = mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, mem, 0);

	if (map == MAP_FAILED)
		return err_errno(err, ERR_TRANSIENT, "map %zu bytes", size);
	(void)madvise(map, size, MADV_DONTDUMP); /* a core dump has no use for modules */
	*out = map;
	return 0;
}

static struct blob *load(struct blob_cache *cache, const struct store *st,
	const struct digest *digest, uint64_t size, struct err *err)
{
	struct digest got;
	uint64_t got_size = 0;
	void *map = NULL;
	AUTO(fd) int file = store_open_blob(st, digest, err);
	AUTO(fd) int mem = file < 0 ? -1 : read_sealed(file, &got, &got_size, err);

	if (mem < 0 || check(digest, size, &got, got_size, err) < 0 ||
		map_sealed(&map, mem, (size_t)size, err) < 0)
		return NULL;
	return insert(cache, digest, map, (size_t)size);
}

struct blob *blob_cache_get(struct blob_cache *cache, const struct store *st,
	const struct digest *digest, uint64_t size, struct err *err)
{
	struct blob *b = find(cache, digest);

	if (b && b->size != size) {
		err_set(err, ERR_INVALID, "%" PRIu64 " bytes were asked for: must be %zu", size,
			b->size);
		blob_unref(b);
		b = NULL;
	} else if (!b) {
		b = load(cache, st, digest, size, err);
	}
	if (!b)
		err_wrap(err, "load blob %s", digest->hex);
	return b;
}
