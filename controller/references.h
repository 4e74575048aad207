/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/references.h - which targets refer to which Secret or ConfigMap, both ways, so that a
 * change of one object costs as much as there are targets that use it.  Pure.
 */
#ifndef WASMXDS_CONTROLLER_REFERENCES_H
#define WASMXDS_CONTROLLER_REFERENCES_H

#include <stdbool.h>

#include "api/manifest.h"
#include "base/map.h"
#include "controller/target.h"

/* plugin_configuration, vm_configuration, image.pull_secret */
#define REFERENCES_EACH 3

/* An object that somebody refers to, or did until references_changed() is called. */
struct reference {
	enum object_kind kind;
	char *namespace; /* owned */
	char *name;      /* owned */
	struct reference_link *users;
	bool wanted;            /* of the source */
	struct reference *next; /* in the list of those that changed */
	bool listed;            /* in that list */
};

struct references {
	struct map by_key; /* object_key() → struct reference, owned */
	struct reference *changed;
};

void references_clear(struct references *rs);

/* Makes what t->desired refers to (NULL: nothing) the references of t.  links is freed where there
 * are none. */
void references_set(struct references *rs, struct target *t);

/* Calls each() for every target that refers to the object under key; each() changes no reference.
 */
void references_each(const struct references *rs, const char *key,
	void (*each)(void *arg, struct target *t), void *arg);

/* Calls each() for every object whose first user came, or whose last one went, since the last call;
 * those without a user are forgotten then. */
void references_changed(struct references *rs,
	void (*each)(void *arg, const struct reference *r, bool wanted), void *arg);

/* Returns a reference of t, or NULL behind the last; i from 0 to REFERENCES_EACH - 1. */
const struct reference *references_of(const struct target *t, size_t i);

#endif
