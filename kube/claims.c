/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/claims.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/xalloc.h"
#include "kube/fingerprint.h"

static void claim_clear(struct claim *claim)
{
	free(claim->key);
	object_free(claim->object);
	*claim = (struct claim){.key = NULL};
}

void claims_clear(struct claims *claims)
{
	for (size_t i = 0; i < claims->n; i++)
		claim_clear(&claims->items[i]);
	free(claims->items);
	*claims = (struct claims){.n = 0};
}

static void auto_index(struct map *index)
{
	map_clear(index, NULL);
}

void claims_take(struct claims *out, struct manifest *shown)
{
	if (shown->n == 0)
		return;
	out->items = xcalloc(shown->n, sizeof(*out->items));
	for (; out->n < shown->n; out->n++) {
		struct object *object = STEAL(shown->objects[out->n]);
		struct claim *claim = &out->items[out->n];

		claim->key = object_key(object->kind, object->namespace, object->name);
		claim->object = object;
		fingerprint_of(&claim->print, object);
	}
	shown->n = 0;
}

void claims_remember(struct claims *now, struct claims *before)
{
	AUTO(index) struct map shown = {.n = 0};

	if (before->n == 0)
		return;
	for (size_t i = 0; i < now->n; i++)
		(void)map_put(&shown, now->items[i].key, &now->items[i]);
	now->items = xreallocarray(now->items, now->n + before->n, sizeof(*now->items));
	for (size_t i = 0; i < before->n && now->n < LIMIT_MANIFEST_DOCUMENTS; i++) {
		if (map_get(&shown, before->items[i].key))
			continue;
		now->items[now->n] = before->items[i];
		now->items[now->n++].remembered = true;
		before->items[i] = (struct claim){.key = NULL};
	}
}

void claims_keep(struct claims *claims)
{
	for (size_t i = 0; i < claims->n; i++)
		claims->items[i].remembered = true;
}

/* An unchanged file shows in the same order what its first claims were made of. */
void claims_refill(struct claims *claims, struct manifest *shown)
{
	AUTO(claims) struct claims found = {.n = 0};

	claims_take(&found, shown);
	for (size_t i = 0; i < found.n && i < claims->n; i++) {
		struct claim *claim = &claims->items[i];

		if (!claim->object && strcmp(claim->key, found.items[i].key) == 0 &&
			digest_equal(&claim->print, &found.items[i].print))
			claim->object = STEAL(found.items[i].object);
	}
}
