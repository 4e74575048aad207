/* SPDX-License-Identifier: Apache-2.0 */
#include "store/watch.h"

#include <pthread.h>
#include <sys/wait.h>
#include <time.h>

#include "base/map.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/test.h"

#define NEVER_MS ((int64_t)3600 * 1000) /* so that only inotify can have told */
#define OFTEN_MS 5
#define PATIENCE_S 300
#define CHANGES 1000
#define CHANGES_OF_ANOTHER 200
#define MAX_WORDS 65536

/* What the watcher said and nobody looked at yet. */
struct words {
	pthread_mutex_t lock;
	pthread_cond_t said;
	char *names[MAX_WORDS]; /* owned; guarded by lock, as all below */
	size_t n;
	bool all;  /* NULL was said */
	bool hold; /* changed() does not return */
};

static struct words *words_new(void)
{
	struct words *w = xcalloc(1, sizeof(*w));

	CU_ASSERT_EQUAL_FATAL(pthread_mutex_init(&w->lock, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(pthread_cond_init(&w->said, NULL), 0);
	return w;
}

static void auto_words(struct words **w)
{
	for (size_t i = 0; i < (*w)->n; i++)
		free((*w)->names[i]);
	(void)pthread_cond_destroy(&(*w)->said);
	(void)pthread_mutex_destroy(&(*w)->lock);
	free(*w);
}

static void auto_watch(struct store_watch **w)
{
	store_watch_stop(*w);
}

static void changed(void *arg, const char *name)
{
	struct words *w = arg;

	(void)pthread_mutex_lock(&w->lock);
	if (!name || w->n == MAX_WORDS)
		w->all = true;
	else
		w->names[w->n++] = xstrdup(name);
	(void)pthread_cond_broadcast(&w->said);
	while (w->hold)
		(void)pthread_cond_wait(&w->said, &w->lock);
	(void)pthread_mutex_unlock(&w->lock);
}

static void hold(struct words *w, bool on)
{
	(void)pthread_mutex_lock(&w->lock);
	w->hold = on;
	(void)pthread_cond_broadcast(&w->said);
	(void)pthread_mutex_unlock(&w->lock);
}

/* Waits until something was said; false when patience ends.  Called with the lock held. */
static bool wait_locked(struct words *w, const struct timespec *end)
{
	while (w->n == 0 && !w->all) {
		if (pthread_cond_timedwait(&w->said, &w->lock, end) != 0)
			return false;
	}
	return true;
}

static struct timespec patience(void)
{
	struct timespec end;

	CU_ASSERT_EQUAL(clock_gettime(CLOCK_REALTIME, &end), 0);
	end.tv_sec += PATIENCE_S;
	return end;
}

/* What a reader knows of the store: name → version. */
struct model {
	const struct store *st; /* borrowed; the reader's own */
	struct map versions;
};

static void auto_model(struct model *m)
{
	map_clear(&m->versions, free);
}

static void learn(struct model *m, const char *name)
{
	AUTO(record) struct record r = RECORD_INIT;
	struct err err;

	record_init(&r);
	if (store_get_record(m->st, name, &r, &err) == 0)
		free(map_put(&m->versions, name, STEAL(r.version)));
	else
		free(map_take(&m->versions, name));
}

static void learn_record(void *arg, const char *name, const struct record_stamp *stamp)
{
	(void)stamp;
	learn(arg, name);
}

static void learn_all(struct model *m)
{
	struct err err = {.msg = ""};

	map_clear(&m->versions, free);
	CU_ASSERT_EQUAL(store_each_record(m->st, learn_record, m, &err), 0);
}

/* Waits for words and acts on all of them; false when patience ends. */
static bool follow(struct words *w, struct model *m, const struct timespec *end)
{
	(void)pthread_mutex_lock(&w->lock);
	bool said = wait_locked(w, end);
	bool all = w->all;
	size_t n = w->n;
	AUTO(free) char **names = xreallocarray(NULL, n + 1, sizeof(*names));

	memcpy(names, w->names, n * sizeof(*names));
	w->n = 0;
	w->all = false;
	(void)pthread_mutex_unlock(&w->lock);
	if (all)
		learn_all(m);
	for (size_t i = 0; i < n; i++) {
		learn(m, names[i]);
		free(names[i]);
	}
	return said;
}

static bool model_is(const struct model *m, const struct map *want)
{
	const char *name = NULL;
	const char *version = NULL;
	size_t at = 0;

	if (m->versions.n != want->n)
		return false;
	while ((version = map_next(want, &at, &name))) {
		const char *known = map_get(&m->versions, name);

		if (!known || strcmp(known, version) != 0)
			return false;
	}
	return true;
}

/* Follows the watcher until the model is want. */
static bool comes_to(struct words *w, struct model *m, const struct map *want)
{
	struct timespec end = patience();

	while (!model_is(m, want)) {
		if (!follow(w, m, &end))
			return false;
	}
	return true;
}

static bool comes_to_version(
	struct words *w, struct model *m, const char *name, const char *version)
{
	struct map want = {.n = 0};
	AUTO(free) char *copy = xstrdup(version);

	(void)map_put(&want, name, copy);
	bool came = comes_to(w, m, &want);

	map_clear(&want, NULL);
	return came;
}

static struct store_watch *start(const char *dir, int64_t poll_ms, struct words *w)
{
	struct err err = {.msg = ""};
	struct store_watch *watch = store_watch_start(dir, poll_ms, changed, w, &err);

	if (!watch)
		printf("\n  %s\n", err.msg);
	CU_ASSERT_PTR_NOT_NULL_FATAL(watch);
	return watch;
}

static void test_store_watch_start__names_what_changes(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(store) struct store *reader = open_store(f.path, STORE_READ);
	AUTO(words) struct words *w = words_new();
	struct err err = {.msg = ""};
	struct timespec end = patience();

	CU_ASSERT_EQUAL(put_record(st, "default/rate", "0a", &err), 0);
	AUTO(watch) struct store_watch *watch = start(f.path, NEVER_MS, w);

	CU_ASSERT_EQUAL(put_record(st, "default/auth", "0a", &err), 0);
	(void)pthread_mutex_lock(&w->lock);
	CU_ASSERT(wait_locked(w, &end));
	CU_ASSERT_FALSE(w->all);
	CU_ASSERT_EQUAL(w->n, 1);
	CU_ASSERT_STRING_EQUAL(w->names[0], "default/auth");
	(void)pthread_mutex_unlock(&w->lock);
}

static void test_store_watch_start__follows_new_namespaces(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(store) struct store *reader = open_store(f.path, STORE_READ);
	AUTO(words) struct words *w = words_new();
	AUTO(model) struct model m = {.st = reader};
	AUTO(watch) struct store_watch *watch = start(f.path, NEVER_MS, w);
	struct map none = {.n = 0};
	struct err err = {.msg = ""};

	for (int i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(put_record(st, "team/auth", "0a", &err), 0);
		CU_ASSERT(comes_to_version(w, &m, "team/auth", "0a"));
		CU_ASSERT_EQUAL(put_record(st, "team/auth", "0b", &err), 0);
		CU_ASSERT(comes_to_version(w, &m, "team/auth", "0b"));
		CU_ASSERT_EQUAL(store_delete_record(st, "team/auth", &err), 0);
		CU_ASSERT(comes_to(w, &m, &none));
	}
}

static void test_store_watch_start__waits_for_a_store_to_be_made(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(words) struct words *w = words_new();
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(mkdir(f.path, 0700), 0);
	AUTO(watch) struct store_watch *watch = start(f.path, NEVER_MS, w);
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(store) struct store *reader = open_store(f.path, STORE_READ);
	AUTO(model) struct model m = {.st = reader};

	CU_ASSERT_EQUAL(put_record(st, "default/auth", "0a", &err), 0);
	CU_ASSERT(comes_to_version(w, &m, "default/auth", "0a"));
}

static void test_store_watch_start__refuses_what_is_no_folder(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(words) struct words *w = words_new();
	struct err err = {.msg = ""};

	CU_ASSERT_PTR_NULL(store_watch_start(f.path, NEVER_MS, changed, w, &err));
	CU_ASSERT_EQUAL(err.code, ERR_NOT_FOUND);
	ASSERT_HAS(err.msg, f.path);
}

/* The n-th change, the same in each process that counts along: a put, or now and then a delete, of
 * one of a few names in a few namespaces. */
static int change(struct store *st, struct map *want, unsigned n, struct err *err)
{
	unsigned draw = n * 2654435761U >> 8;
	AUTO(free) char *name = xasprintf("team-%u/filter-%u", draw % 3, draw / 3 % 4);
	AUTO(free) char *version = xasprintf("%x", n);

	if (draw / 12 % 5 < 2) {
		free(map_take(want, name));
		return st ? store_delete_record(st, name, err) : 0;
	}
	free(map_put(want, name, xstrdup(version)));
	return st ? put_record(st, name, version, err) : 0;
}

static void test_store_watch_start__loses_nothing_of_many_changes(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(store) struct store *reader = open_store(f.path, STORE_READ);
	AUTO(words) struct words *w = words_new();
	AUTO(model) struct model m = {.st = reader};
	AUTO(watch) struct store_watch *watch = start(f.path, NEVER_MS, w);
	struct map want = {.n = 0};
	struct err err = {.msg = ""};

	for (unsigned n = 0; n < CHANGES; n++)
		CU_ASSERT_EQUAL(change(st, &want, n, &err), 0);
	CU_ASSERT(want.n > 0);
	CU_ASSERT(comes_to(w, &m, &want));
	map_clear(&want, free);
}

/* The child waits for a byte, so that it is forked before there are threads. */
static pid_t fork_writer(const char *dir, int go)
{
	pid_t child = fork();

	if (child != 0)
		return child;

	struct map want = {.n = 0};
	struct store *st = NULL;
	struct err err;
	char byte = 0;

	if (read(go, &byte, 1) != 1 || store_open(&st, dir, STORE_WRITE, &err) < 0)
		_exit(1);
	for (unsigned n = 0; n < CHANGES_OF_ANOTHER; n++) {
		if (change(st, &want, n, &err) < 0)
			_exit(2);
	}
	_exit(0);
}

static void test_store_watch_start__follows_another_process_while_it_writes(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(words) struct words *w = words_new();
	struct map want = {.n = 0};
	struct err err;
	int status = -1;
	int go[2];

	store_close(open_store(f.path, STORE_WRITE));
	CU_ASSERT_EQUAL_FATAL(pipe(go), 0);
	pid_t child = fork_writer(f.path, go[0]);
	AUTO(store) struct store *reader = open_store(f.path, STORE_READ);
	AUTO(model) struct model m = {.st = reader};
	AUTO(watch) struct store_watch *watch = start(f.path, NEVER_MS, w);

	for (unsigned n = 0; n < CHANGES_OF_ANOTHER; n++)
		CU_ASSERT_EQUAL(change(NULL, &want, n, &err), 0);
	CU_ASSERT_EQUAL(write(go[1], "!", 1), 1);
	CU_ASSERT(comes_to(w, &m, &want));
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT_EQUAL(status, 0);
	(void)close(go[0]);
	(void)close(go[1]);
	map_clear(&want, free);
}

/* As where the writer is on another machine: its bytes come, but no event. */
static void test_store_watch_start__compares_all_when_the_generation_moves_unseen(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(words) struct words *w = words_new();
	struct timespec end = patience();

	store_close(open_store(f.path, STORE_WRITE));
	AUTO(watch) struct store_watch *watch = start(f.path, OFTEN_MS, w);

	for (unsigned value = 100; value > 97; value--) {
		AUTO(free) char *text = xasprintf("%u\n", value);

		overwrite(f.path, "generation", text);
		(void)pthread_mutex_lock(&w->lock);
		CU_ASSERT(wait_locked(w, &end));
		CU_ASSERT(w->all);
		CU_ASSERT_EQUAL(w->n, 0);
		w->all = false;
		(void)pthread_mutex_unlock(&w->lock);
	}
}

static void test_store_watch_start__names_each_change_while_it_polls(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(words) struct words *w = words_new();
	struct err err = {.msg = ""};
	struct timespec end = patience();

	CU_ASSERT_EQUAL(put_record(st, "default/auth", "0a", &err), 0);
	AUTO(watch) struct store_watch *watch = start(f.path, OFTEN_MS, w);

	for (unsigned n = 0; n < 50; n++)
		CU_ASSERT_EQUAL(put_record(st, "default/auth", "0b", &err), 0);
	(void)pthread_mutex_lock(&w->lock);
	while (w->n < 50 && pthread_cond_timedwait(&w->said, &w->lock, &end) == 0)
		continue;
	CU_ASSERT_EQUAL(w->n, 50);
	(void)pthread_mutex_unlock(&w->lock);
}

/* Renames a file to and fro until the kernel's queue must have overflowed. */
static void flood(const struct store *st)
{
	AUTO(buf) struct buf text = BUF_INIT(32);
	struct err err;
	AUTO(fd) int fd = openat(st->resources, "team", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CU_ASSERT_EQUAL(
		io_read_file(AT_FDCWD, "/proc/sys/fs/inotify/max_queued_events", &text, &err), 0);
	for (long n = strtol(buf_text(&text), NULL, 10); n >= 0; n--) {
		CU_ASSERT_EQUAL(renameat(fd, "here", fd, "there"), 0);
		CU_ASSERT_EQUAL(renameat(fd, "there", fd, "here"), 0);
	}
}

static void test_store_watch_start__compares_all_after_an_overflow(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(store) struct store *st = open_store(f.path, STORE_WRITE);
	AUTO(store) struct store *reader = open_store(f.path, STORE_READ);
	AUTO(words) struct words *w = words_new();
	AUTO(model) struct model m = {.st = reader};
	struct err err = {.msg = ""};
	struct timespec end = patience();

	CU_ASSERT_EQUAL(put_record(st, "team/here", "0a", &err), 0);
	AUTO(watch) struct store_watch *watch = start(f.path, NEVER_MS, w);

	hold(w, true);
	CU_ASSERT_EQUAL(put_record(st, "team/here", "0a", &err), 0);
	(void)pthread_mutex_lock(&w->lock);
	CU_ASSERT(wait_locked(w, &end));
	(void)pthread_mutex_unlock(&w->lock);
	flood(st);
	CU_ASSERT_EQUAL(put_record(st, "lost/auth", "0c", &err), 0);
	CU_ASSERT_EQUAL(store_delete_record(st, "team/here", &err), 0);
	hold(w, false);
	CU_ASSERT(comes_to_version(w, &m, "lost/auth", "0c"));
	CU_ASSERT_EQUAL(put_record(st, "lost/auth", "0d", &err), 0);
	CU_ASSERT(comes_to_version(w, &m, "lost/auth", "0d"));
}

static void test_store_watch_stop__ends_at_once(void)
{
	AUTO(folder) struct folder f = folder_new();
	AUTO(words) struct words *w = words_new();
	int64_t before = io_monotonic_ms();

	store_close(open_store(f.path, STORE_WRITE));
	for (int i = 0; i < 20; i++)
		store_watch_stop(start(f.path, NEVER_MS, w));
	store_watch_stop(NULL);
	CU_ASSERT(io_monotonic_ms() - before < NEVER_MS / 60);
}

TEST_MAIN("watch", TEST(test_store_watch_start__names_what_changes),
	TEST(test_store_watch_start__follows_new_namespaces),
	TEST(test_store_watch_start__waits_for_a_store_to_be_made),
	TEST(test_store_watch_start__refuses_what_is_no_folder),
	TEST(test_store_watch_start__loses_nothing_of_many_changes),
	TEST(test_store_watch_start__follows_another_process_while_it_writes),
	TEST(test_store_watch_start__compares_all_when_the_generation_moves_unseen),
	TEST(test_store_watch_start__names_each_change_while_it_polls),
	TEST(test_store_watch_start__compares_all_after_an_overflow),
	TEST(test_store_watch_stop__ends_at_once))
