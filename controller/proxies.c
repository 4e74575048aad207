/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/proxies.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/map.h"
#include "base/quote.h"
#include "base/xalloc.h"
#include "controller/wording.h"

#define VERSIONS 2 /* of one extension at a time: of now, and the one before */
#define LINE_VALUES 64
#define COUNT_MOST 1000000000.0 /* 64 pods of them fit into 64 bits, and are cut at 32 */

/* Those that subscribe to one version. */
struct share {
	uint64_t version; /* hash; 0: none */
	uint32_t acked, nacked;
	char *node;   /* owned; of a refusal; NULL: none */
	char *reason; /* owned; likewise */
};

struct tally {
	uint32_t connected;
	struct share shares[VERSIONS];
};

struct proxies {
	struct map tallies;        /* name → struct tally, owned */
	struct refusals *refusals; /* owned; NULL: none */
	bool complete;
};

static void tally_free(void *tally)
{
	struct tally *t = tally;

	for (size_t i = 0; i < VERSIONS; i++) {
		free(t->shares[i].node);
		free(t->shares[i].reason);
	}
	free(t);
}

struct proxies *proxies_new(void)
{
	return xcalloc(1, sizeof(struct proxies));
}

void proxies_free(struct proxies *p)
{
	if (!p)
		return;
	map_clear(&p->tallies, tally_free);
	refusals_free(p->refusals);
	free(p);
}

void proxies_reader_init(struct proxies_reader *r, struct proxies *into)
{
	*r = (struct proxies_reader){.into = into, .line = BUF_INIT(LIMIT_SUMMARY_LINE)};
}

void proxies_reader_clear(struct proxies_reader *r)
{
	buf_clear(&r->line);
}

static uint64_t hash_of(const char *version)
{
	struct digest digest;

	digest_of(&digest, version, strlen(version));
	digest.hex[16] = '\0';
	return strtoull(digest.hex, NULL, 16);
}

static uint32_t sum(uint32_t a, uint32_t b)
{
	return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

/* One line, taken apart; texts are borrowed from its tree. */
struct line {
	const char *name, *version;
	uint32_t connected, acked, nacked;
	const char *node, *reason;
};

static int take_count(uint32_t *out, const cJSON *tree, const char *key, struct err *err)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(tree, key);

	if (!cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble > COUNT_MOST)
		return err_set(err, ERR_INVALID, "summary: %s is no number of proxies", key);
	*out = (uint32_t)item->valuedouble;
	return 0;
}

static int take_line(struct line *out, const cJSON *tree, struct err *err)
{
	*out = (struct line){
		.name = json_text(tree, "name"),
		.version = json_text(tree, "version"),
		.node = json_text(tree, "node"),
		.reason = json_text(tree, "reason"),
	};
	if (!out->name || !out->version || strlen(out->name) > LIMIT_XDS_NAME_BYTES)
		return err_set(err, ERR_INVALID, "summary: a line names no extension and version");
	if (take_count(&out->connected, tree, "connected", err) < 0 ||
		take_count(&out->acked, tree, "acked", err) < 0 ||
		take_count(&out->nacked, tree, "nacked", err) < 0)
		return -1;
	if ((uint64_t)out->acked + out->nacked > out->connected)
		return err_set(err, ERR_INVALID, "summary: of %s more answered than are connected",
			quote(out->name).text);
	return 0;
}

static struct share *find_share(struct tally *t, uint64_t version)
{
	for (size_t i = 0; i < VERSIONS; i++) {
		if (t->shares[i].version == 0)
			t->shares[i].version = version;
		if (t->shares[i].version == version)
			return &t->shares[i];
	}
	return NULL;
}

static char *clean_copy(const char *text, size_t most)
{
	char clean[LIMIT_STATUS_MESSAGE_BYTES + 1];

	wording_clean(clean, most + 1, text);
	return xstrdup(clean);
}

/* Keeps the refusal of the node whose name comes first, so that it does not depend on who answered
 * first. */
static void keep_refusal(struct share *s, const struct line *line)
{
	if (!line->node || (s->node && strcmp(s->node, line->node) <= 0))
		return;
	free(s->node);
	free(s->reason);
	s->node = clean_copy(line->node, LIMIT_STATUS_NODE_BYTES);
	s->reason = clean_copy(line->reason, LIMIT_STATUS_MESSAGE_BYTES);
}

