/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/known.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/xalloc.h"

struct known_object {
	unsigned round; /* the last that had it */
	char version[]; /* "" where it is to be given again */
};

void known_clear(struct known *k)
{
	map_clear(&k->objects, free);
}

void known_begin(struct known *k)
{
	k->round++;
}

bool known_note(struct known *k, const char *key, const char *version)
{
	struct known_object *object = map_get(&k->objects, key);
	size_t len = strlen(version) + 1;

	if (object && strcmp(object->version, version) == 0) {
		object->round = k->round;
		return false;
	}
	object = xmalloc(sizeof(*object) + len);
	object->round = k->round;
	memcpy(object->version, version, len);
	free(map_put(&k->objects, key, object));
	return true;
}

bool known_forget(struct known *k, const char *key)
{
	AUTO(free) struct known_object *object = map_take(&k->objects, key);

	return object != NULL;
}

void known_repeat(struct known *k)
{
	struct known_object *object = NULL;
	const char *key = NULL;
	size_t at = 0;

	while ((object = map_next(&k->objects, &at, &key)))
		object->version[0] = '\0';
}

void known_sweep(struct known *k, void (*gone)(void *arg, const char *key), void *arg)
{
	AUTO(free) const char **keys = NULL;
	const struct known_object *object = NULL;
	const char *key = NULL;
	size_t n = 0;
	size_t at = 0;

	while ((object = map_next(&k->objects, &at, &key))) {
		if (object->round == k->round)
			continue;
		keys = xreallocarray(keys, n + 1, sizeof(*keys));
		keys[n++] = key;
	}
	for (size_t i = 0; i < n; i++) {
		AUTO(free) char *own = xstrdup(keys[i]);

		(void)known_forget(k, own);
		gone(arg, own);
	}
}
