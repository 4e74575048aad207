/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/unpack.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "base/quote.h"
#include "fetch/archive.h"

#define CHUNK_BYTES (64 * LIMIT_KIB)
#define TAR_MAGIC_AT 257
#define FILTERS_MOST 2 /* gzip, and libarchive's own end of the chain */

/* An archive on its way through. */
struct unpacking {
	struct archive *archive; /* owned */
	int from;                /* borrowed */
	off_t at;
	char *chunk;         /* owned */
	struct sink *to;     /* borrowed */
	uint64_t most;       /* bytes of the whole archive, unpacked */
	struct err read_err; /* why on_read() gave up */
	bool has_plugin;     /* the sink holds plugin.wasm */
	char *found;         /* owned; the first other *.wasm; NULL: none */
	char *other;         /* owned; the second */
};

static void auto_unpacking(struct unpacking *u)
{
	(void)archive_read_free(u->archive);
	free(u->chunk);
	free(u->found);
	free(u->other);
}

bool unpack_wanted(const void *start, size_t n)
{
	static const char magic[] = "ustar";
	const uint8_t *bytes = start;

	if (n >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b)
		return true;
	return n >= TAR_MAGIC_AT + strlen(magic) &&
	       memcmp(bytes + TAR_MAGIC_AT, magic, strlen(magic)) == 0;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text);
	size_t m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

static bool leads_out(const char *name)
{
	if (name[0] == '/')
		return true;
	for (const char *at = name; at; at = strchr(at, '/')) {
		at += *at == '/';
		if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || at[2] == '\0'))
			return true;
	}
	return false;
}

int unpack_classify(enum unpack_kind *out, const char *name, struct err *err)
{
	if (leads_out(name))
		return err_set(err, ERR_INVALID, "holds %s, a name that leads out of it",
			quote(name).text);
	while (strncmp(name, "./", 2) == 0)
		name += 2 + strspn(name + 2, "/");
	const char *slash = strrchr(name, '/');
	const char *base = slash ? slash + 1 : name;

	*out = UNPACK_OTHER;
	if (strcmp(name, "plugin.wasm") == 0)
		*out = UNPACK_PLUGIN;
	else if (base[0] != '.' && ends_with(base, ".wasm")) /* ._x.wasm is no module */
		*out = UNPACK_WASM;
	return 0;
}

static la_ssize_t on_read(struct archive *archive, void *arg, const void **bytes)
{
	struct unpacking *u = arg;
	ssize_t n;

	do {
		n = pread(u->from, u->chunk, CHUNK_BYTES, u->at);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		(void)err_errno(&u->read_err, ERR_TRANSIENT, "reading what was downloaded");
		archive_set_error(archive, errno, "reading");
		return -1;
	}
	u->at += n;
	*bytes = u->chunk;
	return n;
}

static int damaged(const struct unpacking *u, struct err *err)
{
	const char *words = archive_error_string(u->archive);

	if (u->read_err.code != ERR_NONE) {
		*err = u->read_err;
		return -1;
	}
	return err_set(err, ERR_INVALID, "is no whole gzip or tar: %s",
		quote(words ? words : "damaged").text);
}

static int check_total(const struct unpacking *u, struct err *err)
{
	if (archive_filter_bytes(u->archive, 0) > (int64_t)u->most)
		return err_set(err, ERR_INVALID,
			"unpacks to more than %" PRIu64 " bytes, the most that are taken", u->most);
	return 0;
}

/* Reads the entry to its end, into the sink where that wants it.  Not by archive_read_data_skip(),
 * which would go on for as long as a bomb does. */
static int read_entry(struct unpacking *u, bool wanted, struct err *err)
{
	int64_t expected = 0;

	for (;;) {
		const void *bytes = NULL;
		size_t n = 0;
		la_int64_t offset = 0;
		int rc = archive_read_data_block(u->archive, &bytes, &n, &offset);

		if (rc == ARCHIVE_EOF)
			return 0;
		if (rc == ARCHIVE_RETRY)
			continue;
		if (rc < ARCHIVE_WARN)
			return damaged(u, err);
		if (wanted && n > 0 && offset != expected)
			return err_set(err, ERR_INVALID,
				"holds its module as a sparse file, which is refused");
		expected = offset + (int64_t)n;
		if (wanted && sink_write(u->to, bytes, n, err) < 0)
			return -1;
		if (check_total(u, err) < 0)
			return -1;
	}
}

static const char *type_name(struct archive_entry *entry)
{
	if (archive_entry_hardlink(entry))
		return "a hard link";
	switch (archive_entry_filetype(entry)) {
	case AE_IFREG:
		return NULL;
	case AE_IFLNK:
		return "a symbolic link";
	case AE_IFDIR:
		return "a folder";
	case AE_IFCHR:
	case AE_IFBLK:
		return "a device";
	case AE_IFIFO:
		return "a fifo";
	default:
		return "no regular file";
	}
}

