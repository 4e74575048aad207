/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/publication.h - what the API server was told of one extension, by status and Events.
 * Pure.  Small: there may be 10,000 of them.
 */
#ifndef WASMXDS_CONTROLLER_PUBLICATION_H
#define WASMXDS_CONTROLLER_PUBLICATION_H

#include "controller/conditions.h"
#include "controller/events.h"

/* Whoever keeps the extension keeps it; all zero at first. */
struct publication {
	struct conditions_memory status;
	struct events_memory events;
};

void publication_clear(struct publication *p);

/* The API server's object of the extension, which has this uid, shows status (NULL: none): before
 * the first publisher_touch(), and whenever the object was seen.  now is in seconds since 1970. */
void publication_adopt(
	struct publication *p, const char *uid, const struct node *status, int64_t now);

#endif
