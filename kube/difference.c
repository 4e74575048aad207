/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/difference.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/digest.h"
#include "base/xalloc.h"
#include "kube/claims.h"
#include "kube/keys.h"

struct file {
	char *name; /* owned */
	struct claims claims;
	struct err *wrong;    /* owned; what its reader found; NULL: right */
	struct err *reported; /* owned; what its last INVALID said; NULL: none, or MENDED since */
	bool changed;         /* shown since the last report */
	bool hollow;          /* must be refilled */
	bool gone;
	bool due; /* the next report looks at it */
};

struct files {
	struct file **items; /* owned; the files are borrowed */
	size_t n;
	size_t cap;
};

/* An object that is claimed, or was reported. */
struct known {
	struct files claimants; /* a file stands here once for each claim */
	struct digest print;    /* of the state that was reported */
	char *file;             /* owned; the file that kept it last; NULL: never reported */
	uint64_t gathered;      /* the last report for which its claimants were made due */
	uint64_t kept;          /* the last report that came upon a claim */
};

struct difference {
	struct map files;    /* name → struct file, owned */
	struct map objects;  /* key → struct known, owned */
	struct files due;    /* that the next report looks at */
	struct map given_up; /* key → struct known, of objects: a claim to it was given up */
	uint64_t reports;    /* so far */
	size_t wrong;        /* files that the last report called wrong */
	size_t hollow;       /* files that the last report left hollow */
};

struct receiver {
	source_receiver *each;
	void *arg;
};

/* A file under report. */
struct report {
	struct difference *d;
	const struct receiver *to;
	struct file *file;
	size_t conflicts;
	struct err conflict; /* the first of them */
};

static void file_free(void *p)
{
	struct file *file = p;

	claims_clear(&file->claims);
	free(file->wrong);
	free(file->reported);
	free(file->name);
	free(file);
}

static void files_add(struct files *files, struct file *file)
{
	if (files->n == files->cap) {
		files->cap = files->cap ? 2 * files->cap : 1;
		files->items = xreallocarray(files->items, files->cap, sizeof(struct file *));
	}
	files->items[files->n++] = file;
}

static void files_remove(struct files *files, const struct file *file)
{
	size_t i = 0;

	while (files->items[i] != file)
		i++;
	files->items[i] = files->items[--files->n];
}

static void known_free(void *p)
{
	struct known *known = p;

	free(known->claimants.items);
	free(known->file);
	free(known);
}

struct difference *difference_new(void)
{
	return xcalloc(1, sizeof(struct difference));
}

void difference_free(struct difference *d)
{
	if (!d)
		return;
	free(d->due.items);
	map_clear(&d->given_up, NULL);
	map_clear(&d->files, file_free);
	map_clear(&d->objects, known_free);
	free(d);
}

static void err_keep(struct err **slot, const struct err *err)
{
	struct err *copy = NULL;

	if (err) {
		copy = xmalloc(sizeof(*copy));
		*copy = *err;
	}
	free(*slot);
	*slot = copy;
}

static void make_due(struct difference *d, struct file *file)
{
	if (file->due)
		return;
	file->due = true;
	files_add(&d->due, file);
}

/* Returns the file to be changed, which is there from now on. */
static struct file *file_touch(struct difference *d, const char *name)
{
	struct file *file = map_get(&d->files, name);

	if (!file) {
		file = xcalloc(1, sizeof(*file));
		file->name = xstrdup(name);
		(void)map_put(&d->files, name, file);
	}
	file->gone = false;
	make_due(d, file);
	return file;
}

/* Notes whose claims they are. */
static void claims_enter(struct difference *d, struct file *file)
{
	for (size_t i = 0; i < file->claims.n; i++) {
		const char *key = file->claims.items[i].key;
		struct known *known = map_get(&d->objects, key);

		if (!known) {
			known = xcalloc(1, sizeof(*known));
			(void)map_put(&d->objects, key, known);
		}
		files_add(&known->claimants, file);
	}
}

/* The opposite, before the claims change. */
static void claims_withdraw(struct difference *d, struct file *file)
{
	for (size_t i = 0; i < file->claims.n; i++) {
		const char *key = file->claims.items[i].key;
		struct known *known = map_get(&d->objects, key);

		files_remove(&known->claimants, file);
		(void)map_put(&d->given_up, key, known);
	}
}

void difference_show(
	struct difference *d, const char *name, struct manifest *shown, const struct err *wrong)
{
	struct file *file = file_touch(d, name);
	AUTO(claims) struct claims before = file->claims;

	claims_withdraw(d, file);
	file->claims = (struct claims){.n = 0};
	claims_take(&file->claims, shown);
	if (wrong)
		claims_remember(&file->claims, &before);
	claims_enter(d, file);
	err_keep(&file->wrong, wrong);
	file->changed = true;
}

void difference_fail(struct difference *d, const char *name, const struct err *wrong)
{
	struct file *file = file_touch(d, name);

	claims_keep(&file->claims);
	err_keep(&file->wrong, wrong);
}

void difference_drop(struct difference *d, const char *name)
{
	struct file *file = map_get(&d->files, name);

	if (!file)
		return;
	claims_withdraw(d, file);
	claims_clear(&file->claims);
	err_keep(&file->wrong, NULL);
	file->gone = true;
	make_due(d, file);
}

bool difference_hollow(const struct difference *d, const char *name)
{
	const struct file *file = map_get(&d->files, name);

	return file && file->hollow;
}

void difference_refill(struct difference *d, const char *name, struct manifest *shown)
{
	claims_refill(&file_touch(d, name)->claims, shown);
}

