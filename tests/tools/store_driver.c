/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/tools/store_driver.c - writes to a store and looks whether a fault spoiled it, for
 * tests/e2e/test_store_faults.py, which injects the faults.
 *	store_driver run DIR LEDGER     goes through the steps below, the first not yet done first
 *	store_driver check DIR LEDGER   a reader and a writer each look whether DIR is as it must be
 * The ledger is mapped memory that outlives a kill: it says how many steps are done.  A step that
 * failed is tried again, as the program does.  Between two calls of getppid() lies what is tested.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fcntl.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "store/blob.h"
#include "store/collect.h"
#include "store/scrub.h"
#include "store/store.h"

#define TRIES 3
#define NAMES 2

struct ledger {
	unsigned done; /* steps */
};

enum action { PUT, DELETE, COLLECT, SCRUB };

struct step {
	enum action action;
	unsigned name;
	const char *version; /* of PUT; also the module's text */
};

static const char *const names[NAMES] = {"a/one", "b/two"};

/* Every kind of change, with garbage for each collection, and a module that several records use. */
static const struct step steps[] = {
	{PUT, 0, "0a"},
	{PUT, 0, "0b"},
	{PUT, 1, "0b"},
	{COLLECT, 0, NULL}, /* 0a goes */
	{PUT, 0, "0c"},
	{DELETE, 1, NULL},
	{COLLECT, 0, NULL}, /* 0b goes */
	{SCRUB, 0, NULL},
	{PUT, 1, "0d"},
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

static void auto_cache(struct blob_cache **cache)
{
	blob_cache_free(*cache);
}

static int put_module(struct store *st, const char *text, struct digest *out, struct err *err)
{
	struct ingest in;

	digest_of(out, text, strlen(text));
	if (store_ingest(st, &in, err) < 0)
		return -1;
	if (io_write(in.fd, text, strlen(text), err) < 0) {
		store_ingest_abort(st, &in);
		return -1;
	}
	return store_commit_blob(st, &in, out, err);
}

static int put(struct store *st, const char *name, const char *version, struct err *err)
{
	AUTO(record) struct record r = RECORD_INIT;

	r.name = xstrdup(name);
	r.version = xstrdup(version);
	r.source = xstrdup("test");
	if (put_module(st, version, &r.served, err) < 0)
		return -1;
	r.module = r.served;
	r.module_bytes = r.served_bytes = strlen(version);
	return store_put_record(st, &r, err);
}

static int take(struct store *st, const struct step *step, struct err *err)
{
	struct store_scrub scrub = {.blobs = 0};
	struct store_garbage garbage;

	switch (step->action) {
	case PUT:
		return put(st, names[step->name], step->version, err);
	case DELETE:
		return store_delete_record(st, names[step->name], err);
	case COLLECT:
		return store_collect(st, 0, 0, &garbage, err);
	case SCRUB:
		return store_scrub(st, &scrub, err);
	default:
		abort();
	}
}

static int try_step(struct store *st, const struct step *step, struct err *err)
{
	for (int i = 1; i < TRIES; i++) {
		if (take(st, step, err) == 0)
			return 0;
	}
	return take(st, step, err);
}

static int try_open(struct store **st, const char *dir, struct err *err)
{
	for (int i = 1; i < TRIES; i++) {
		if (store_open(st, dir, STORE_WRITE, err) == 0)
			return 0;
	}
	return store_open(st, dir, STORE_WRITE, err);
}

static int run(const char *dir, struct ledger *ledger)
{
	AUTO(store) struct store *st = NULL;
	struct err err;

	(void)getppid();
	if (try_open(&st, dir, &err) < 0)
		return 1;
	for (; ledger->done < STEPS; ledger->done++) {
		if (try_step(st, &steps[ledger->done], &err) < 0)
			return 1;
	}
	(void)getppid();
	return 0;
}

/* The version that a name has after so many steps; NULL: it has no record. */
static const char *version_after(unsigned done, unsigned name)
{
	const char *version = NULL;

	for (unsigned i = 0; i < done && i < STEPS; i++) {
		if (steps[i].name != name)
			continue;
		if (steps[i].action == PUT)
			version = steps[i].version;
		if (steps[i].action == DELETE)
			version = NULL;
	}
	return version;
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static int complain(const char *what, const char *name, const struct err *err)
{
	(void)printf("%s %s: %s\n", what, name, err->msg);
	return 1;
}

/* A module is all of what it must be, or it is not served. */
static int check_module(struct store *st, const struct record *r)
{
	AUTO(cache) struct blob_cache *cache = blob_cache_new();
	struct err err = {.msg = "other bytes"};
	AUTO(blob)
	struct blob *b = blob_cache_get(cache, st, &r->served, r->served_bytes, &err);

	if (b && blob_size(b) == strlen(r->version) &&
		memcmp(blob_bytes(b), r->version, blob_size(b)) == 0)
		return 0;
	return complain("module of", r->name, &err);
}

/* What was done stays done; the step under way is done, or not begun. */
static int check_name(struct store *st, const struct ledger *ledger, unsigned name)
{
	AUTO(record) struct record r = RECORD_INIT;
	struct err err = {.msg = "neither as it was nor as it will be"};
	bool found = store_get_record(st, names[name], &r, &err) == 0;

	if (!found && err.code != ERR_NOT_FOUND)
		return complain("record", names[name], &err);
	if (!same(r.version, version_after(ledger->done, name)) &&
		!same(r.version, version_after(ledger->done + 1, name)))
		return complain("record", names[name], &err);
	return found ? check_module(st, &r) : 0;
}

static int check_store(struct store *st, const struct ledger *ledger)
{
	int bad = 0;

	for (unsigned i = 0; i < NAMES; i++)
		bad |= check_name(st, ledger, i);
	return bad;
}

static int check_reader(const char *dir, const struct ledger *ledger)
{
	AUTO(store) struct store *st = NULL;
	struct err err;

	if (store_open(&st, dir, STORE_READ, &err) == 0)
		return check_store(st, ledger);
	return ledger->done == 0 && err.code == ERR_NOT_FOUND ? 0 : complain("reader", dir, &err);
}

static int check_writer(const char *dir, struct ledger *ledger)
{
	AUTO(store) struct store *st = NULL;
	struct err err;

	if (store_open(&st, dir, STORE_WRITE, &err) < 0)
		return complain("writer", dir, &err);
	return check_store(st, ledger);
}

/* How many modules there must be once all is done: no garbage, and nothing half-written. */
static int check_end(const char *dir, struct ledger *ledger)
{
	AUTO(store) struct store *st = NULL;
	struct store_garbage garbage;
	struct err err = {.msg = "is not empty of garbage"};
	uint64_t used = 0;

	if (run(dir, ledger) != 0 || store_open(&st, dir, STORE_WRITE, &err) < 0 ||
		store_collect(st, 0, 0, &garbage, &err) < 0 || store_used(st, &used, &err) < 0)
		return complain("end", dir, &err);
	if (used != 2 * strlen("0c"))
		return complain("end", dir, &err);
	return check_store(st, ledger);
}

static int check(const char *dir, struct ledger *ledger)
{
	return check_reader(dir, ledger) || check_writer(dir, ledger) || check_end(dir, ledger);
}

static struct ledger *open_ledger(const char *path)
{
	AUTO(fd) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, sizeof(struct ledger)) < 0)
		return NULL;

	void *map = mmap(NULL, sizeof(struct ledger), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return map == MAP_FAILED ? NULL : map;
}

int main(int argc, char **argv)
{
	struct ledger *ledger = argc == 4 ? open_ledger(argv[3]) : NULL;

	if (!ledger) {
		(void)fprintf(stderr, "usage: store_driver run|check DIR LEDGER\n");
		return 2;
	}
	return strcmp(argv[1], "run") == 0 ? run(argv[2], ledger) : check(argv[2], ledger);
}