static int add_line(struct proxies *p, const struct line *line, struct err *err)
{
	struct tally *t = map_get(&p->tallies, line->name);
	struct share *s;

	if (!t && p->tallies.n >= LIMIT_SUMMARY_NAMES)
		return err_set(
			err, ERR_INVALID, "summary: more than %d extensions", LIMIT_SUMMARY_NAMES);
	if (!t) {
		t = xcalloc(1, sizeof(*t));
		(void)map_put(&p->tallies, line->name, t);
	}
	t->connected = sum(t->connected, line->connected);
	s = find_share(t, hash_of(line->version));
	if (!s)
		return 0;
	s->acked = sum(s->acked, line->acked);
	s->nacked = sum(s->nacked, line->nacked);
	if (line->nacked > 0)
		keep_refusal(s, line);
	return 0;
}

static int add_refusal(struct proxies *p, const char *key, const char *reason, struct err *err)
{
	if (!reason || strlen(key) > LIMIT_REFUSAL_KEY_BYTES ||
		strlen(reason) > LIMIT_XDS_REASON_BYTES)
		return err_set(err, ERR_INVALID, "summary: a refusal is none");
	if (!p->refusals)
		p->refusals = refusals_new(LIMIT_REFUSALS);
	refusals_add_key(p->refusals, key, reason);
	return 0;
}

static int end_line(struct proxies_reader *r, struct err *err)
{
	AUTO(cjson)
	cJSON *tree = json_parse_within(buf_text(&r->line), r->line.len, LINE_VALUES, err);
	const char *refusal;
	struct line line;

	r->line.len = 0;
	if (!tree)
		return err_wrap(err, "summary");
	refusal = json_text(tree, "refusal");
	if (refusal)
		return add_refusal(r->into, refusal, json_text(tree, "reason"), err);
	if (take_line(&line, tree, err) < 0)
		return -1;
	return add_line(r->into, &line, err);
}

int proxies_read(struct proxies_reader *r, const char *bytes, size_t n, struct err *err)
{
	r->bytes += n;
	if (r->bytes > LIMIT_SUMMARY_BYTES)
		return err_set(
			err, ERR_INVALID, "summary: more than %lu bytes", LIMIT_SUMMARY_BYTES);
	while (n > 0) {
		const char *end = memchr(bytes, '\n', n);
		size_t part = end ? (size_t)(end - bytes) : n;

		if (buf_append(&r->line, bytes, part, err) < 0)
			return err_wrap(err, "summary");
		if (!end)
			return 0;
		if (end_line(r, err) < 0)
			return -1;
		bytes += part + 1;
		n -= part + 1;
	}
	return 0;
}

int proxies_read_end(const struct proxies_reader *r, struct err *err)
{
	if (r->line.len > 0)
		return err_set(err, ERR_INVALID, "summary: it ends within a line");
	return 0;
}

void proxies_complete(struct proxies *p)
{
	p->complete = true;
}

const struct refusals *proxies_refusals(const struct proxies *p)
{
	return p->refusals;
}

void proxies_count(const struct proxies *p, const char *name, const char *version,
	struct conditions_proxies *out)
{
	const struct tally *t = p ? map_get(&p->tallies, name) : NULL;
	uint64_t hash = version ? hash_of(version) : 0;

	*out = (struct conditions_proxies){.known = p && p->complete};
	if (!t)
		return;
	out->connected = t->connected;
	for (size_t i = 0; hash != 0 && i < VERSIONS; i++) {
		const struct share *s = &t->shares[i];

		if (s->version != hash)
			continue;
		out->acked = s->acked;
		out->nacked = s->nacked;
		out->nack_node = s->node;
		out->nack_message = s->reason;
	}
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* Which share comes first depends on which pod answered first. */
static bool has_share(const struct tally *t, const struct share *s)
{
	for (size_t i = 0; i < VERSIONS; i++) {
		const struct share *o = &t->shares[i];

		if (o->version == s->version && o->acked == s->acked && o->nacked == s->nacked &&
			same_text(o->node, s->node) && same_text(o->reason, s->reason))
			return true;
	}
	return false;
}

static bool same_tally(const struct tally *a, const struct tally *b)
{
	if (a->connected != b->connected)
		return false;
	for (size_t i = 0; i < VERSIONS; i++) {
		if (!has_share(b, &a->shares[i]) || !has_share(a, &b->shares[i]))
			return false;
	}
	return true;
}

bool proxies_compare(const struct proxies *before, const struct proxies *now,
	void (*changed)(void *arg, const char *name), void *arg)
{
	const struct tally *t, *other;
	const char *name;
	size_t at = 0;

	if (!before || before->complete != now->complete)
		return true;
	while ((t = map_next(&now->tallies, &at, &name))) {
		other = map_get(&before->tallies, name);
		if (!other || !same_tally(t, other))
			changed(arg, name);
	}
	at = 0;
	while (map_next(&before->tallies, &at, &name)) {
		if (!map_get(&now->tallies, name))
			changed(arg, name);
	}
	return false;
}
