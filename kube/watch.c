/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/watch.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/quote.h"
#include "base/xalloc.h"
#include "kube/items.h"
#include "kube/known.h"
#include "kube/outline.h"
#include "kube/query.h"

#define BACKOFF_FIRST_MS 100
#define LIFETIME_S 240       /* of a watch: so long, and up to twice that */
#define SOUND_MS 5000        /* a watch that lived so long was no failure */
#define ERRORS_BEFORE_LIST 3 /* ERROR events in a row, nothing else between */
#define LINE_KEPT_BYTES (16 * LIMIT_KIB)

#define STATUS_GONE 410

enum phase { PHASE_LIST, PHASE_WATCH };

struct watch {
	char *path; /* owned */
	char *name; /* owned; NULL: all */
	int64_t interval_ms;

	enum phase phase; /* what is asked, or will be */
	bool asked;       /* it is under way */
	int64_t due;      /* when to ask, if it is not */
	int64_t began;    /* when it was asked */
	unsigned failures;

	char *version;       /* owned; to watch from */
	char *token;         /* owned; where the list goes on; NULL: at its start */
	struct items *items; /* owned; the page that comes in; NULL: none */
	struct buf line;     /* the line of the watch that comes in */

	struct known known;
	size_t unreadable;          /* items of this list */
	struct err *why_unreadable; /* owned; the first of them; NULL: none */
	bool synced;

	/* of the request under way */
	bool moved;             /* it brought something */
	bool spoiled;           /* what it brought cannot be read */
	long ended_by;          /* the code of an ERROR event; 0: none */
	int64_t retry_after_ms; /* of that event */
};

/* Who is called for what one portion brings. */
struct listener {
	struct watch *watch;
	watch_receiver *each;
	void *arg;
	const struct err *unreadable; /* why only an outline came; NULL: all of it did */
};

struct watch *watch_new(const char *path, const char *name)
{
	struct watch *w = xcalloc(1, sizeof(*w));

	w->path = xstrdup(path);
	w->name = xstrdup_null(name);
	buf_init(&w->line, LIMIT_KUBE_OBJECT_BYTES);
	return w;
}

static void drop_items(struct watch *w)
{
	if (w->items)
		items_clear(w->items);
	free(STEAL(w->items));
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	drop_items(w);
	buf_clear(&w->line);
	known_clear(&w->known);
	free(w->path);
	free(w->name);
	free(w->version);
	free(w->token);
	free(w->why_unreadable);
	free(w);
}

void watch_set_interval(struct watch *w, int64_t interval_ms)
{
	if (interval_ms == 0 && w->interval_ms > 0 && !w->asked)
		w->due = 0;
	w->interval_ms = interval_ms;
}

int64_t watch_due(const struct watch *w)
{
	return w->asked ? INT64_MAX : w->due;
}

bool watch_streams(const struct watch *w)
{
	return w->asked && w->phase == PHASE_WATCH;
}

bool watch_synced(const struct watch *w)
{
	return w->synced;
}

static void set_text(char **slot, const char *text)
{
	char *copy = xstrdup_null(text);

	free(*slot);
	*slot = copy;
}

static void list_anew(struct watch *w)
{
	w->phase = PHASE_LIST;
	set_text(&w->version, NULL);
	set_text(&w->token, NULL);
}

void watch_repeat(struct watch *w)
{
	known_repeat(&w->known);
	list_anew(w);
}

/* The servers of a fleet would otherwise see all watches come back at once. */
static char *ask_to_watch(const struct watch *w, uint32_t random)
{
	return query_watch(w->path, w->name, w->version, LIFETIME_S + random % LIFETIME_S);
}

static char *ask_to_list(struct watch *w)
{
	if (!w->token) {
		known_begin(&w->known);
		w->unreadable = 0;
		free(STEAL(w->why_unreadable));
	}
	w->items = xcalloc(1, sizeof(*w->items));
	items_init(w->items);
	return query_list(w->path, w->name, w->token);
}

char *watch_ask(struct watch *w, int64_t now, uint32_t random)
{
	w->asked = true;
	w->began = now;
	w->moved = false;
	w->spoiled = false;
	w->ended_by = 0;
	w->retry_after_ms = 0;
	return w->phase == PHASE_WATCH ? ask_to_watch(w, random) : ask_to_list(w);
}

/* Returns the text under key, or NULL where there is none, or "". */
static const char *text_of(const struct node *map, const char *key)
{
	const char *text = node_text(node_get(map, key));

	return text && text[0] ? text : NULL;
}

/* What names one state of one object. */
struct label {
	char *key;           /* owned */
	const char *version; /* borrowed from the object */
};

static void auto_label(struct label *label)
{
	free(label->key);
}

static int read_label(struct label *out, const struct node *object, struct err *err)
{
	const struct node *metadata = node_get(object, "metadata");
	const char *namespace = text_of(metadata, "namespace");
	const char *name = text_of(metadata, "name");

	out->version = text_of(metadata, "resourceVersion");
	if (!namespace || !name || !out->version) {
		err_set(err, ERR_INVALID, "an object without name, namespace or resourceVersion");
		return -1;
	}
	out->key = xasprintf("%s/%s", namespace, name);
	return 0;
}

