/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/inbox.h - the one queue between threads: bounded, and an item's owner moves with it.
 * Threads: every function from any thread, but for inbox_free(), when no other uses it any more.
 */
#ifndef WASMXDS_BASE_INBOX_H
#define WASMXDS_BASE_INBOX_H

#include <stdbool.h>
#include <stddef.h>

struct inbox; /* opaque */

/* Returns a queue of at most capacity items, never NULL; free_item releases those never popped. */
struct inbox *inbox_new(size_t capacity, void (*free_item)(void *item));
void inbox_free(struct inbox *in);
static inline void auto_inbox(struct inbox **in)
{
	inbox_free(*in);
}

/* Takes the item over and returns true; false when it is full or closed: the item stays the
 * caller's. */
bool inbox_push(struct inbox *in, void *item);

/* Waits for an item and hands it to the caller; NULL once the inbox is closed. */
void *inbox_pop(struct inbox *in);

/* Hands over an item, or returns NULL at once where there is none. */
void *inbox_try_pop(struct inbox *in);

/* Nothing can be pushed any more, and every waiter is woken; what is still queued stays for
 * inbox_free(). */
void inbox_close(struct inbox *in);

/* A descriptor that polls readable while there are items or the inbox is closed; borrowed. */
int inbox_fd(const struct inbox *in);

#endif
