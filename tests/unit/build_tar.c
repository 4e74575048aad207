/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/build_tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

#define BLOCK 512

/* The fields of a ustar header. */
enum {
	NAME = 0,
	MODE = 100,
	SIZE = 124,
	MTIME = 136,
	SUM = 148,
	TYPE = 156,
	LINK = 157,
	MAGIC = 257
};

static void must(int holds, const char *what)
{
	if (!holds) {
		(void)fprintf(stderr, "build_tar: %s\n", what);
		abort();
	}
}

static void append(struct buf *out, const void *bytes, size_t n)
{
	struct err err;

	must(buf_append(out, bytes, n, &err) == 0, "no room");
}

/* Sizes that eleven octal digits do not hold are written in base 256, as GNU tar does. */
static void put_size(uint8_t *field, uint64_t size)
{
	if (size < 1ULL << 33) {
		(void)snprintf((char *)field, 12, "%011llo", (unsigned long long)size);
		return;
	}
	field[0] = 0x80;
	for (int i = 0; i < 8; i++)
		field[11 - i] = (uint8_t)(size >> (8 * i));
}

static void put_sum(uint8_t *block)
{
	unsigned sum = 0;

	memset(block + SUM, ' ', 8);
	for (size_t i = 0; i < BLOCK; i++)
		sum += block[i];
	(void)snprintf((char *)block + SUM, 8, "%06o", sum);
}

void tar_add(struct buf *tar, const struct tar_entry *entry)
{
	uint8_t block[BLOCK] = {0};
	static const uint8_t zeros[BLOCK];
	static const char magic[] = {'u', 's', 't', 'a', 'r', '\0', '0', '0'};

	must(strlen(entry->name) <= 100, "a name that is too long");
	memcpy(block + NAME, entry->name, strlen(entry->name));
	memcpy(block + MODE, "0000644", 8);
	memcpy(block + MTIME, "00000000000", 12);
	put_size(block + SIZE, entry->size ? entry->size : entry->n);
	block[TYPE] = (uint8_t)(entry->type ? entry->type : '0');
	if (entry->link)
		(void)snprintf((char *)block + LINK, MAGIC - LINK, "%s", entry->link);
	memcpy(block + MAGIC, magic, sizeof(magic));
	put_sum(block);
	append(tar, block, sizeof(block));
	append(tar, entry->bytes, entry->n);
	append(tar, zeros, (BLOCK - entry->n % BLOCK) % BLOCK);
}

void tar_add_file(struct buf *tar, const char *name, const void *bytes, size_t n)
{
	const struct tar_entry entry = {.name = name, .bytes = bytes, .n = n};

	tar_add(tar, &entry);
}

void tar_end(struct buf *tar)
{
	static const uint8_t zeros[2 * BLOCK];

	append(tar, zeros, sizeof(zeros));
}

static la_ssize_t take(struct archive *a, void *out, const void *bytes, size_t n)
{
	(void)a;
	append(out, bytes, n);
	return (la_ssize_t)n;
}

static struct archive *gzip_start(struct buf *out)
{
	struct archive *a = archive_write_new();
	struct archive_entry *entry = archive_entry_new();

	must(a && entry && archive_write_add_filter_gzip(a) == ARCHIVE_OK &&
			archive_write_set_format_raw(a) == ARCHIVE_OK &&
			archive_write_set_bytes_in_last_block(a, 1) == ARCHIVE_OK &&
			archive_write_open(a, out, NULL, take, NULL) == ARCHIVE_OK,
		"gzip");
	archive_entry_set_filetype(entry, AE_IFREG);
	must(archive_write_header(a, entry) == ARCHIVE_OK, "gzip");
	archive_entry_free(entry);
	return a;
}

void gzip_add(struct buf *out, const void *bytes, size_t n)
{
	struct archive *a = gzip_start(out);

	must(archive_write_data(a, bytes, n) == (la_ssize_t)n, "gzip");
	must(archive_write_free(a) == ARCHIVE_OK, "gzip");
}

void gzip_add_run(struct buf *out, uint64_t n)
{
	char block[4096];
	struct archive *a = gzip_start(out);

	memset(block, 'x', sizeof(block));
	while (n > 0) {
		size_t some = n < sizeof(block) ? (size_t)n : sizeof(block);

		must(archive_write_data(a, block, some) == (la_ssize_t)some, "gzip");
		n -= some;
	}
	must(archive_write_free(a) == ARCHIVE_OK, "gzip");
}