/* Gives the object, unless this state of it was given before. */
static int apply(const struct listener *to, struct node *object, struct err *err)
{
	AUTO(label) struct label label = {.key = NULL};
	struct watch_event event = {.document = object, .unreadable = to->unreadable};

	if (read_label(&label, object, err) < 0)
		return -1;
	event.key = label.key;
	if (known_note(&to->watch->known, label.key, label.version))
		to->each(to->arg, &event);
	return 0;
}

static void give_gone(void *arg, const char *key)
{
	const struct listener *to = arg;
	struct watch_event event = {.key = key};

	to->each(to->arg, &event);
}

static int forget(struct listener *to, const struct node *object, struct err *err)
{
	AUTO(label) struct label label = {.key = NULL};

	if (read_label(&label, object, err) < 0)
		return -1;
	if (known_forget(&to->watch->known, label.key))
		give_gone(to, label.key);
	return 0;
}

/* One that does not even say which it is takes nothing from the others, but then nothing counts as
 * gone. */
static int take_item(void *arg, const char *text, size_t n, struct err *err)
{
	struct listener to = *(const struct listener *)arg;
	struct watch *w = to.watch;
	struct err why;
	AUTO(node) struct node *object = node_from_json(text, n, &why);

	(void)err;
	w->moved = true;
	if (!object) {
		object = outline_of_object(text, n);
		to.unreadable = &why;
	}
	if (object && apply(&to, object, &why) == 0)
		return 0;
	if (w->unreadable++ > 0)
		return 0;
	w->why_unreadable = xmalloc(sizeof(why));
	*w->why_unreadable = why;
	return 0;
}

/* The server's own word on why the watch is over. */
static int take_error(struct watch *w, const struct node *status, struct err *err)
{
	const struct node *code = node_get(status, "code");
	const struct node *after = node_get(node_get(status, "details"), "retryAfterSeconds");
	const char *message = text_of(status, "message");
	long seconds = 0;

	w->ended_by = code && code->kind == NODE_NUMBER ? strtol(code->text, NULL, 10) : 0;
	if (w->ended_by <= 0)
		w->ended_by = 500;
	if (after && after->kind == NODE_NUMBER)
		seconds = strtol(after->text, NULL, 10);
	if (seconds > LIMIT_KUBE_RETRY_AFTER_MS / 1000)
		seconds = LIMIT_KUBE_RETRY_AFTER_MS / 1000;
	w->retry_after_ms = seconds > 0 ? seconds * 1000 : 0;
	return err_set(err, ERR_TRANSIENT, "the server ended the watch with %ld: %s", w->ended_by,
		quote(message ? message : "").text);
}

static int take_event(struct listener *to, struct node *event, struct err *err)
{
	struct watch *w = to->watch;
	const struct node *found = node_get(event, "object");
	const char *type = text_of(event, "type");
	struct node *object = NULL;
	AUTO(free) char *version = NULL;

	if (!type || !found || found->kind != NODE_MAP)
		return err_set(err, ERR_INVALID, "a line of the watch has no type or object");
	object = &event->children[found - event->children];
	if (strcmp(type, "ERROR") == 0)
		return take_error(w, object, err);
	version = xstrdup_null(text_of(node_get(object, "metadata"), "resourceVersion"));
	if (!version)
		return err_set(err, ERR_INVALID, "an event of the watch has no resourceVersion");
	if (strcmp(type, "DELETED") == 0) {
		if (forget(to, object, err) < 0)
			return -1;
	} else if (strcmp(type, "BOOKMARK") != 0 && apply(to, object, err) < 0) {
		return -1;
	}
	set_text(&w->version, version);
	w->moved = true;
	w->failures = 0;
	return 0;
}

static int take_line(const struct listener *listener, struct err *err)
{
	struct listener to = *listener;
	struct watch *w = to.watch;
	struct err why;
	AUTO(node) struct node *event = node_from_json(buf_text(&w->line), w->line.len, &why);

	if (!event) {
		event = outline_of_event(buf_text(&w->line), w->line.len);
		to.unreadable = &why;
	}
	if (w->line.cap > LINE_KEPT_BYTES)
		buf_clear(&w->line);
	w->line.len = 0;
	if (event)
		return take_event(&to, event, err);
	*err = why;
	return -1;
}

static int take_lines(const struct listener *to, const char *bytes, size_t n, struct err *err)
{
	struct watch *w = to->watch;

	while (n > 0) {
		const char *end = memchr(bytes, '\n', n);
		size_t part = end ? (size_t)(end - bytes) : n;

		if (buf_append(&w->line, bytes, part, err) < 0)
			return err_wrap(err, "a line of the watch");
		if (!end)
			return 0;
		bytes += part + 1;
		n -= part + 1;
		if (w->line.len > 0 && take_line(to, err) < 0)
			return -1;
	}
	return 0;
}

