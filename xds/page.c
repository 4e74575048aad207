/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/page.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "xds/page_extension.h"
#include "xds/page_parts.h"
#include "xds/stream.h"

/* All that is served, and all that is subscribed, in one walk. */
struct survey {
	const struct resource **extensions; /* owned */
	size_t n_extensions;
	const struct session_info **proxies; /* owned */
	struct page_tally tally;
	const struct subscription *refusals[LIMIT_PAGE_ROWS]; /* the first of them */
	size_t n_refusals;                                    /* of those */
};

static void auto_survey(struct survey *s)
{
	free(s->extensions);
	free(s->proxies);
}

static int by_name(const void *a, const void *b)
{
	const struct resource *const *left = a;
	const struct resource *const *right = b;

	return strcmp((*left)->name, (*right)->name);
}

static int by_node(const void *a, const void *b)
{
	const struct session_info *const *left = a;
	const struct session_info *const *right = b;
	int order = strcmp((*left)->stream->node, (*right)->stream->node);

	return order ? order : strcmp((*left)->peer, (*right)->peer);
}

static void gather_extensions(struct survey *s, const struct catalog *catalog)
{
	const struct resource *r;
	const char *name;
	size_t at = 0;

	s->extensions = xcalloc(catalog->resources.n + 1, sizeof(struct resource *));
	while ((r = map_next(&catalog->resources, &at, &name))) {
		if (r->payload)
			s->extensions[s->n_extensions++] = r;
	}
	qsort(s->extensions, s->n_extensions, sizeof(struct resource *), by_name);
}

static void count_client(struct survey *s, const struct session_info *info)
{
	const struct subscription *sub;
	const char *name;
	size_t at = 0;

	while ((sub = map_next(&info->stream->subscriptions, &at, &name))) {
		enum stream_sync sync = stream_sync_of(sub);

		s->tally.n[sync]++;
		if (sync == STREAM_REFUSED && s->n_refusals < LIMIT_PAGE_ROWS)
			s->refusals[s->n_refusals++] = sub;
	}
}

static void gather_proxies(struct survey *s, const struct page_fleet *fleet)
{
	s->proxies = xcalloc(fleet->n_clients + 1, sizeof(struct session_info *));
	for (size_t i = 0; i < fleet->n_clients; i++)
		s->proxies[i] = &fleet->clients[i];
	qsort(s->proxies, fleet->n_clients, sizeof(struct session_info *), by_node);
	for (size_t i = 0; i < fleet->n_clients; i++)
		count_client(s, s->proxies[i]);
}

static void write_refusals(struct html *h, const struct survey *s, int64_t now)
{
	if (s->n_refusals == 0)
		return;
	html_printf(h, "<h2>Refused <small>%zu", s->tally.n[STREAM_REFUSED]);
	if (s->tally.n[STREAM_REFUSED] > s->n_refusals)
		html_printf(h, ", the first %zu", s->n_refusals);
	html_put(h, "</small></h2>\n<table><tr><th>Proxy<th>Extension<th>Refused<th>Runs"
		    "<th>Reason<th>Since</tr>\n");
	for (size_t i = 0; i < s->n_refusals; i++) {
		const struct subscription *sub = s->refusals[i];

		html_put(h, "<tr>");
		page_cell(h, sub->stream->node);
		html_put(h, "<td>");
		page_name(h, sub->resource->name, true);
		html_put(h, "<td>");
		page_digest(h, payload_record(sub->resource->payload)->version);
		html_put(h, "<td>");
		page_digest(h, sub->good);
		page_cell(h, stream_refusal(sub));
		html_put(h, "<td>");
		page_age(h, sub->since, now);
		html_put(h, "</tr>\n");
	}
	html_put(h, "</table>\n");
}

static void write_extension(struct html *h, const struct resource *r)
{
	const struct record *record = payload_record(r->payload);
	struct page_tally tally = {0};

	for (const struct subscription *sub = r->first; sub; sub = sub->next)
		tally.n[stream_sync_of(sub)]++;
	html_put(h, "<tr><td>");
	page_name(h, r->name, true);
	html_put(h, "<td>");
	page_digest(h, record->version);
	html_put(h, "<td>");
	page_digest(h, record->module.hex);
	html_put(h, "<td>");
	page_bytes(h, record->served_bytes);
	page_source(h, record->source);
	html_put(h, "<td>");
	page_tally(h, &tally);
	html_put(h, "</tr>\n");
}

