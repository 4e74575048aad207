/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/difference.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/digest.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "kube/fingerprint.h"
#include "kube/keys.h"

/* One file's word on one object. */
struct claim {
	char *key;             /* owned */
	struct digest print;   /* of what the file says that the object is */
	struct object *object; /* owned; NULL once handed on */
	bool remembered;       /* the file is wrong and does not show it any more */
};

struct claims {
	struct claim *items; /* owned */
	size_t n;
};

struct file {
	struct claims claims;
	struct err *wrong;    /* owned; what its reader found; NULL: right */
	struct err *reported; /* owned; what its last INVALID said; NULL: none, or MENDED since */
	bool changed;         /* shown since the last report */
	bool hollow;          /* must be refilled */
	bool gone;
};

/* An object that was reported. */
struct known {
	struct digest print; /* of the state that was reported */
	char *file;          /* owned; the name of the file that kept it last */
	const struct claim
		*keeper; /* within one report: the claim that counts; NULL: none so far */
};

struct difference {
	struct map files;   /* name → struct file, owned */
	struct map objects; /* key → struct known, owned */
	const char **names; /* owned; of files, sorted, each borrowed from it; NULL: not known */
	size_t wrong;       /* files that count as wrong since the last report */
	size_t hollow;      /* files that were left hollow by the last report */
	bool dirty;         /* something was shown or dropped since the last report */
};

struct receiver {
	source_receiver *each;
	void *arg;
};

/* A file under report. */
struct report {
	struct difference *d;
	const struct receiver *to;
	const char *name;
	struct file *file;
	size_t conflicts;
	struct err conflict; /* the first of them */
};

static void claim_clear(struct claim *claim)
{
	free(claim->key);
	object_free(claim->object);
	*claim = (struct claim){.key = NULL};
}

static void claims_clear(struct claims *claims)
{
	for (size_t i = 0; i < claims->n; i++)
		claim_clear(&claims->items[i]);
	free(claims->items);
	*claims = (struct claims){.n = 0};
}

static void auto_claims(struct claims *claims)
{
	claims_clear(claims);
}

static void file_free(void *p)
{
	struct file *file = p;

	claims_clear(&file->claims);
	free(file->wrong);
	free(file->reported);
	free(file);
}

static void known_free(void *p)
{
	struct known *known = p;

	free(known->file);
	free(known);
}

static void auto_index(struct map *index)
{
	map_clear(index, NULL);
}

struct difference *difference_new(void)
{
	return xcalloc(1, sizeof(struct difference));
}

