/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/publish.h - writes status and Events of extensions to the API server: the shell around
 * controller/conditions.h and controller/events.h.  What waits is only a name: what is written is
 * asked for when its turn comes, so that only the newest goes out, and an API server that is away
 * for an hour costs no memory and loses nothing.
 * Threads: the client's.
 */
#ifndef WASMXDS_CONTROLLER_PUBLISH_H
#define WASMXDS_CONTROLLER_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "controller/conditions.h"
#include "controller/events.h"

struct client;
struct publisher; /* opaque */

/* What was said of one extension; whoever keeps the extension keeps it, all zero at first. */
struct publication {
	struct conditions_memory status;
	struct events_memory *events; /* owned; NULL: nothing was said for an hour */
};

void publication_clear(struct publication *p);

struct publish_options {
	struct client *client; /* borrowed */
	const char *instance;  /* names this process in Events; borrowed */

	/* Fills facts, whose texts stay valid until the caller's next turn, and returns what was
	 * said of the extension called name ("namespace/name"); NULL: there is no such one. */
	struct publication *(*look)(void *arg, const char *name, struct conditions_facts *facts);
	/* Whether this process may write. */
	bool (*may_write)(void *arg);
	void *arg;
};

struct publisher *publisher_new(const struct publish_options *options); /* never NULL */

/* Cancels what is under way; NULL is fine. */
void publisher_free(struct publisher *p);

/* Something may be new of the extension called name: it is looked at in publisher_step(). */
void publisher_touch(struct publisher *p, const char *name);

/* Looks at what is due and sends what is to be written, a few at a time. */
void publisher_step(struct publisher *p);

/* When to call publisher_step() again, in ms of io_monotonic_ms(); INT64_MAX: after a touch. */
int64_t publisher_due(const struct publisher *p);

/* How many extensions wait for something to be written. */
size_t publisher_waiting(const struct publisher *p);

/* The API server's object of the extension shows status (NULL: none). */
void publication_adopt(struct publication *p, const struct node *status);

#endif
