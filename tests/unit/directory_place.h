/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/directory_place.h - a real folder of manifests for one test of kube/directory.h, and
 * what users, editors and the kubelet do in it.
 */
#ifndef WASMXDS_TESTS_UNIT_DIRECTORY_PLACE_H
#define WASMXDS_TESTS_UNIT_DIRECTORY_PLACE_H

#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/limits.h"
#include "kube/directory.h"
#include "tests/unit/directory_events.h"

#define POLL_MS 10000 /* for what comes at once */
#define BROKEN "kind: [\n"
#define WRONG "---\napiVersion: wasmxds.tetrate.io/v1alpha1\nkind: WasmExtension\n"

/* A folder of its own for one test, and what watches it. */
struct place {
	char base[256];
	char path[300]; /* the folder, below base */
	struct directory *dir;
};

static inline void place_open(struct place *p)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread */
	const char *tmp = getenv("TMPDIR");
	struct err err = {.code = ERR_NONE};

	(void)snprintf(p->base, sizeof(p->base), "%s/directory-XXXXXX", tmp ? tmp : "/tmp");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(p->base));
	(void)snprintf(p->path, sizeof(p->path), "%s/folder", p->base);
	CU_ASSERT_EQUAL_FATAL(mkdir(p->path, 0700), 0);
	CU_ASSERT_EQUAL_FATAL(directory_open(&p->dir, p->path, &err), 0);
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static inline void auto_place(struct place *p)
{
	directory_close(p->dir);
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread */
	CU_ASSERT_EQUAL(nftw(p->base, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* Returns the name's path in one of a few buffers that take turns. */
static inline const char *in(const struct place *p, const char *name)
{
	static char paths[4][600];
	static size_t turn;
	char *path = paths[turn++ % 4];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", p->path, name);
	return path;
}

/* Truncates and writes in place, as a shell's > does. */
static inline void put(const struct place *p, const char *name, const char *text)
{
	AUTO(file) FILE *f = fopen(in(p, name), "we");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_TRUE(fputs(text, f) >= 0);
}

/* Returns a ConfigMap of one value, in one of a few buffers that take turns. */
static inline const char *map_text(const char *object, int version)
{
	static char texts[4][256];
	static size_t turn;
	char *text = texts[turn++ % 4];

	(void)snprintf(text, sizeof(texts[0]),
		"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: \"%s\"\ndata:\n  v: \"%d\"\n",
		object, version);
	return text;
}

static inline void put_map(const struct place *p, const char *name, const char *object, int version)
{
	put(p, name, map_text(object, version));
}

static inline void put_two(
	const struct place *p, const char *name, const char *first, const char *second)
{
	char text[600];

	(void)snprintf(text, sizeof(text), "%s---\n%s", first, second);
	put(p, name, text);
}

static inline void move(const struct place *p, const char *from, const char *to)
{
	CU_ASSERT_EQUAL(rename(in(p, from), in(p, to)), 0);
}

static inline void erase(const struct place *p, const char *name)
{
	CU_ASSERT_EQUAL(unlink(in(p, name)), 0);
}

static inline void expect(const struct place *p, const char *events)
{
	AUTO(buf) struct buf noted = BUF_INIT(LIMIT_MIB);
	struct err err = {.code = ERR_NONE};

	CU_ASSERT_EQUAL(directory_scan(p->dir, directory_event_note, &noted, &err), 0);
	if (strcmp(buf_text(&noted), events) != 0)
		printf("\n  wanted \"%s\", got \"%s\" %s\n", events, buf_text(&noted), err.msg);
	CU_ASSERT_STRING_EQUAL(buf_text(&noted), events);
}

/* Expects a scan that fails and reports nothing. */
static inline void expect_failure(const struct place *p, enum err_code code)
{
	AUTO(buf) struct buf noted = BUF_INIT(LIMIT_MIB);
	struct err err = {.code = ERR_NONE};

	CU_ASSERT_EQUAL(directory_scan(p->dir, directory_event_note, &noted, &err), -1);
	CU_ASSERT_EQUAL(err.code, code);
	CU_ASSERT_STRING_EQUAL(buf_text(&noted), "");
	CU_ASSERT_FALSE(directory_complete(p->dir));
}

static inline bool woken(const struct place *p, int timeout_ms)
{
	struct pollfd fd = {.fd = directory_fd(p->dir), .events = POLLIN};

	return poll(&fd, 1, timeout_ms) == 1;
}

/* Waits until the kernel's clock for stamps has passed what changed last; some kernels stamp files
 * ahead of it, but not ahead of the exact one. */
static inline void let_clock_tick(void)
{
	struct timespec before;
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &before);
	do {
		(void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
	} while (now.tv_sec < before.tv_sec ||
		 (now.tv_sec == before.tv_sec && now.tv_nsec <= before.tv_nsec));
}

/* Lets no descriptor be opened after the next one. */
static inline struct rlimit allow_one_descriptor(void)
{
	struct rlimit before;
	struct rlimit few;
	int next = dup(STDERR_FILENO);

	CU_ASSERT_EQUAL(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = (rlim_t)next + 1;
	(void)close(next);
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &few), 0);
	return before;
}

#endif