void difference_free(struct difference *d)
{
	if (!d)
		return;
	free(d->names);
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

static void forget_names(struct difference *d)
{
	free(d->names);
	d->names = NULL;
}

/* Returns the file to be changed, which is there from now on. */
static struct file *file_touch(struct difference *d, const char *name)
{
	struct file *file = map_get(&d->files, name);

	if (!file) {
		file = xcalloc(1, sizeof(*file));
		(void)map_put(&d->files, name, file);
		forget_names(d);
	}
	file->gone = false;
	d->dirty = true;
	return file;
}

static void claims_take(struct claims *out, struct manifest *shown)
{
	if (shown->n == 0)
		return;
	out->items = xcalloc(shown->n, sizeof(*out->items));
	for (; out->n < shown->n; out->n++) {
		struct object *object = STEAL(shown->objects[out->n]);
		struct claim *claim = &out->items[out->n];

		claim->key = object_key(object->kind, object->namespace, object->name);
		claim->object = object;
		fingerprint_of(&claim->print, object);
	}
	shown->n = 0;
}

/* Moves to now what before claims and now does not.  The ceiling is for a file that is wrong for
 * ever while its objects change: the oldest are forgotten. */
static void claims_remember(struct claims *now, struct claims *before)
{
	AUTO(index) struct map shown = {.n = 0};

	if (before->n == 0)
		return;
	for (size_t i = 0; i < now->n; i++)
		(void)map_put(&shown, now->items[i].key, &now->items[i]);
	now->items = xreallocarray(now->items, now->n + before->n, sizeof(*now->items));
	for (size_t i = 0; i < before->n && now->n < LIMIT_MANIFEST_DOCUMENTS; i++) {
		if (map_get(&shown, before->items[i].key))
			continue;
		now->items[now->n] = before->items[i];
		now->items[now->n++].remembered = true;
		before->items[i] = (struct claim){.key = NULL};
	}
}

void difference_show(
	struct difference *d, const char *name, struct manifest *shown, const struct err *wrong)
{
	struct file *file = file_touch(d, name);
	AUTO(claims) struct claims before = file->claims;

	file->claims = (struct claims){.n = 0};
	claims_take(&file->claims, shown);
	if (wrong)
		claims_remember(&file->claims, &before);
	err_keep(&file->wrong, wrong);
	file->changed = true;
}

void difference_fail(struct difference *d, const char *name, const struct err *wrong)
{
	struct file *file = file_touch(d, name);

	for (size_t i = 0; i < file->claims.n; i++)
		file->claims.items[i].remembered = true;
	err_keep(&file->wrong, wrong);
}

void difference_drop(struct difference *d, const char *name)
{
	struct file *file = map_get(&d->files, name);

	if (!file)
		return;
	claims_clear(&file->claims);
	err_keep(&file->wrong, NULL);
	file->gone = true;
	d->dirty = true;
}

bool difference_hollow(const struct difference *d, const char *name)
{
	const struct file *file = map_get(&d->files, name);

	return file && file->hollow;
}

/* An unchanged file shows in the same order what its first claims were made of. */
void difference_refill(struct difference *d, const char *name, struct manifest *shown)
{
	struct file *file = file_touch(d, name);
	AUTO(claims) struct claims found = {.n = 0};

	claims_take(&found, shown);
	for (size_t i = 0; i < found.n && i < file->claims.n; i++) {
		struct claim *claim = &file->claims.items[i];

		if (!claim->object && strcmp(claim->key, found.items[i].key) == 0 &&
			digest_equal(&claim->print, &found.items[i].print))
			claim->object = STEAL(found.items[i].object);
	}
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
	if (strcmp(known->file, r->name) == 0)
		err_set(&r->conflict, ERR_CONFLICT,
			"%s: %s stands in it more than once, and the first is used; remove the "
			"others",
			r->name, claim->key);
	else
		err_set(&r->conflict, ERR_CONFLICT,
			"%s: %s stands in %s too, which is used because its name comes first; "
			"remove one of them",
			r->name, claim->key, known->file);
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
	emit(r->to, &event, claim->key, r->name);
}

static void settle(struct report *r, struct claim *claim)
{
	struct known *known = map_get(&r->d->objects, claim->key);

	if (!known) {
		known = xcalloc(1, sizeof(*known));
		(void)map_put(&r->d->objects, claim->key, known);
	}
	if (known->keeper) {
		give_way(r, claim, known);
		return;
	}
	known->keeper = claim;
	if (!known->file || strcmp(known->file, r->name) != 0) {
		free(known->file);
		known->file = xstrdup(r->name);
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

	r->d->wrong += now != NULL;
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
	emit(r->to, &event, NULL, r->name);
}

static void report_file(struct report *r)
{
	r->file->hollow = false;
	for (size_t i = 0; i < r->file->claims.n; i++)
		settle(r, &r->file->claims.items[i]);
	complain(r);
	r->d->hollow += r->file->hollow;
	r->file->changed = false;
}

static void report_files(struct difference *d, const struct receiver *to)
{
	size_t n = d->files.n;

	if (!d->names)
		d->names = keys_sorted(&d->files);
	for (size_t i = 0; i < n; i++) {
		struct report r = {.d = d, .to = to, .name = d->names[i]};

		r.file = map_get(&d->files, d->names[i]);
		report_file(&r);
		if (r.file->gone)
			file_free(map_take(&d->files, d->names[i]));
	}
	if (d->files.n < n)
		forget_names(d);
}

/* Reports and forgets the objects that no claim counts for, and lets go of the other claims. */
static void report_deleted(struct difference *d, const struct receiver *to)
{
	AUTO(index) struct map lost = {.n = 0};
	AUTO(free) const char **keys = NULL;
	struct known *known = NULL;
	const char *key = NULL;
	size_t at = 0;

	while ((known = map_next(&d->objects, &at, &key))) {
		if (!known->keeper)
			(void)map_put(&lost, key, known);
		known->keeper = NULL;
	}
	keys = keys_sorted(&lost);
	for (size_t i = 0; i < lost.n; i++) {
		struct source_event event = {.change = SOURCE_DELETED};

		known = map_take(&d->objects, keys[i]);
		emit(to, &event, keys[i], known->file);
		known_free(known);
	}
}

void difference_report(struct difference *d, source_receiver *each, void *arg)
{
	const struct receiver to = {.each = each, .arg = arg};

	if (!d->dirty)
		return;
	d->wrong = 0;
	d->hollow = 0;
	report_files(d, &to);
	report_deleted(d, &to);
	d->dirty = false;
}

bool difference_complete(const struct difference *d)
{
	return d->wrong == 0;
}

bool difference_settled(const struct difference *d)
{
	return d->wrong == 0 && d->hollow == 0;
}