int watch_take(struct watch *w, const char *bytes, size_t n, watch_receiver *each, void *arg,
	struct err *err)
{
	struct listener to = {.watch = w, .each = each, .arg = arg};
	int rc = w->phase == PHASE_WATCH ? take_lines(&to, bytes, n, err)
					 : items_take(w->items, bytes, n, take_item, &to, err);

	if (rc < 0 && w->ended_by == 0)
		w->spoiled = true;
	return rc;
}

/* Half of the backoff is certain, so that a server that fails at once is not asked at once. */
static int64_t backoff_ms(const struct watch *w, const struct watch_end *end)
{
	bool denied = end->status == 401 || end->status == 403 || end->status == 404;
	int64_t most = denied ? WATCH_DENIED_MS : WATCH_BACKOFF_MS;
	int64_t base = BACKOFF_FIRST_MS;
	int64_t asked =
		end->retry_after_ms > w->retry_after_ms ? end->retry_after_ms : w->retry_after_ms;
	int64_t wait = 0;

	for (unsigned i = 1; i < w->failures && base < most; i++)
		base *= 2;
	if (base > most)
		base = most;
	wait = base / 2 + end->random % (base / 2 + 1);
	if (asked > LIMIT_KUBE_RETRY_AFTER_MS)
		asked = LIMIT_KUBE_RETRY_AFTER_MS;
	return wait > asked ? wait : asked;
}

static void ask_later(struct watch *w, const struct watch_end *end)
{
	w->failures++;
	w->due = end->now + backoff_ms(w, end);
}

/* Reads what stands around the items. */
static int end_page(struct watch *w, struct err *err)
{
	AUTO(node)
	struct node *list = node_from_json(buf_text(&w->items->head), w->items->head.len, err);
	const struct node *metadata = node_get(list, "metadata");
	const char *version = text_of(metadata, "resourceVersion");

	if (!list)
		return -1;
	if (!node_get(list, "items") || !version)
		return err_set(err, ERR_INVALID, "a list has no items or no resourceVersion");
	set_text(&w->version, version);
	set_text(&w->token, text_of(metadata, "continue"));
	return 0;
}

static int end_list(struct listener *to, const struct watch_end *end, struct err *err)
{
	struct watch *w = to->watch;

	w->failures = 0;
	w->due = end->now;
	if (w->token)
		return 0;
	w->synced = w->unreadable == 0;
	if (w->synced)
		known_sweep(&w->known, give_gone, to);
	if (w->interval_ms > 0)
		w->due += w->interval_ms / 2 + end->random % (w->interval_ms / 2 + 1);
	else
		w->phase = PHASE_WATCH;
	if (w->synced)
		return 0;
	*err = *w->why_unreadable;
	return err_wrap(err, "%zu objects cannot be read, the first", w->unreadable);
}

static int failed(const struct watch_end *end, struct err *err)
{
	if (end->why) {
		*err = *end->why;
		return -1;
	}
	return err_set(err, ERR_TRANSIENT, "the server answered %ld", end->status);
}

/* Returns whether a status says that it is no use to ask from there again. */
static bool is_lost(long status)
{
	return status == STATUS_GONE || status == 400 || status == 422;
}

static int list_ended(struct listener *to, const struct watch_end *end, struct err *err)
{
	struct watch *w = to->watch;
	bool whole = end->status == 200 && !end->why;
	int rc = whole ? end_page(w, err) : failed(end, err);

	drop_items(w);
	if (rc == 0)
		return end_list(to, end, err);
	/* A token that grew too old is normal in a long list. */
	if (end->status == STATUS_GONE && w->token)
		rc = 0;
	if (is_lost(end->status) || whole || w->spoiled)
		list_anew(w);
	ask_later(w, end);
	return rc;
}

static bool must_list(const struct watch *w, const struct watch_end *end)
{
	return w->spoiled || is_lost(end->status) || is_lost(w->ended_by) ||
	       (w->ended_by != 0 && w->failures >= ERRORS_BEFORE_LIST);
}

static int watch_ended(struct watch *w, const struct watch_end *end, struct err *err)
{
	bool lived = end->status == 200 && !w->spoiled && w->ended_by == 0 &&
		     (w->moved || end->now - w->began >= SOUND_MS);
	bool gone = end->status == STATUS_GONE || w->ended_by == STATUS_GONE;

	buf_clear(&w->line);
	if (lived) {
		w->failures = 0;
		w->due = end->now + end->random % BACKOFF_FIRST_MS;
		return 0;
	}
	if (must_list(w, end))
		list_anew(w);
	ask_later(w, end);
	return gone || (end->status == 200 && !end->why) ? 0 : failed(end, err);
}

int watch_end(struct watch *w, const struct watch_end *end, watch_receiver *each, void *arg,
	struct err *err)
{
	struct listener to = {.watch = w, .each = each, .arg = arg};

	w->asked = false;
	return w->phase == PHASE_LIST ? list_ended(&to, end, err) : watch_ended(w, end, err);
}
