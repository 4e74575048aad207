/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/stamp.h"
#include "base/xalloc.h"
#include "kube/difference.h"

#define WATCHED                                                                             \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_ATTRIB | \
		IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
#define LISTING_S 30 /* between two listings of the folder, at most */

/* A file as one scan found it. */
struct sighting {
	struct stamp stamp;    /* of what a link points to */
	bool trusted;          /* the same stamp means the same bytes */
	struct digest content; /* of the bytes when last read; not set where that failed */
};

struct directory {
	char *path;           /* owned */
	int inotify;          /* -1: not to be had */
	int watch;            /* -1: none */
	struct map sightings; /* name → struct sighting, owned; of the last good scan */
	struct difference *difference;
	bool complete;
	time_t listed; /* s; when the last scan that listed the folder began */

	/* what inotify said since the last scan */
	struct map landed; /* manifests that were renamed into place or closed; no values */
	bool swapped;      /* another name was renamed into place */
	bool unsettled;    /* a change of a manifest began */
};

/* One scan under way. */
struct scan {
	struct directory *dir;
	DIR *folder;      /* owned */
	struct map found; /* name → struct sighting, owned */
	struct buf text;  /* of one file after the other */
	struct timespec began;
};

static void auto_scan(struct scan *scan)
{
	if (scan->folder)
		(void)closedir(scan->folder);
	map_clear(&scan->found, free);
	buf_clear(&scan->text);
}

static bool time_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

/* Watches the folder that has the path now; the kernel knows one that it watches already. */
static void watch(struct directory *dir)
{
	int before = dir->watch;

	if (dir->inotify < 0)
		dir->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (dir->inotify < 0)
		return;
	dir->watch = inotify_add_watch(dir->inotify, dir->path, WATCHED);
	if (before >= 0 && before != dir->watch)
		(void)inotify_rm_watch(dir->inotify, before);
}

/* What happens to other names is no change under way, but for the rename that swaps the files of a
 * mounted ConfigMap. */
static void note(struct directory *dir, const struct inotify_event *event)
{
	bool manifest = event->len > 0 && directory_is_manifest(event->name);

	if (manifest && event->mask & (IN_MOVED_TO | IN_CLOSE_WRITE))
		(void)map_put(&dir->landed, event->name, dir);
	else if (manifest || event->len == 0)
		dir->unsettled = true;
	else if (event->mask & IN_MOVED_TO)
		dir->swapped = true;
}

/* The events only wake, and say when to scan; what changed, the scan finds out. */
static void drain(struct directory *dir)
{
	_Alignas(struct inotify_event) char events[4096];
	ssize_t got = 0;

	if (dir->inotify < 0)
		return;
	do {
		got = read(dir->inotify, events, sizeof(events));
		for (ssize_t at = 0; at < got;) {
			const struct inotify_event *event = (const void *)&events[at];

			note(dir, event);
			at += (ssize_t)(sizeof(*event) + event->len);
		}
	} while (got > 0 || (got < 0 && errno == EINTR));
}

