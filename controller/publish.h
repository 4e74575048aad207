/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/publish.h - writes status and Events of extensions to the API server: the shell around
 * controller/conditions.h and controller/events.h.  What waits is only a name: what is written is
 * asked for when its turn comes, so that only the newest goes out, and an API server that is away
 * for an hour costs little memory and loses nothing.
 * Threads: the client's.
 */
#ifndef WASMXDS_CONTROLLER_PUBLISH_H
#define WASMXDS_CONTROLLER_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/publication.h"

struct client;
struct publisher; /* opaque */

struct publisher_options {
	struct client *client; /* borrowed */
	const char *instance;  /* names this process in Events; borrowed */

	/* Fills facts, whose texts stay valid until the next call of publisher_*(), and returns
	 * what was said of the extension called name ("namespace/name"); NULL: nobody asks for it.
	 */
	struct publication *(*look)(void *arg, const char *name, struct conditions_facts *facts);
	/* Whether this process may write now. */
	bool (*may_write)(void *arg);
	void *arg;
};

struct publisher *publisher_new(const struct publisher_options *options); /* never NULL */

/* Cancels what is under way; NULL is fine. */
void publisher_free(struct publisher *p);
static inline void auto_publisher(struct publisher **p)
{
	publisher_free(*p);
}

/* Something may be new of the extension called name: it is looked at in publisher_step(). */
void publisher_touch(struct publisher *p, const char *name);

/* Looks at what is due and sends what is to be written, LIMIT_PUBLISH_REQUESTS at a time. */
void publisher_step(struct publisher *p);

/* When to call publisher_step() again, in ms of io_monotonic_ms(), but for answers that come in
 * client_step(), after which it is due at once; INT64_MAX: after a touch. */
int64_t publisher_due(const struct publisher *p);

/* How many extensions may have something that is not written yet. */
size_t publisher_waiting(const struct publisher *p);

#endif
