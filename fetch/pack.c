/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/pack.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "fetch/archive.h"

#define FILE_NAME "plugin.wasm"
#define FILE_MODE 0644
#define CHUNK_BYTES (64 * LIMIT_KIB)

/* Where an archive's bytes go: to a file, or only through a hash. */
struct outlet {
	struct sink *sink;     /* borrowed, or NULL */
	struct hasher *hasher; /* borrowed, or NULL */
	struct err err;        /* why on_write() gave up */
};

static void auto_archive(struct archive **a)
{
	(void)archive_write_free(*a);
}

static void auto_entry(struct archive_entry **entry)
{
	archive_entry_free(*entry);
}

static la_ssize_t on_write(struct archive *archive, void *arg, const void *bytes, size_t n)
{
	struct outlet *o = arg;

	if (o->hasher)
		hasher_update(o->hasher, bytes, n);
	if (o->sink && sink_write(o->sink, bytes, n, &o->err) < 0) {
		archive_set_error(archive, EIO, "writing");
		return -1;
	}
	return (la_ssize_t)n;
}

static int failed(struct archive *a, const struct outlet *o, struct err *err)
{
	if (o->err.code != ERR_NONE) {
		*err = o->err;
		return -1;
	}
	return err_set(err, ERR_TRANSIENT, "libarchive: %s", archive_error_string(a));
}

static int add_bytes(
	struct archive *a, const struct outlet *o, int from, uint64_t n, struct err *err)
{
	AUTO(free) char *chunk = xmalloc(CHUNK_BYTES);

	for (uint64_t at = 0; at < n;) {
		size_t want = n - at < CHUNK_BYTES ? (size_t)(n - at) : CHUNK_BYTES;
		ssize_t got = pread(from, chunk, want, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(err, ERR_TRANSIENT, "reading the module");
		if (got == 0)
			return err_set(err, ERR_TRANSIENT, "the module became shorter meanwhile");
		if (archive_write_data(a, chunk, (size_t)got) != got)
			return failed(a, o, err);
		at += (uint64_t)got;
	}
	return 0;
}

static int add_file(
	struct archive *a, const struct outlet *o, int from, uint64_t n, struct err *err)
{
	__attribute__((cleanup(auto_entry))) struct archive_entry *entry = archive_entry_new();

	if (!entry)
		abort(); /* out of memory, as in base/xalloc.h */
	archive_entry_set_pathname(entry, FILE_NAME);
	archive_entry_set_size(entry, (la_int64_t)n);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, FILE_MODE);
	archive_entry_set_mtime(entry, 0, 0);
	if (archive_write_header(a, entry) != ARCHIVE_OK)
		return failed(a, o, err);
	return add_bytes(a, o, from, n, err);
}

/* Without padding, so that what is in the gzip is what stands for itself. */
static bool set_up(struct archive *a, struct outlet *o, bool gzip)
{
	if (archive_write_set_format_ustar(a) != ARCHIVE_OK ||
		archive_write_set_bytes_in_last_block(a, 1) != ARCHIVE_OK)
		return false;
	if (gzip && (archive_write_add_filter_gzip(a) != ARCHIVE_OK ||
			    archive_write_set_filter_option(a, "gzip", "timestamp", NULL) !=
				    ARCHIVE_OK))
		return false;
	return archive_write_open(a, o, NULL, on_write, NULL) == ARCHIVE_OK;
}

static int write_archive(struct outlet *o, bool gzip, int from, uint64_t n, struct err *err)
{
	__attribute__((cleanup(auto_archive))) struct archive *a = archive_write_new();

	if (!a)
		abort(); /* out of memory, as in base/xalloc.h */
	if (!set_up(a, o, gzip))
		return failed(a, o, err);
	if (add_file(a, o, from, n, err) < 0)
		return -1;
	return archive_write_close(a) == ARCHIVE_OK ? 0 : failed(a, o, err);
}

int pack(struct sink *to, struct digest *tar, int from, uint64_t n, struct err *err)
{
	AUTO(hasher) struct hasher *hasher = hasher_new();
	struct outlet plain = {.hasher = hasher};
	struct outlet packed = {.sink = to};

	if (archive_library_load(err) < 0 || write_archive(&plain, false, from, n, err) < 0 ||
		write_archive(&packed, true, from, n, err) < 0)
		return -1;
	hasher_final(hasher, tar);
	return 0;
}
