/* SPDX-License-Identifier: Apache-2.0 */
#include "store/refusals.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/digest.h"
#include "base/map.h"
#include "base/xalloc.h"

#define MAGIC_LEN (sizeof(REFUSALS_MAGIC) - 1)
#define HEADER_LEN (MAGIC_LEN + DIGEST_HEX_LEN + 1)

struct refusals {
	struct map reasons; /* key → char *, owned */
	char **ring;        /* keys by age, owned */
	size_t max;
	size_t next; /* slot of ring that is used next */
	uint64_t added;
	struct refusals *others; /* owned; NULL: none */
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
	refusals_free(r->others);
	free(r);
}

/* A version and a resource's name hold no newline; a node's id may hold anything, and stands last.
 */
static char *key_of(const char *node, const char *name, const char *version)
{
	return xasprintf("%s\n%s\n%s", version, name, node);
}

/* Takes the key over. */
static void add(struct refusals *r, char *key_owned, const char *reason)
{
	AUTO(free) char *key = key_owned;

	if (map_get(&r->reasons, key))
		return;
	if (r->ring[r->next]) {
		free(map_take(&r->reasons, r->ring[r->next]));
		free(r->ring[r->next]);
	}
	map_put(&r->reasons, key, xstrdup(reason));
	r->ring[r->next] = STEAL(key);
	r->next = (r->next + 1) % r->max;
	r->added++;
}

void refusals_add(struct refusals *r, const char *node, const char *name, const char *version,
	const char *reason)
{
	add(r, key_of(node, name, version), reason);
}

void refusals_add_key(struct refusals *r, const char *key, const char *reason)
{
	add(r, xstrdup(key), reason);
}

void refusals_heed(struct refusals *r, struct refusals *others)
{
	refusals_free(r->others);
	r->others = others;
}

const char *refusals_find(
	const struct refusals *r, const char *node, const char *name, const char *version)
{
	AUTO(free) char *key = NULL;
	const char *reason;

	if (r->reasons.n == 0 && !r->others)
		return NULL; /* as nearly always */
	key = key_of(node, name, version);
	reason = map_get(&r->reasons, key);
	return reason || !r->others ? reason : map_get(&r->others->reasons, key);
}

const char *refusals_next(const struct refusals *r, size_t *at, const char **reason)
{
	while (*at < r->max) {
		const char *key = r->ring[(r->next + (*at)++) % r->max];

		if (!key)
			continue;
		*reason = map_get(&r->reasons, key);
		return key;
	}
	return NULL;
}

size_t refusals_count(const struct refusals *r)
{
	return r->reasons.n;
}

uint64_t refusals_added(const struct refusals *r)
{
	return r->added;
}

/* Appends the text with its zero byte. */
static int put(struct buf *out, const char *text, struct err *err)
{
	return buf_append(out, text, strlen(text) + 1, err);
}

static int put_all(const struct refusals *r, struct buf *out, struct err *err)
{
	const char *key, *reason;
	size_t at = 0;

	while ((key = refusals_next(r, &at, &reason))) {
		if (put(out, key, err) < 0 || put(out, reason, err) < 0)
			return -1;
	}
	return 0;
}

int refusals_encode(const struct refusals *r, struct buf *out, struct err *err)
{
	AUTO(buf) struct buf body = BUF_INIT(out->max);
	struct digest sum;

	if (put_all(r, &body, err) < 0)
		return -1;
	digest_of(&sum, buf_text(&body), body.len);
	if (buf_printf(out, err, "%s%s\n", REFUSALS_MAGIC, sum.hex) < 0)
		return -1;
	return buf_append(out, buf_text(&body), body.len, err);
}

static int check_header(const char *bytes, size_t n, struct err *err)
{
	struct digest sum;

	if (n < HEADER_LEN || memcmp(bytes, REFUSALS_MAGIC, MAGIC_LEN) != 0 ||
		bytes[HEADER_LEN - 1] != '\n')
		return err_set(err, ERR_INVALID, "must begin with \"%.*s\" and a sha256",
			(int)MAGIC_LEN - 1, REFUSALS_MAGIC);
	digest_of(&sum, bytes + HEADER_LEN, n - HEADER_LEN);
	if (memcmp(bytes + MAGIC_LEN, sum.hex, DIGEST_HEX_LEN) != 0)
		return err_set(err, ERR_INVALID, "its sha256 is not that of what was written");
	return 0;
}

/* Returns the text at *at and moves *at behind it; NULL where none ends before n. */
static const char *take(const char *bytes, size_t n, size_t *at)
{
	const char *text = bytes + *at;
	const char *end = memchr(text, 0, n - *at);

	if (!end)
		return NULL;
	*at += (size_t)(end - text) + 1;
	return text;
}

int refusals_decode(struct refusals *r, const char *bytes, size_t n, struct err *err)
{
	size_t at = HEADER_LEN;

	if (check_header(bytes, n, err) < 0)
		return -1;
	while (at < n) {
		const char *key = take(bytes, n, &at);
		const char *reason = key ? take(bytes, n, &at) : NULL;

		if (!reason)
			return err_set(err, ERR_INVALID, "a refusal without a reason");
		add(r, xstrdup(key), reason);
	}
	return 0;
}
