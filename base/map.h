/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/map.h - text to pointer, by hash.  Keys are copied; values are the caller's.
 * Seeded anew in each process, so that names chosen by others cannot pile up in one slot.
 */
#ifndef WASMXDS_BASE_MAP_H
#define WASMXDS_BASE_MAP_H

#include <stddef.h>

struct map_slot;
struct map {
	struct map_slot *slots; /* owned; NULL while empty */
	size_t n;               /* entries */
	size_t cap;             /* slots, a power of two */
};

void map_clear(struct map *m, void (*free_value)(void *value)); /* free_value may be NULL */
static inline void auto_map(struct map *m)                      /* of values that others own */
{
	map_clear(m, NULL);
}

/* Returns the value under key, or NULL; borrowed. */
void *map_get(const struct map *m, const char *key);

/* Puts value (not NULL) under key and returns what stood there before, or NULL. */
void *map_put(struct map *m, const char *key, void *value);

/* Takes out and returns the value under key, or NULL. */
void *map_take(struct map *m, const char *key);

/* Walks all entries: start with *at = 0; returns the next value and its key, or NULL at the end.
 * The map must not change meanwhile. */
void *map_next(const struct map *m, size_t *at, const char **key);

#endif
