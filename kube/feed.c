/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/feed.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/xalloc.h"
#include "kube/watch.h"

#define LIST_IDLE_MS 30000
/* Bookmarks come about once a minute.  Where nothing ever changed none come: the watch then goes on
 * from where it was, which costs one request. */
#define WATCH_IDLE_MS 90000

/* Somebody else steps the client: what comes meanwhile is asked for again. */
#define UNHEARD "came while nobody listened"

struct feed {
	struct feed_bus *bus; /* borrowed */
	enum object_kind kind;
	char *key; /* owned; of the one object; NULL: all WasmExtensions */
	struct watch *watch;
	struct client_call *call; /* borrowed; NULL: none is under way */
	bool counted;             /* in bus->lists */
	bool mute;
	bool known;  /* what there is was given once */
	bool there;  /* the object was given, and not its end */
	bool denied; /* and that was given */
};

static const char *resource_of(enum object_kind kind)
{
	switch (kind) {
	case OBJECT_EXTENSION:
		return "wasmextensions";
	case OBJECT_SECRET:
		return "secrets";
	case OBJECT_CONFIGMAP:
		return "configmaps";
	}
	return "";
}

struct feed *feed_of_extensions(struct feed_bus *bus, const char *namespace)
{
	AUTO(free)
	char *place = namespace ? xasprintf("namespaces/%s/", namespace) : xstrdup("");
	AUTO(free)
	char *path = xasprintf(
		"/apis/" EXTENSION_API_VERSION "/%s%s", place, resource_of(OBJECT_EXTENSION));
	struct feed *f = xcalloc(1, sizeof(*f));

	f->bus = bus;
	f->kind = OBJECT_EXTENSION;
	f->watch = watch_new(path, NULL);
	return f;
}

struct feed *feed_of_object(
	struct feed_bus *bus, enum object_kind kind, const char *namespace, const char *name)
{
	AUTO(free)
	char *path = xasprintf("/api/v1/namespaces/%s/%s", namespace, resource_of(kind));
	struct feed *f = xcalloc(1, sizeof(*f));

	f->bus = bus;
	f->kind = kind;
	f->key = object_key(kind, namespace, name);
	f->watch = watch_new(path, name);
	return f;
}

static void uncount(struct feed *f)
{
	if (f->counted)
		f->bus->lists--;
	f->counted = false;
}

void feed_free(struct feed *f)
{
	if (!f)
		return;
	if (f->call)
		client_cancel(f->bus->client, f->call);
	uncount(f);
	watch_free(f->watch);
	free(f->key);
	free(f);
}

void feed_mute(struct feed *f)
{
	f->mute = true;
}

void feed_set_interval(struct feed *f, int64_t interval_ms)
{
	watch_set_interval(f->watch, interval_ms);
}

int64_t feed_due(const struct feed *f)
{
	return watch_due(f->watch);
}

bool feed_synced(const struct feed *f)
{
	return watch_synced(f->watch);
}

bool feed_knows(const struct feed *f)
{
	return f->known;
}

/* Takes over object and key. */
static void give(struct feed *f, enum source_change change, struct object *object, char *key,
	const struct err *err)
{
	struct source_event event = {.change = change, .object = object, .origin = xstrdup("")};

	event.key = key;
	if (err)
		event.err = *err;
	f->known = true;
	f->there = change == SOURCE_APPLIED || object;
	f->denied = false;
	f->bus->each(f->bus->arg, &event);
}

/* One failure is enough of what fails at once. */
static void note_failure(struct feed *f, const struct err *err)
{
	struct err *failure = &f->bus->failure;

	if (failure->code != ERR_NONE)
		return;
	*failure = *err;
	(void)err_wrap(failure, "%s", f->key ? f->key : "WasmExtensions");
}

/* A WasmExtension that is refused goes on, so that its status can say why. */
static void give_refused(struct feed *f, struct object *refused, char *key, const struct err *why)
{
	AUTO(object) struct object *object = refused;

	give(f, SOURCE_INVALID, f->kind == OBJECT_EXTENSION ? STEAL(object) : NULL, key, why);
}

