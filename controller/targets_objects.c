/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/xalloc.h"
#include "controller/config.h"
#include "controller/targets_parts.h"

bool targets_know(const struct targets *ts, const struct reference *r)
{
	AUTO(free) char *key = NULL;

	if (!r || !ts->source || source_knows(ts->source, r->kind, r->namespace, r->name))
		return true;
	key = object_key(r->kind, r->namespace, r->name);
	return map_get(&ts->unreadable, key) != NULL;
}

/* ERR_DENIED: an object that the target refers to, and that is not known, cannot be read. */
static int check_readable(const struct targets *ts, const struct target *t, struct err *err)
{
	for (size_t i = 0; ts->unreadable.n > 0 && i < REFERENCES_EACH; i++) {
		const struct reference *r = references_of(t, i);
		AUTO(free) char *key = r ? object_key(r->kind, r->namespace, r->name) : NULL;
		const char *why = key ? map_get(&ts->unreadable, key) : NULL;

		if (why && !map_get(&ts->objects, key))
			return err_set(err, ERR_DENIED, "%s cannot be read: %s", key, why);
	}
	return 0;
}

int targets_resolve(const struct targets *ts, const struct target *t,
	struct artifact_config *plugin, struct artifact_config *vm, struct err *err)
{
	const struct extension *ext = t->desired;

	if (check_readable(ts, t, err) < 0 ||
		config_resolve(plugin, &ts->objects, ext->namespace, "plugin_configuration",
			&ext->plugin_configuration, err) < 0)
		return -1;
	return config_resolve(
		vm, &ts->objects, ext->namespace, "vm_configuration", &ext->vm_configuration, err);
}

int targets_check_pull_secret(const struct targets *ts, const struct target *t, struct err *err)
{
	AUTO(free) char *unused = NULL;

	if (check_readable(ts, t, err) < 0)
		return -1;
	return config_pull_secret(&unused, &ts->objects, t->desired, err);
}

/* Returns whether all that the target refers to is there. */
bool targets_resolved(const struct targets *ts, const struct target *t)
{
	struct artifact_config unused;
	struct err err;

	return targets_resolve(ts, t, &unused, &unused, &err) == 0 &&
	       targets_check_pull_secret(ts, t, &err) == 0;
}

struct change {
	struct targets *ts;
	const char *key;
	bool other; /* there was one before */
};

/* A fetch that failed for want of the object need not wait. */
static void object_changed(void *arg, struct target *t)
{
	const struct change *change = arg;
	bool pulls = config_pulls_with(t->desired, change->key);

	if (t->failure && pulls)
		t->retry_at = 0;
	if (change->other && pulls && t->fetching)
		t->outdated = true; /* what it brings is for other credentials */
	if (change->other && pulls && t->permit)
		permission_hurry(t->permit, io_monotonic_ms());
	due_set(&change->ts->due, t, io_monotonic_ms());
}

void targets_put_object(struct targets *ts, const char *key, struct object *object)
{
	struct object *before =
		object ? map_put(&ts->objects, key, object) : map_take(&ts->objects, key);
	struct change change = {.ts = ts, .key = key, .other = before != NULL};

	object_free(before);
	free(map_take(&ts->unreadable, key));
	references_each(&ts->references, key, object_changed, &change);
}

void targets_put_unreadable(struct targets *ts, const char *key, const char *why)
{
	struct change change = {.ts = ts, .key = key};

	free(map_put(&ts->unreadable, key, xstrdup(why)));
	references_each(&ts->references, key, object_changed, &change);
}

void targets_forget_object(struct targets *ts, const char *key)
{
	object_free(map_take(&ts->objects, key));
	free(map_take(&ts->unreadable, key));
}
