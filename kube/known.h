/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube/known.h - which state of each object was given, so that no state is given twice, and what a
 * list has no more is noticed.  Of a state only its resourceVersion is kept, which is opaque. Pure.
 */
#ifndef WASMXDS_KUBE_KNOWN_H
#define WASMXDS_KUBE_KNOWN_H

#include <stdbool.h>

#include "base/map.h"

/* Begins as {0}. */
struct known {
	struct map objects; /* key → struct known_object, owned */
	unsigned round;     /* of lists */
};

void known_clear(struct known *k);

/* A list begins: what known_note() is not told of from now on, known_sweep() gives. */
void known_begin(struct known *k);

/* Notes that there is the object of this key, in the state of this version.  Returns whether that
 * is to be given. */
bool known_note(struct known *k, const char *key, const char *version);

/* Notes that the object is gone.  Returns whether it had been given. */
bool known_forget(struct known *k, const char *key);

/* Has every object given again when it is noted next. */
void known_repeat(struct known *k);

/* Forgets what the list has no more, and calls gone() for each; key is borrowed. */
void known_sweep(struct known *k, void (*gone)(void *arg, const char *key), void *arg);

#endif
