/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/refusals.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/map.h"
#include "base/xalloc.h"

struct refusals {
	struct map reasons; /* key → char *, owned */
	char **ring;        /* keys by age, owned */
	size_t max;
	size_t next; /* slot of ring that is used next */
};

struct refusals *refusals_new(size_t max)
{
	struct refusals *r = xcalloc(1, sizeof(*r));

	r->max = max;
	r->ring = xcalloc(max, sizeof(*r->ring));
	return r;
}

void refusals_free(struct refusals *r)
{
	if (!r)
		return;
	map_clear(&r->reasons, free);
	for (size_t i = 0; i < r->max; i++)
		free(r->ring[i]);
	free(r->ring);
	free(r);
}

/* A version and a resource's name hold no newline; a node's id may hold anything, and stands last.
 */
static char *key_of(const char *node, const char *name, const char *version)
{
	return xasprintf("%s\n%s\n%s", version, name, node);
}

void refusals_add(struct refusals *r, const char *node, const char *name, const char *version,
	const char *reason)
{
	AUTO(free) char *key = key_of(node, name, version);

	if (map_get(&r->reasons, key))
		return;
	if (r->ring[r->next]) {
		free(map_take(&r->reasons, r->ring[r->next]));
		free(r->ring[r->next]);
	}
	map_put(&r->reasons, key, xstrdup(reason));
	r->ring[r->next] = STEAL(key);
	r->next = (r->next + 1) % r->max;
}

const char *refusals_find(
	const struct refusals *r, const char *node, const char *name, const char *version)
{
	AUTO(free) char *key = key_of(node, name, version);

	return map_get(&r->reasons, key);
}
