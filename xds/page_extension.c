/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/page_extension.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "xds/page_parts.h"
#include "xds/stream.h"

/* A proxy that asks for the extension. */
struct asker {
	const struct session_info *info;
	const struct subscription *sub;
};

struct askers {
	struct asker *items; /* owned */
	size_t n;
};

static void auto_askers(struct askers *a)
{
	free(a->items);
}

/* Those with the trouble first; then by version, so that they stand together; then by name. */
static int compare(const void *a, const void *b)
{
	const struct asker *left = a;
	const struct asker *right = b;
	int order = (stream_sync_of(right->sub) != STREAM_SYNCED) -
		    (stream_sync_of(left->sub) != STREAM_SYNCED);

	if (order == 0)
		order = strcmp(left->sub->good ? left->sub->good : "",
			right->sub->good ? right->sub->good : "");
	if (order == 0)
		order = strcmp(left->info->stream->node, right->info->stream->node);
	return order ? order : strcmp(left->info->peer, right->info->peer);
}

static struct askers find_askers(const struct page_fleet *fleet, const char *name)
{
	struct askers a = {.items = xcalloc(fleet->n_clients + 1, sizeof(struct asker))};

	for (size_t i = 0; i < fleet->n_clients; i++) {
		const struct session_info *info = &fleet->clients[i];
		const struct subscription *sub = map_get(&info->stream->subscriptions, name);

		if (sub)
			a.items[a.n++] = (struct asker){.info = info, .sub = sub};
	}
	qsort(a.items, a.n, sizeof(struct asker), compare);
	return a;
}

static void write_fact(struct html *h, const char *what, const char *text)
{
	html_printf(h, "<tr><th>%s", what);
	page_cell(h, text);
	html_put(h, "</tr>\n");
}

static void write_facts(struct html *h, const struct record *record)
{
	html_put(h, "<table>\n");
	write_fact(h, "Version", record->version);
	write_fact(h, "Module, sha256", record->module.hex);
	html_put(h, "<tr><th>Source");
	page_source(h, record->source);
	html_put(h, "</tr>\n<tr><th>Size<td>");
	page_bytes(h, record->module_bytes);
	html_put(h, ", of which proxies are sent ");
	page_bytes(h, record->served_bytes);
	html_put(h, "</tr>\n</table>\n");
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void write_versions(struct html *h, const struct askers *a)
{
	AUTO(free) const char **versions = xcalloc(a->n + 1, sizeof(char *));
	size_t rows = 0;
	size_t end;

	for (size_t i = 0; i < a->n; i++)
		versions[i] = a->items[i].sub->good ? a->items[i].sub->good : "";
	qsort(versions, a->n, sizeof(char *), by_text);
	html_put(h, "<h2>Versions that run</h2>\n<table><tr><th>Version<th>Proxies</tr>\n");
	for (size_t i = 0; i < a->n && rows++ < LIMIT_PAGE_ROWS; i = end) {
		for (end = i; end < a->n && strcmp(versions[i], versions[end]) == 0; end++)
			;
		html_put(h, "<tr><td>");
		page_digest(h, versions[i]);
		html_printf(h, "<td>%zu</tr>\n", end - i);
	}
	html_put(h, "</table>\n");
}

static void write_asker(struct html *h, const struct asker *a, int64_t now)
{
	enum stream_sync sync = stream_sync_of(a->sub);

	html_put(h, "<tr>");
	page_cell(h, a->info->stream->node);
	page_cell(h, a->info->identity);
	page_cell(h, a->info->peer);
	html_put(h, "<td>");
	page_state(h, sync);
	html_put(h, "<td>");
	page_digest(h, a->sub->good);
	page_cell(h, sync == STREAM_REFUSED ? stream_refusal(a->sub) : "");
	html_put(h, "<td>");
	page_age(h, a->sub->since, now);
	html_put(h, "</tr>\n");
}

static void write_askers(struct html *h, const struct askers *a, const struct page_fleet *fleet,
	const struct page_query *query)
{
	AUTO(buf) struct buf prefix = BUF_INIT(LIMIT_MIB);
	struct html name = {.out = &prefix, .err = h->err};
	struct page_part part = page_part_of(a->n, query->proxies);

	html_put(&name, "extension=");
	html_query(&name, query->extension);
	html_put(&name, "&amp;");
	html_printf(h, "<h2>Proxies <small>%zu</small></h2>\n", a->n);
	page_part_write(h, &part, buf_text(&prefix), "proxies");
	html_put(h, "<table><tr><th>Proxy<th>Identity<th>Address<th>State<th>Runs<th>Reason"
		    "<th>Since</tr>\n");
	for (size_t i = part.first; i < part.end; i++)
		write_asker(h, &a->items[i], fleet->now);
	html_put(h, "</table>\n");
}

void page_extension_write(
	struct html *h, const struct page_fleet *fleet, const struct page_query *query)
{
	const struct resource *r = catalog_find(fleet->catalog, query->extension);
	AUTO(askers) struct askers a = find_askers(fleet, query->extension);

	page_head(h, query->extension);
	html_put(h, "<p><a href=\"?\">All extensions</a></p>\n<h1>");
	page_name(h, query->extension, false);
	html_put(h, "</h1>\n");
	if (r && r->payload)
		write_facts(h, payload_record(r->payload));
	else
		html_put(h, "<p>There is no extension of this name.</p>\n");
	write_versions(h, &a);
	write_askers(h, &a, fleet, query);
	page_end(h);
}