static int check_file(
	const struct unpacking *u, struct archive_entry *entry, const char *name, struct err *err)
{
	const char *type = type_name(entry);
	int64_t size = archive_entry_size(entry);

	if (type)
		return err_set(err, ERR_INVALID, "holds %s, which is %s", quote(name).text, type);
	if (size < 0 || (uint64_t)size > u->to->max)
		return err_set(err, ERR_INVALID,
			"holds %s of %jd bytes; a module may have at most %" PRIu64,
			quote(name).text, (intmax_t)size, u->to->max);
	if (archive_entry_sparse_count(entry) > 0)
		return err_set(err, ERR_INVALID, "holds %s as a sparse file, which is refused",
			quote(name).text);
	return 0;
}

static int take_plugin(
	struct unpacking *u, struct archive_entry *entry, const char *name, struct err *err)
{
	if (u->has_plugin)
		return err_set(err, ERR_INVALID, "holds plugin.wasm twice");
	if (check_file(u, entry, name, err) < 0)
		return -1;
	if (u->found && sink_restart(u->to, err) < 0)
		return -1;
	u->has_plugin = true;
	return read_entry(u, true, err);
}

static int take_wasm(
	struct unpacking *u, struct archive_entry *entry, const char *name, struct err *err)
{
	if (u->has_plugin || type_name(entry))
		return read_entry(u, false, err);
	if (u->found) {
		if (!u->other)
			u->other = xstrdup(name);
		return read_entry(u, false, err);
	}
	if (check_file(u, entry, name, err) < 0)
		return -1;
	u->found = xstrdup(name);
	return read_entry(u, true, err);
}

static int take_entry(struct unpacking *u, struct archive_entry *entry, struct err *err)
{
	const char *name = archive_entry_pathname(entry);
	enum unpack_kind kind = UNPACK_OTHER;

	if (name && unpack_classify(&kind, name, err) < 0)
		return -1;
	if (kind == UNPACK_PLUGIN)
		return take_plugin(u, entry, name, err);
	if (kind == UNPACK_WASM)
		return take_wasm(u, entry, name, err);
	return read_entry(u, false, err);
}

static int check_found(const struct unpacking *u, struct err *err)
{
	if (u->has_plugin || (u->found && !u->other))
		return 0;
	if (u->other)
		return err_set(err, ERR_INVALID,
			"holds %s and %s, and no plugin.wasm that would say which",
			quote(u->found).text, quote(u->other).text);
	return err_set(
		err, ERR_INVALID, "holds neither plugin.wasm nor another *.wasm that is a file");
}

/* Returns 1 with the next entry, 0 at the end, -1 with err. */
static int next_entry(struct unpacking *u, struct archive_entry **entry, struct err *err)
{
	int rc;

	do {
		rc = archive_read_next_header(u->archive, entry);
	} while (rc == ARCHIVE_RETRY);
	if (rc == ARCHIVE_EOF)
		return 0;
	if (rc < ARCHIVE_WARN)
		return damaged(u, err);
	if (archive_filter_count(u->archive) > FILTERS_MOST)
		return err_set(err, ERR_INVALID, "is compressed more than once");
	return check_total(u, err) < 0 ? -1 : 1;
}

/* A gzip that holds no tar holds the module itself. */
static int take_raw(struct unpacking *u, struct err *err)
{
	if (archive_filter_count(u->archive) < FILTERS_MOST)
		return err_set(err, ERR_INVALID, "is no whole gzip or tar");
	return read_entry(u, true, err);
}

static int read_archive(struct unpacking *u, struct err *err)
{
	struct archive_entry *entry = NULL;

	for (int n = 0; n <= LIMIT_ARCHIVE_ENTRIES; n++) {
		int rc = next_entry(u, &entry, err);

		if (rc < 0)
			return -1;
		if (rc == 0)
			return check_found(u, err);
		if (archive_format(u->archive) == ARCHIVE_FORMAT_RAW)
			return take_raw(u, err);
		if (take_entry(u, entry, err) < 0)
			return -1;
	}
	return err_set(err, ERR_INVALID, "holds more than %d entries", LIMIT_ARCHIVE_ENTRIES);
}

static int unpack_file(int from, struct sink *to, struct err *err)
{
	AUTO(unpacking)
	struct unpacking u = {
		.archive = archive_read_new(),
		.from = from,
		.chunk = xmalloc(CHUNK_BYTES),
		.to = to,
		.most = to->max + LIMIT_ARCHIVE_OVERHEAD,
	};

	if (!u.archive || archive_read_support_filter_gzip(u.archive) != ARCHIVE_OK ||
		archive_read_support_format_tar(u.archive) != ARCHIVE_OK ||
		archive_read_support_format_raw(u.archive) != ARCHIVE_OK)
		return err_set(err, ERR_TRANSIENT, "libarchive cannot be set up");
	if (archive_read_open(u.archive, &u, NULL, on_read, NULL) < ARCHIVE_WARN)
		return damaged(&u, err);
	return read_archive(&u, err);
}

int unpack(int from, struct sink *to, struct err *err)
{
	if (archive_library_load(err) < 0)
		return -1;
	return unpack_file(from, to, err);
}