/* Returns whether an object is refused, and why. */
static bool is_refused(
	const struct watch_event *event, const struct problems *problems, struct err *why)
{
	if (event->unreadable) {
		*why = *event->unreadable;
		(void)err_wrap(why, "it cannot be read");
		return true;
	}
	if (problems->n == 0)
		return false;
	(void)problems_to_err(problems, why);
	return true;
}

static void on_change(void *arg, struct watch_event *event)
{
	struct feed *f = arg;
	AUTO(problems) struct problems problems = {.items = NULL};
	AUTO(object) struct object *object = NULL;
	char *key = NULL;
	struct err err;

	if (f->mute)
		return;
	if (event->document) {
		object = object_from_server(f->kind, event->document, &problems, &err);
		if (!object) {
			note_failure(f, &err);
			return;
		}
	}
	key = xasprintf("%s/%s", object_kind_name(f->kind), event->key);
	if (is_refused(event, &problems, &err))
		give_refused(f, STEAL(object), key, &err);
	else if (object)
		give(f, SOURCE_APPLIED, STEAL(object), key, NULL);
	else
		give(f, SOURCE_DELETED, NULL, key, NULL);
}

static int on_bytes(void *arg, const char *bytes, size_t n, struct err *err)
{
	struct feed *f = arg;

	if (!f->bus->each)
		return err_set(err, ERR_TRANSIENT, UNHEARD);
	return watch_take(f->watch, bytes, n, on_change, f, err);
}

/* What may not be read is no failure of the source, but a state of the object. */
static void deny(struct feed *f, const struct err *why)
{
	bool there = f->there;

	watch_repeat(f->watch);
	if (f->denied)
		return;
	give(f, SOURCE_INVALID, NULL, xstrdup(f->key), why);
	f->there = there;
	f->denied = true;
}

/* A list of one object says that there is none by holding none. */
static void give_absence(struct feed *f)
{
	if (f->key && watch_synced(f->watch) && !f->there && (!f->known || f->denied))
		give(f, SOURCE_DELETED, NULL, xstrdup(f->key), NULL);
}

static uint32_t random_number(void)
{
	uint32_t n = 0;

	(void)!getrandom(&n, sizeof(n), 0);
	return n;
}

static void end(struct feed *f, const struct client_reply *reply, const struct err *why)
{
	const struct watch_end end = {
		.status = f->bus->each ? reply->status : 0,
		.why = why,
		.retry_after_ms = reply->retry_after_ms,
		.now = io_monotonic_ms(),
		.random = random_number(),
	};
	bool listed = !watch_streams(f->watch);
	struct err err;

	bool failed = watch_end(f->watch, &end, on_change, f, &err) < 0;

	if (f->mute)
		return;
	if (f->key && end.status == 403)
		deny(f, why);
	else if (failed)
		note_failure(f, &err);
	else if (listed)
		give_absence(f);
}

static void on_done(void *arg, const struct client_reply *reply, const struct err *err)
{
	struct feed *f = arg;
	struct err refused = {.code = ERR_TRANSIENT, .msg = UNHEARD};

	f->call = NULL;
	f->bus->moved = true;
	uncount(f);
	if (!f->bus->each || (!err && client_verdict(reply, &refused) < 0))
		err = &refused;
	end(f, reply, err);
}

void feed_start(struct feed *f)
{
	AUTO(free) char *path = watch_ask(f->watch, io_monotonic_ms(), random_number());
	bool streams = watch_streams(f->watch);
	const struct client_request request = {
		.path = path, .idle_ms = streams ? WATCH_IDLE_MS : LIST_IDLE_MS};

	f->counted = f->key && !streams;
	f->bus->lists += f->counted;
	f->call = client_stream(f->bus->client, &request, on_bytes, on_done, f);
}