/* Fills in copies of the key, which may be NULL, and the file's name, and hands the event over. */
static void emit(
	const struct receiver *to, struct source_event *event, const char *key, const char *name)
{
	event->key = xstrdup_null(key);
	event->origin = xstrdup(name);
	to->each(to->arg, event);
}

/* The claim lost to the one that counts. */
static void give_way(struct report *r, struct claim *claim, const struct known *known)
{
	if (claim->remembered)
		return;
	r->file->hollow = r->file->hollow || !claim->object;
	if (r->conflicts++ > 0)
		return;
	if (strcmp(known->file, r->file->name) == 0)
		err_set(&r->conflict, ERR_CONFLICT,
			"%s: %s stands in it more than once, and the first is used; remove the "
			"others",
			r->file->name, claim->key);
	else
		err_set(&r->conflict, ERR_CONFLICT,
			"%s: %s stands in %s too, which is used because its name comes first; "
			"remove one of them",
			r->file->name, claim->key, known->file);
}

/* The claim counts: reports the object where it is not what was reported before. */
static void prevail(struct report *r, struct claim *claim, struct known *known)
{
	struct source_event event = {.change = SOURCE_APPLIED};

	if (digest_equal(&known->print, &claim->print)) {
		object_free(STEAL(claim->object));
		return;
	}
	if (!claim->object) {
		r->file->hollow = r->file->hollow || !claim->remembered;
		return;
	}
	known->print = claim->print;
	event.object = STEAL(claim->object);
	emit(r->to, &event, claim->key, r->file->name);
}

static void settle(struct report *r, struct claim *claim)
{
	struct known *known = map_get(&r->d->objects, claim->key);

	if (known->kept == r->d->reports) {
		give_way(r, claim, known);
		return;
	}
	known->kept = r->d->reports;
	if (!known->file || strcmp(known->file, r->file->name) != 0) {
		free(known->file);
		known->file = xstrdup(r->file->name);
	}
	prevail(r, claim, known);
}

/* Returns what is wrong with the file, or NULL; what its reader found goes first. */
static const struct err *complaint(struct report *r)
{
	if (r->file->wrong)
		return r->file->wrong;
	if (r->conflicts > 1)
		err_wrap(&r->conflict, "%zu conflicts, the first", r->conflicts);
	return r->conflicts > 0 ? &r->conflict : NULL;
}

/* A file is complained of once, and again when its content or the complaint is another. */
static void complain(struct report *r)
{
	const struct err *now = complaint(r);
	const struct err *before = r->file->reported;
	struct source_event event = {.change = SOURCE_INVALID};

	if (!now && !before)
		return;
	if (now && before && !r->file->changed && now->code == before->code &&
		strcmp(now->msg, before->msg) == 0)
		return;
	if (now)
		event.err = *now;
	else
		event.change = SOURCE_MENDED;
	err_keep(&r->file->reported, now);
	emit(r->to, &event, NULL, r->file->name);
}

static void report_file(struct report *r)
{
	struct difference *d = r->d;
	struct file *file = r->file;

	d->wrong -= file->reported != NULL;
	d->hollow -= file->hollow;
	file->hollow = false;
	for (size_t i = 0; i < file->claims.n; i++)
		settle(r, &file->claims.items[i]);
	complain(r);
	d->wrong += file->reported != NULL;
	d->hollow += file->hollow;
	file->changed = false;
	file->due = false;
	if (file->gone)
		file_free(map_take(&d->files, file->name));
}

static int compare_names(const void *a, const void *b)
{
	const struct file *const *one = a;
	const struct file *const *other = b;

	return strcmp((*one)->name, (*other)->name);
}

static void gather(struct difference *d, struct known *known)
{
	if (known->gathered == d->reports)
		return;
	known->gathered = d->reports;
	for (size_t i = 0; i < known->claimants.n; i++)
		make_due(d, known->claimants.items[i]);
}

/* Who shares an object with a file that is due, or did, is due too, so that of each object all
 * claims are seen; in the order of names. */
static void complete_due(struct difference *d)
{
	struct known *known = NULL;
	const char *key = NULL;
	size_t at = 0;

	while ((known = map_next(&d->given_up, &at, &key)))
		gather(d, known);
	for (size_t i = 0; i < d->due.n; i++) {
		const struct claims *claims = &d->due.items[i]->claims;

		for (size_t k = 0; k < claims->n; k++)
			gather(d, map_get(&d->objects, claims->items[k].key));
	}
	if (d->due.n > 0)
		qsort(d->due.items, d->due.n, sizeof(struct file *), compare_names);
}

static void report_files(struct difference *d, const struct receiver *to)
{
	complete_due(d);
	for (size_t i = 0; i < d->due.n; i++) {
		struct report r = {.d = d, .to = to, .file = d->due.items[i]};

		report_file(&r);
	}
	d->due.n = 0;
}

/* Reports and forgets the objects that nobody claims any more. */
static void report_deleted(struct difference *d, const struct receiver *to)
{
	AUTO(free) const char **keys = keys_sorted(&d->given_up);
	size_t n = d->given_up.n;

	for (size_t i = 0; i < n; i++) {
		struct source_event event = {.change = SOURCE_DELETED};
		struct known *known = map_get(&d->given_up, keys[i]);

		if (known->claimants.n > 0)
			continue;
		if (known->file)
			emit(to, &event, keys[i], known->file);
		known_free(map_take(&d->objects, keys[i]));
	}
	map_clear(&d->given_up, NULL);
}

void difference_report(struct difference *d, source_receiver *each, void *arg)
{
	const struct receiver to = {.each = each, .arg = arg};

	d->reports++;
	report_files(d, &to);
	report_deleted(d, &to);
}

bool difference_complete(const struct difference *d)
{
	return d->wrong == 0;
}

bool difference_settled(const struct difference *d)
{
	return d->hollow == 0;
}