static void write_extensions(struct html *h, const struct survey *s, const struct page_query *query)
{
	struct page_part part = page_part_of(s->n_extensions, query->extensions);

	html_printf(h, "<h2>Extensions <small>%zu</small></h2>\n", s->n_extensions);
	page_part_write(h, &part, "", "extensions");
	html_put(h, "<table><tr><th>Name<th>Version<th>Module<th>Sent<th>Source<th>Proxies"
		    "</tr>\n");
	for (size_t i = part.first; i < part.end; i++)
		write_extension(h, s->extensions[i]);
	html_put(h, "</table>\n");
}

/* Those that are as they should be, or those that are not, as long as there is room for names. */
static void write_filters_that(
	struct html *h, const struct stream *stream, bool synced, size_t *room)
{
	const struct subscription *sub;
	const char *name;
	size_t at = 0;

	while (*room > 0 && (sub = map_next(&stream->subscriptions, &at, &name))) {
		enum stream_sync sync = stream_sync_of(sub);

		if ((sync == STREAM_SYNCED) != synced)
			continue;
		--*room;
		html_put(h, "<span class=\"f\">");
		page_state(h, sync);
		page_name(h, name, sub->resource->payload != NULL);
		html_put(h, "</span> ");
	}
}

static void write_filters(struct html *h, const struct stream *stream)
{
	size_t room = LIMIT_PAGE_NAMES;

	write_filters_that(h, stream, false, &room);
	write_filters_that(h, stream, true, &room);
	if (stream->subscriptions.n > LIMIT_PAGE_NAMES)
		html_printf(h, "and %zu more", stream->subscriptions.n - LIMIT_PAGE_NAMES);
}

static void write_proxy(struct html *h, const struct session_info *info, int64_t now)
{
	html_put(h, "<tr>");
	page_cell(h, info->stream->node);
	page_cell(h, info->identity);
	page_cell(h, info->peer);
	page_cell(h, info->method);
	html_put(h, "<td>");
	page_age(h, info->opened_ms, now);
	html_put(h, "<td>");
	write_filters(h, info->stream);
	html_put(h, "</tr>\n");
}

static void write_proxies(struct html *h, const struct survey *s, const struct page_fleet *fleet,
	const struct page_query *query)
{
	struct page_part part = page_part_of(fleet->n_clients, query->proxies);

	html_printf(h, "<h2>Streams of proxies <small>%zu</small></h2>\n", fleet->n_clients);
	page_part_write(h, &part, "", "proxies");
	html_put(h, "<table><tr><th>Proxy<th>Identity<th>Address<th>Method<th>For<th>Extensions"
		    "</tr>\n");
	for (size_t i = part.first; i < part.end; i++)
		write_proxy(h, s->proxies[i], fleet->now);
	html_put(h, "</table>\n");
}

static void write_all(
	struct html *h, const struct page_fleet *fleet, const struct page_query *query)
{
	AUTO(survey) struct survey s = {0};

	gather_extensions(&s, fleet->catalog);
	gather_proxies(&s, fleet);
	page_head(h, "Wasmxds");
	html_printf(h, "<h1>Wasmxds <small>%zu extensions, %zu streams</small></h1>\n<p>",
		s.n_extensions, fleet->n_clients);
	page_tally(h, &s.tally);
	html_put(h, "</p>\n");
	write_refusals(h, &s, fleet->now);
	write_extensions(h, &s, query);
	write_proxies(h, &s, fleet, query);
	page_end(h);
}

int page_write(struct buf *out, const struct page_fleet *fleet, const struct page_query *query,
	struct err *err)
{
	struct html h = {.out = out, .err = err};

	if (query->extension)
		page_extension_write(&h, fleet, query);
	else
		write_all(&h, fleet, query);
	return h.failed ? -1 : 0;
}
