/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/watch_reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/quote.h"
#include "base/xalloc.h"
#include "kube/items.h"
#include "kube/outline.h"

#define LINE_KEPT_BYTES (16 * LIMIT_KIB)

/* Who is called for what one portion brings. */
struct listener {
	struct watch_reader *reader;
	watch_receiver *each;
	void *arg;
	const struct err *unreadable; /* why only an outline came; NULL: all of it did */
};

void watch_reader_init(struct watch_reader *r)
{
	*r = (struct watch_reader){.line = BUF_INIT(LIMIT_KUBE_OBJECT_BYTES)};
}

void watch_reader_drop(struct watch_reader *r)
{
	if (r->items)
		items_clear(r->items);
	free(STEAL(r->items));
	buf_clear(&r->line);
}

void watch_reader_clear(struct watch_reader *r)
{
	watch_reader_drop(r);
	known_clear(&r->known);
	free(r->version);
	free(r->token);
	free(r->why_unreadable);
}

static void set_text(char **slot, const char *text)
{
	char *copy = xstrdup_null(text);

	free(*slot);
	*slot = copy;
}

void watch_reader_rewind(struct watch_reader *r)
{
	set_text(&r->version, NULL);
	set_text(&r->token, NULL);
}

void watch_reader_begin_watch(struct watch_reader *r)
{
	r->outcome = (struct watch_outcome){.ended_by = 0};
}

void watch_reader_begin_page(struct watch_reader *r)
{
	r->outcome = (struct watch_outcome){.ended_by = 0};
	if (!r->token) {
		known_begin(&r->known);
		r->unreadable = 0;
		free(STEAL(r->why_unreadable));
	}
	r->items = xcalloc(1, sizeof(*r->items));
	items_init(r->items);
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
	if (known_note(&to->reader->known, label.key, label.version))
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
	if (known_forget(&to->reader->known, label.key))
		give_gone(to, label.key);
	return 0;
}

/* One that does not even say which it is takes nothing from the others, but then nothing counts as
 * gone. */
static int take_item(void *arg, const char *text, size_t n, struct err *err)
{
	struct listener to = *(const struct listener *)arg;
	struct watch_reader *r = to.reader;
	struct err why;
	AUTO(node) struct node *object = node_from_json(text, n, &why);

	(void)err;
	r->outcome.moved = true;
	if (!object) {
		object = outline_of_object(text, n);
		to.unreadable = &why;
	}
	if (object && apply(&to, object, &why) == 0)
		return 0;
	if (r->unreadable++ > 0)
		return 0;
	r->why_unreadable = xmalloc(sizeof(why));
	*r->why_unreadable = why;
	return 0;
}

/* The server's own word on why the watch is over. */
static int take_error(struct watch_outcome *out, const struct node *status, struct err *err)
{
	const struct node *code = node_get(status, "code");
	const struct node *after = node_get(node_get(status, "details"), "retryAfterSeconds");
	const char *message = text_of(status, "message");
	long seconds = 0;

	out->ended_by = code && code->kind == NODE_NUMBER ? strtol(code->text, NULL, 10) : 0;
	if (out->ended_by <= 0)
		out->ended_by = 500;
	if (after && after->kind == NODE_NUMBER)
		seconds = strtol(after->text, NULL, 10);
	if (seconds > LIMIT_KUBE_RETRY_AFTER_MS / 1000)
		seconds = LIMIT_KUBE_RETRY_AFTER_MS / 1000;
	out->retry_after_ms = seconds > 0 ? seconds * 1000 : 0;
	return err_set(err, ERR_TRANSIENT, "the server ended the watch with %ld: %s", out->ended_by,
		quote(message ? message : "").text);
}

static int take_event(struct listener *to, struct node *event, struct err *err)
{
	struct watch_reader *r = to->reader;
	const struct node *found = node_get(event, "object");
	const char *type = text_of(event, "type");
	struct node *object = NULL;
	AUTO(free) char *version = NULL;

	if (!type || !found || found->kind != NODE_MAP)
		return err_set(err, ERR_INVALID, "a line of the watch has no type or object");
	object = &event->children[found - event->children];
	if (strcmp(type, "ERROR") == 0)
		return take_error(&r->outcome, object, err);
	version = xstrdup_null(text_of(node_get(object, "metadata"), "resourceVersion"));
	if (!version)
		return err_set(err, ERR_INVALID, "an event of the watch has no resourceVersion");
	if (strcmp(type, "DELETED") == 0) {
		if (forget(to, object, err) < 0)
			return -1;
	} else if (strcmp(type, "BOOKMARK") != 0 && apply(to, object, err) < 0) {
		return -1;
	}
	set_text(&r->version, version);
	r->outcome.moved = true;
	return 0;
}

static int take_line(const struct listener *listener, struct err *err)
{
	struct listener to = *listener;
	struct watch_reader *r = to.reader;
	struct err why;
	AUTO(node) struct node *event = node_from_json(buf_text(&r->line), r->line.len, &why);

	if (!event) {
		event = outline_of_event(buf_text(&r->line), r->line.len);
		to.unreadable = &why;
	}
	if (r->line.cap > LINE_KEPT_BYTES)
		buf_clear(&r->line);
	r->line.len = 0;
	if (event)
		return take_event(&to, event, err);
	*err = why;
	return -1;
}

static int take_lines(const struct listener *to, const char *bytes, size_t n, struct err *err)
{
	struct watch_reader *r = to->reader;

	while (n > 0) {
		const char *end = memchr(bytes, '\n', n);
		size_t part = end ? (size_t)(end - bytes) : n;

		if (buf_append(&r->line, bytes, part, err) < 0)
			return err_wrap(err, "a line of the watch");
		if (!end)
			return 0;
		bytes += part + 1;
		n -= part + 1;
		if (r->line.len > 0 && take_line(to, err) < 0)
			return -1;
	}
	return 0;
}

int watch_reader_take(struct watch_reader *r, const char *bytes, size_t n, watch_receiver *each,
	void *arg, struct err *err)
{
	struct listener to = {.reader = r, .each = each, .arg = arg};
	int rc = r->items ? items_take(r->items, bytes, n, take_item, &to, err)
			  : take_lines(&to, bytes, n, err);

	if (rc < 0 && r->outcome.ended_by == 0)
		r->outcome.spoiled = true;
	return rc;
}

int watch_reader_end_page(struct watch_reader *r, struct err *err)
{
	const struct buf *head = &r->items->head;
	AUTO(node) struct node *list = node_from_json(buf_text(head), head->len, err);
	const struct node *metadata = node_get(list, "metadata");
	const char *version = text_of(metadata, "resourceVersion");

	if (!list)
		return -1;
	if (!node_get(list, "items") || !version)
		return err_set(err, ERR_INVALID, "a list has no items or no resourceVersion");
	set_text(&r->version, version);
	set_text(&r->token, text_of(metadata, "continue"));
	return 0;
}

int watch_reader_end_list(struct watch_reader *r, watch_receiver *each, void *arg, struct err *err)
{
	struct listener to = {.reader = r, .each = each, .arg = arg};

	if (r->unreadable == 0) {
		known_sweep(&r->known, give_gone, &to);
		return 0;
	}
	*err = *r->why_unreadable;
	return err_wrap(err, "%zu objects cannot be read, the first", r->unreadable);
}
