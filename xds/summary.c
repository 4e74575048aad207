/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/summary.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/xalloc.h"
#include "xds/stream.h"

void summary_begin(struct summary *s, const struct catalog *catalog)
{
	const struct resource *r;
	const char *name;
	size_t at = 0;

	s->names = xcalloc(catalog->resources.n + 1, sizeof(*s->names));
	while ((r = map_next(&catalog->resources, &at, &name))) {
		if (r->payload && r->first)
			s->names[s->n++] = xstrdup(name);
	}
}

void summary_clear(struct summary *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->names[i]);
	free(s->names);
	*s = (struct summary){0};
}

struct tally {
	size_t connected, acked, nacked;
	const struct subscription *refusal; /* of the node whose id comes first */
};

static size_t count(struct tally *t, const struct resource *r)
{
	size_t n = 0;

	for (const struct subscription *sub = r->first; sub; sub = sub->next, n++) {
		enum stream_sync sync = stream_sync_of(sub);

		t->connected += sync != STREAM_DENIED;
		t->acked += sync == STREAM_SYNCED;
		t->nacked += sync == STREAM_REFUSED;
		if (sync == STREAM_REFUSED &&
			(!t->refusal || strcmp(sub->stream->node, t->refusal->stream->node) < 0))
			t->refusal = sub;
	}
	return n;
}

static int put_tree(struct buf *out, const cJSON *line, struct err *err)
{
	AUTO(free) char *text = cJSON_PrintUnformatted(line);

	if (!text)
		return err_set(err, ERR_TRANSIENT, "memory is out");
	return buf_printf(out, err, "%s\n", text);
}

static int put_line(
	struct buf *out, const struct resource *r, const struct tally *t, struct err *err)
{
	AUTO(cjson) cJSON *line = cJSON_CreateObject();

	cJSON_AddStringToObject(line, "name", r->name);
	cJSON_AddStringToObject(line, "version", payload_record(r->payload)->version);
	cJSON_AddNumberToObject(line, "connected", (double)t->connected);
	cJSON_AddNumberToObject(line, "acked", (double)t->acked);
	cJSON_AddNumberToObject(line, "nacked", (double)t->nacked);
	if (t->refusal) {
		cJSON_AddStringToObject(line, "node", t->refusal->stream->node);
		cJSON_AddStringToObject(line, "reason", stream_refusal(t->refusal));
	}
	return put_tree(out, line, err);
}

static int put_refusal(struct buf *out, const char *key, const char *reason, struct err *err)
{
	AUTO(cjson) cJSON *line = cJSON_CreateObject();

	cJSON_AddStringToObject(line, "refusal", key);
	cJSON_AddStringToObject(line, "reason", reason);
	return put_tree(out, line, err);
}

static int tell_refusals(struct summary *s, const struct refusals *refusals, size_t part,
	struct buf *out, struct err *err)
{
	const char *key, *reason;

	for (; part > 0 && (key = refusals_next(refusals, &s->refusal, &reason)); part--) {
		if (put_refusal(out, key, reason, err) < 0)
			return -1;
	}
	s->done = part > 0;
	return 0;
}

int summary_go_on(struct summary *s, const struct catalog *catalog, const struct refusals *refusals,
	size_t part, struct buf *out, struct err *err)
{
	size_t counted = 0;

	for (; s->at < s->n && counted < part; s->at++) {
		const struct resource *r = catalog_find(catalog, s->names[s->at]);
		struct tally t = {0};

		if (!r || !r->payload || !r->first)
			continue;
		counted += count(&t, r);
		if (t.connected > 0 && put_line(out, r, &t, err) < 0)
			return -1;
	}
	if (counted < part)
		return tell_refusals(s, refusals, part - counted, out, err);
	return 0;
}
