/* SPDX-License-Identifier: Apache-2.0 */
/* A store in several processes at once: a writer that is killed again and again, and readers. */
#include "store/blob.h"
#include "store/collect.h"

#include <signal.h>
#include <sys/wait.h>

#include "tests/unit/store_fixture.h"
#include "tests/unit/test.h"

#define NAME "default/auth"
#define KILLS 20
#define READS 10 /* of the writer's changes, before it is killed */

static void auto_cache(struct blob_cache **cache)
{
	blob_cache_free(*cache);
}

/* Puts version after version, each with a module of its own, and collects the old ones.  Ends with
 * 0 where another writer is there, and with 1 on any error; else it is killed. */
static int write_for_ever(const char *dir)
{
	AUTO(store) struct store *st = NULL;
	struct store_garbage garbage;
	struct err err;

	if (store_open(&st, dir, STORE_WRITE, &err) < 0)
		return err.code == ERR_CONFLICT ? 0 : 1;
	for (unsigned i = 0;; i++) {
		char version[32]; /* that no other process puts */

		(void)snprintf(version, sizeof(version), "%08x%08x", (unsigned)getpid(), i);
		if (put_record_of(st, NAME, version, version, &err) < 0 ||
			store_collect(st, 0, 0, &garbage, &err) < 0)
			return 1;
	}
}

static pid_t start(int (*run)(const char *dir), const char *dir)
{
	pid_t child = fork();

	if (child == 0)
		_exit(run(dir));
	CU_ASSERT_FATAL(child > 0);
	return child;
}

/* Returns whether what the record names can be had, or is not looked for any more. */
static bool can_serve(struct store *st, const struct record *r)
{
	AUTO(cache) struct blob_cache *cache = blob_cache_new();
	AUTO(record) struct record now = RECORD_INIT;
	struct err err = {.msg = ""};
	AUTO(blob)
	struct blob *b = blob_cache_get(cache, st, &r->served, r->served_bytes, &err);

	if (b)
		return blob_size(b) == strlen(r->version) &&
		       memcmp(blob_bytes(b), r->version, blob_size(b)) == 0;
	/* Collected without grace since the record was read: there must be a newer one. */
	return err.code == ERR_NOT_FOUND && store_get_record(st, NAME, &now, &err) == 0 &&
	       strcmp(now.version, r->version) != 0;
}

/* Reads until the record changed so many times. */
static bool read_changes(struct store *st, unsigned changes)
{
	AUTO(free) char *last = NULL;

	while (changes > 0) {
		AUTO(record) struct record r = RECORD_INIT;
		struct err err;

		if (store_get_record(st, NAME, &r, &err) < 0)
			return false;
		if (last && strcmp(last, r.version) == 0)
			continue;
		if (!can_serve(st, &r))
			return false;
		free(last);
		last = xstrdup(r.version);
		changes--;
	}
	return true;
}

static int read_many(const char *dir)
{
	AUTO(store) struct store *st = NULL;
	struct err err;

	return store_open(&st, dir, STORE_READ, &err) == 0 && read_changes(st, KILLS * READS) ? 0
											      : 1;
}

static void kill_and_wait(pid_t child)
{
	int status = 0;

	CU_ASSERT_EQUAL(kill(child, SIGKILL), 0);
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT(WIFSIGNALED(status));
}

static int end_of(pid_t child)
{
	int status = -1;

	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	return status;
}

static void put_first(const char *dir)
{
	AUTO(store) struct store *st = open_store(dir, STORE_WRITE);
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL_FATAL(put_record_of(st, NAME, "00", "00", &err), 0);
}

static void test_store__is_read_whole_while_its_writers_are_killed(void)
{
	AUTO(folder) struct folder f = folder_new_fast();

	put_first(f.path);
	AUTO(store) struct store *st = open_store(f.path, STORE_READ);
	pid_t reader = start(read_many, f.path);

	for (int i = 0; i < KILLS; i++) {
		pid_t writer = start(write_for_ever, f.path);

		CU_ASSERT(read_changes(st, READS));
		kill_and_wait(writer);
	}
	/* The other reader may be behind. */
	pid_t writer = start(write_for_ever, f.path);

	CU_ASSERT_EQUAL(end_of(reader), 0);
	kill_and_wait(writer);
	CU_ASSERT(read_changes(st, 1));
}

static void test_store__refuses_a_second_writer_and_is_not_harmed(void)
{
	AUTO(folder) struct folder f = folder_new_fast();

	put_first(f.path);
	AUTO(store) struct store *st = open_store(f.path, STORE_READ);
	pid_t writer = start(write_for_ever, f.path);

	CU_ASSERT(read_changes(st, READS));
	for (int i = 0; i < 10; i++)
		CU_ASSERT_EQUAL(end_of(start(write_for_ever, f.path)), 0);
	CU_ASSERT(read_changes(st, READS));
	kill_and_wait(writer);
}

TEST_MAIN("store_processes", TEST(test_store__is_read_whole_while_its_writers_are_killed),
	TEST(test_store__refuses_a_second_writer_and_is_not_harmed))
