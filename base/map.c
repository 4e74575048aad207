/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/xalloc.h"

#define FIRST_CAP 8

/* Linear probing.  A key stands at its hash's slot or behind it, with no free slot between. */
struct map_slot {
	char *key; /* owned; NULL while the slot is free */
	void *value;
	uint64_t hash;
};

static pthread_once_t seeded = PTHREAD_ONCE_INIT;
static uint64_t seed[2];

static void seed_draw(void)
{
	ssize_t got = -1;

	do {
		got = getrandom(seed, sizeof(seed), 0);
	} while (got < 0 && errno == EINTR);
	if (got != (ssize_t)sizeof(seed)) {
		perror("wasmxds: getrandom");
		abort();
	}
}

static uint64_t rotl(uint64_t x, unsigned bits)
{
	return (x << bits) | (x >> (64 - bits));
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] = rotl(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] = rotl(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

/* SipHash-1-3 (Aumasson and Bernstein), in the byte order of the machine: it never leaves it. */
static uint64_t hash_of(const char *key)
{
	size_t len = strlen(key);
	size_t at = 0;
	uint64_t word = 0;

	(void)pthread_once(&seeded, seed_draw);

	uint64_t v[4] = {seed[0] ^ 0x736f6d6570736575U, seed[1] ^ 0x646f72616e646f6dU,
		seed[0] ^ 0x6c7967656e657261U, seed[1] ^ 0x7465646279746573U};

	for (; len - at >= sizeof(word); at += sizeof(word)) {
		memcpy(&word, key + at, sizeof(word));
		sip_word(v, word);
	}
	word = 0;
	memcpy(&word, key + at, len - at);
	sip_word(v, word ^ ((uint64_t)len << 56));
	v[2] ^= 0xFF;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Returns the slot that holds key, or the free one where it would go.  Needs a free slot. */
static struct map_slot *slot_find(const struct map *m, const char *key, uint64_t hash)
{
	size_t at = hash & (m->cap - 1);

	while (m->slots[at].key &&
		(m->slots[at].hash != hash || strcmp(m->slots[at].key, key) != 0))
		at = (at + 1) & (m->cap - 1);
	return &m->slots[at];
}

static struct map_slot *slot_free(const struct map *m, uint64_t hash)
{
	size_t at = hash & (m->cap - 1);

	while (m->slots[at].key)
		at = (at + 1) & (m->cap - 1);
	return &m->slots[at];
}

static void grow(struct map *m)
{
	struct map bigger = {.n = m->n, .cap = m->cap ? m->cap * 2 : FIRST_CAP};

	bigger.slots = xcalloc(bigger.cap, sizeof(*bigger.slots));
	for (size_t i = 0; i < m->cap; i++) {
		if (m->slots[i].key)
			*slot_free(&bigger, m->slots[i].hash) = m->slots[i];
	}
	free(m->slots);
	*m = bigger;
}

/* Frees the slot at hole and moves up those behind it that would no longer be found. */
static void slot_remove(struct map *m, size_t hole)
{
	size_t mask = m->cap - 1;

	free(m->slots[hole].key);
	for (size_t at = (hole + 1) & mask; m->slots[at].key; at = (at + 1) & mask) {
		size_t home = m->slots[at].hash & mask;

		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		m->slots[hole] = m->slots[at];
		hole = at;
	}
	m->slots[hole] = (struct map_slot){.key = NULL};
	m->n--;
}

void map_clear(struct map *m, void (*free_value)(void *value))
{
	for (size_t i = 0; i < m->cap; i++) {
		if (m->slots[i].key && free_value)
			free_value(m->slots[i].value);
		free(m->slots[i].key);
	}
	free(m->slots);
	*m = (struct map){.slots = NULL};
}

void *map_get(const struct map *m, const char *key)
{
	return m->n > 0 ? slot_find(m, key, hash_of(key))->value : NULL;
}

void *map_put(struct map *m, const char *key, void *value)
{
	assert(value);
	if (m->n + 1 > m->cap / 4 * 3)
		grow(m);

	uint64_t hash = hash_of(key);
	struct map_slot *slot = slot_find(m, key, hash);
	void *before = slot->value;

	if (!slot->key) {
		*slot = (struct map_slot){.key = xstrdup(key), .hash = hash};
		m->n++;
	}
	slot->value = value;
	return before;
}

void *map_take(struct map *m, const char *key)
{
	if (m->n == 0)
		return NULL;

	struct map_slot *slot = slot_find(m, key, hash_of(key));
	void *value = slot->value;

	if (slot->key)
		slot_remove(m, (size_t)(slot - m->slots));
	return value;
}

void *map_next(const struct map *m, size_t *at, const char **key)
{
	while (*at < m->cap) {
		const struct map_slot *slot = &m->slots[(*at)++];

		if (slot->key) {
			*key = slot->key;
			return slot->value;
		}
	}
	return NULL;
}