int directory_open(struct directory **out, const char *path, struct err *err)
{
	AUTO(fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct directory *dir = NULL;

	if (fd < 0 && errno == ENOTDIR)
		return err_set(err, ERR_INVALID, "%s: must be a folder of manifests", path);
	if (fd < 0)
		return err_errno(err, err_code_from_errno(errno), "open folder %s", path);

	dir = xcalloc(1, sizeof(*dir));
	dir->path = xstrdup(path);
	dir->inotify = -1;
	dir->watch = -1;
	dir->difference = difference_new();
	watch(dir);
	*out = dir;
	return 0;
}

void directory_close(struct directory *dir)
{
	if (!dir)
		return;
	if (dir->inotify >= 0)
		(void)close(dir->inotify);
	map_clear(&dir->sightings, free);
	map_clear(&dir->landed, NULL);
	difference_free(dir->difference);
	free(dir->path);
	free(dir);
}

int directory_fd(const struct directory *dir)
{
	return dir->watch >= 0 ? dir->inotify : -1;
}

bool directory_settled(struct directory *dir)
{
	drain(dir);
	return (dir->landed.n > 0 || dir->swapped) && !dir->unsettled;
}

bool directory_complete(const struct directory *dir)
{
	return dir->complete;
}

bool directory_is_manifest(const char *name)
{
	const char *suffix = strrchr(name, '.');

	return suffix && name[0] != '.' &&
	       (strcmp(suffix, ".yaml") == 0 || strcmp(suffix, ".yml") == 0 ||
		       strcmp(suffix, ".json") == 0);
}

/* Notes a file, but not a folder, and returns whether it could be looked at.  One that could not is
 * noted too: reading it says why.  A file that changed as late as the scan began may change again
 * with the same stamp. */
static bool sight(struct scan *scan, const char *name)
{
	struct sighting *sighting = NULL;
	struct stat st = {.st_size = 0};
	bool known = fstatat(dirfd(scan->folder), name, &st, 0) == 0;

	if (known && S_ISDIR(st.st_mode))
		return true;
	sighting = xcalloc(1, sizeof(*sighting));
	sighting->stamp = stamp_of(&st);
	sighting->trusted = known && time_before(&st.st_ctim, &scan->began);
	free(map_put(&scan->found, name, sighting));
	return known;
}

static int list(struct scan *scan, struct err *err)
{
	const char *path = scan->dir->path;
	const struct dirent *entry = NULL;

	map_clear(&scan->found, free);
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread has this DIR */
	while (errno = 0, (entry = readdir(scan->folder))) {
		if (!directory_is_manifest(entry->d_name))
			continue;
		(void)sight(scan, entry->d_name);
		if (scan->found.n > LIMIT_MANIFEST_FILES)
			return err_set(err, ERR_INVALID,
				"folder %s: must hold at most %d manifests; none was read", path,
				LIMIT_MANIFEST_FILES);
	}
	if (errno)
		return err_errno(err, ERR_TRANSIENT, "read folder %s", path);
	scan->dir->listed = scan->began.tv_sec;
	return 0;
}

/* Looks only at the files that inotify named, so that one change costs the same in a folder of ten
 * thousand.  Not where another file must be refilled.  Returns false where the folder must be
 * listed; from time to time it is, whatever inotify says. */
static bool look_at_landed(struct scan *scan)
{
	struct directory *dir = scan->dir;
	int64_t age = (int64_t)scan->began.tv_sec - dir->listed;
	const char *name = NULL;
	size_t at = 0;

	if (!directory_settled(dir) || dir->swapped || !difference_settled(dir->difference) ||
		age < 0 || age >= LISTING_S)
		return false;
	while (map_next(&dir->landed, &at, &name)) {
		if (!sight(scan, name))
			return false;
	}
	return true;
}

/* The same file would be refused again, but a failure may pass. */
static void fail(
	struct scan *scan, const char *name, struct sighting *sighting, const struct err *err)
{
	if (err->code != ERR_INVALID)
		sighting->trusted = false;
	sighting->content = (struct digest){.hex = ""};
	difference_fail(scan->dir->difference, name, err);
}

/* A file without a byte is refused because it is what a write in place looks like at first. */
static int parse(struct manifest *out, const struct buf *text, struct err *err)
{
	if (text->len == 0)
		return err_set(err, ERR_INVALID,
			"must not be empty; remove the file to remove what it held");
	if (manifest_parse(out, buf_text(text), text->len, err) < 0)
		return -1;
	return problems_to_err(&out->problems, err);
}

static void read_file(struct scan *scan, const char *name, struct sighting *sighting)
{
	struct difference *d = scan->dir->difference;
	AUTO(manifest) struct manifest manifest = {.n = 0};
	struct digest before = sighting->content;
	struct err err = {.code = ERR_NONE};
	bool wrong = false;

	scan->text.len = 0;
	if (io_read_file(dirfd(scan->folder), name, &scan->text, &err) < 0) {
		fail(scan, name, sighting, &err);
		return;
	}
	digest_of(&sighting->content, buf_text(&scan->text), scan->text.len);
	if (digest_equal(&before, &sighting->content) && !difference_hollow(d, name))
		return;

	wrong = parse(&manifest, &scan->text, &err) < 0;
	if (digest_equal(&before, &sighting->content))
		difference_refill(d, name, &manifest);
	else
		difference_show(d, name, &manifest, wrong ? &err : NULL);
}

static void read_changed(struct scan *scan)
{
	struct directory *dir = scan->dir;
	struct sighting *sighting = NULL;
	const char *name = NULL;
	size_t at = 0;

	while ((sighting = map_next(&scan->found, &at, &name))) {
		const struct sighting *before = map_get(&dir->sightings, name);
		bool same = false;

		if (before) {
			sighting->content = before->content;
			same = before->trusted && stamp_equal(&before->stamp, &sighting->stamp);
		}
		if (!same || difference_hollow(dir->difference, name))
			read_file(scan, name, sighting);
	}
}

static void drop_gone(struct scan *scan)
{
	const char *name = NULL;
	size_t at = 0;

	while (map_next(&scan->dir->sightings, &at, &name)) {
		if (!map_get(&scan->found, name))
			difference_drop(scan->dir->difference, name);
	}
}

/* The files that were found take their places among those of the scan before. */
static void keep_found(struct scan *scan)
{
	struct sighting *sighting = NULL;
	const char *name = NULL;
	size_t at = 0;

	while ((sighting = map_next(&scan->found, &at, &name)))
		free(map_put(&scan->dir->sightings, name, sighting));
	map_clear(&scan->found, NULL);
}

static void keep_all(struct scan *scan)
{
	struct map before = scan->dir->sightings;

	drop_gone(scan);
	scan->dir->sightings = scan->found;
	scan->found = before;
}

static void forget_events(struct directory *dir)
{
	map_clear(&dir->landed, NULL);
	dir->swapped = false;
	dir->unsettled = false;
}

int directory_scan(struct directory *dir, source_receiver *each, void *arg, struct err *err)
{
	AUTO(scan) struct scan scan = {.dir = dir, .text = BUF_INIT(LIMIT_MANIFEST_BYTES)};
	bool partial = false;

	dir->complete = false;
	drain(dir);
	watch(dir);
	/* The clock by which the kernel stamps files. */
	if (clock_gettime(CLOCK_REALTIME_COARSE, &scan.began) < 0)
		return err_errno(err, ERR_TRANSIENT, "clock_gettime");
	scan.folder = opendir(dir->path);
	if (!scan.folder)
		return err_errno(err, ERR_TRANSIENT, "open folder %s", dir->path);
	partial = look_at_landed(&scan);
	forget_events(dir);
	if (!partial && list(&scan, err) < 0)
		return -1;
	read_changed(&scan);
	if (partial)
		keep_found(&scan);
	else
		keep_all(&scan);
	difference_report(dir->difference, each, arg);
	dir->complete = difference_complete(dir->difference);
	return 0;
}
