/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube/watch_reader.h - what the answers to a list and to the watch behind it say, in any cut: what
 * changed, how far they got, and how the server ended one.  An object that cannot be read is given
 * as an outline, as long as it says which it is.  What is asked for next, and when, is for
 * kube/watch.h, whose part this is.  Pure.
 */
#ifndef WASMXDS_KUBE_WATCH_READER_H
#define WASMXDS_KUBE_WATCH_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "kube/known.h"
#include "kube/watch.h"

struct items;

/* What the answer to one request came to. */
struct watch_outcome {
	bool moved;             /* it brought something */
	bool spoiled;           /* what it brought cannot be read */
	long ended_by;          /* the code of an ERROR event; 0: none */
	int64_t retry_after_ms; /* of that event; 0: none */
};

struct watch_reader {
	char *version; /* owned; to watch from; NULL: not known */
	char *token;   /* owned; where the list goes on; NULL: at its start */

	struct known known;
	size_t unreadable;          /* items of this list */
	struct err *why_unreadable; /* owned; of the first of them; NULL: none */

	struct items *items;          /* owned; the page that comes in; NULL: none */
	struct buf line;              /* the line of the watch that comes in */
	struct watch_outcome outcome; /* of the request under way, or the last */
};

void watch_reader_init(struct watch_reader *r);
void watch_reader_clear(struct watch_reader *r);
static inline void auto_watch_reader(struct watch_reader *r)
{
	watch_reader_clear(r);
}

/* Forgets how far it got, so that a list is begun at its start; what was given stays known. */
void watch_reader_rewind(struct watch_reader *r);

/* A page of a list is asked for: the one behind token, or the first of a new list. */
void watch_reader_begin_page(struct watch_reader *r);

/* A watch from version is asked for. */
void watch_reader_begin_watch(struct watch_reader *r);

/* Takes bytes of an answer with status 200 and calls each() for what changed; version follows the
 * events.  ERR_INVALID: what came cannot be used; ERR_TRANSIENT: the server ended the watch by an
 * event, whose code is ended_by, or memory is out.  The rest of the answer is to be dropped. */
int watch_reader_take(struct watch_reader *r, const char *bytes, size_t n, watch_receiver *each,
	void *arg, struct err *err) __attribute__((warn_unused_result));

/* The page is whole: takes version and token from around its items.  ERR_INVALID: it is no list,
 * and they stay. */
int watch_reader_end_page(struct watch_reader *r, struct err *err)
	__attribute__((warn_unused_result));

/* The list is whole: calls each() for what it has no more.  ERR_INVALID: an item did not even say
 * which it is, so that nothing counts as gone. */
int watch_reader_end_list(struct watch_reader *r, watch_receiver *each, void *arg, struct err *err)
	__attribute__((warn_unused_result));

/* The request is over: drops what is there by half. */
void watch_reader_drop(struct watch_reader *r);

#endif
