/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube/outline.h - what names an object, out of JSON that an API server stores and that we do not
 * read: \u0000, too deep, too many values.  So that one such object is refused by its name, and
 * takes nothing from the others.  Looks only for where members begin and end.  Pure.
 */
#ifndef WASMXDS_KUBE_OUTLINE_H
#define WASMXDS_KUBE_OUTLINE_H

#include <stddef.h>

struct node;

/* Returns the object with nothing in it but what metadata says of its identity and state, and its
 * status where that can be read; NULL where it has no resourceVersion.  The caller frees. */
struct node *outline_of_object(const char *text, size_t n);

/* The same for the object of a watch's event, which keeps its type. */
struct node *outline_of_event(const char *text, size_t n);

#endif
