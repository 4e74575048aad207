/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/store_fixture.h - a temporary folder, and blobs and records to put into a store there.
 */
#ifndef WASMXDS_TESTS_UNIT_STORE_FIXTURE_H
#define WASMXDS_TESTS_UNIT_STORE_FIXTURE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CUnit/Basic.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/xalloc.h"
#include "store/layout.h"
#include "store/store.h"

struct folder {
	char *path; /* owned; to a folder that does not exist yet, in one of its own */
	char *top;  /* owned */
};

static inline int folder_remove_entry(void *arg, int at, const char *name, struct err *err)
{
	(void)arg;
	if (unlinkat(at, name, 0) == 0)
		return 0;

	AUTO(fd) int fd = layout_open_folder(at, name, err);

	if (fd < 0 || layout_walk(fd, folder_remove_entry, NULL, err) < 0)
		return -1;
	return unlinkat(at, name, AT_REMOVEDIR);
}

static inline void auto_folder(struct folder *f)
{
	struct err err;

	CU_ASSERT_EQUAL(folder_remove_entry(NULL, AT_FDCWD, f->top, &err), 0);
	free(f->path);
	free(f->top);
}

static inline struct folder folder_below(const char *tmp)
{
	struct folder f = {.top = xasprintf("%s/wasmxds-store-XXXXXX", tmp)};

	if (!mkdtemp(f.top))
		abort();
	f.path = xasprintf("%s/store", f.top);
	return f;
}

static inline struct folder folder_new(void)
{
	const char *tmp = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): no threads yet */

	return folder_below(tmp ? tmp : "/tmp");
}

/* A folder in memory where there is one: ten thousand syncs of a real disk take a minute. */
static inline struct folder folder_new_fast(void)
{
	return access("/dev/shm", W_OK) == 0 ? folder_below("/dev/shm") : folder_new();
}

/* Opens, or fails the test and ends it. */
static inline struct store *open_store(const char *dir, enum store_mode mode)
{
	struct store *st = NULL;
	struct err err = {.msg = ""};

	if (store_open(&st, dir, mode, &err) < 0)
		printf("\n  %s\n", err.msg);
	CU_ASSERT_PTR_NOT_NULL_FATAL(st);
	return st;
}

/* Puts text as a blob and says what it is called. */
static inline int put_blob(struct store *st, const char *text, struct digest *out, struct err *err)
{
	struct ingest in;

	if (store_ingest(st, &in, err) < 0)
		return -1;
	digest_of(out, text, strlen(text));
	if (io_write(in.fd, text, strlen(text), err) < 0) {
		store_ingest_abort(st, &in);
		return -1;
	}
	return store_commit_blob(st, &in, out, err);
}

/* Fills an initialised, empty r as the record of a module that is text. */
static inline void fill_record(
	struct record *r, const char *name, const char *version, const char *text)
{
	struct err err;

	r->name = xstrdup(name);
	r->version = xstrdup(version);
	r->source = xstrdup("https://example.com/filter.wasm");
	digest_of(&r->served, text, strlen(text));
	r->served_bytes = strlen(text);
	digest_of(&r->module, "whole", strlen("whole"));
	r->module_bytes = strlen("whole");
	CU_ASSERT_EQUAL(buf_append(&r->head, "head\0of it", 10, &err), 0);
	CU_ASSERT_EQUAL(buf_append(&r->tail, "tail", 4, &err), 0);
}

/* Puts the record of a module that is text, and the module where it is absent. */
static inline int put_record_of(
	struct store *st, const char *name, const char *version, const char *text, struct err *err)
{
	AUTO(record) struct record r = RECORD_INIT;
	uint64_t size = 0;

	fill_record(&r, name, version, text);
	if (!store_has_blob(st, &r.served, &size) && put_blob(st, text, &r.served, err) < 0)
		return -1;
	return store_put_record(st, &r, err);
}

static inline int put_record(
	struct store *st, const char *name, const char *version, struct err *err)
{
	return put_record_of(st, name, version, "module", err);
}

static inline bool path_exists(const char *dir, const char *path)
{
	AUTO(free) char *full = xasprintf("%s/%s", dir, path);
	struct stat st;

	return lstat(full, &st) == 0;
}

/* Replaces the bytes of a file where it stands, as bit rot or a careless hand would. */
static inline void overwrite(const char *dir, const char *path, const char *text)
{
	AUTO(free) char *full = xasprintf("%s/%s", dir, path);
	struct err err;

	(void)chmod(full, 0600);
	AUTO(fd) int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(io_write(fd, text, strlen(text), &err), 0);
}

#endif
