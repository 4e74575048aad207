/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/page_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/digest.h"
#include "base/limits.h"
#include "base/version.h"
#include "base/xalloc.h"
#include "xds/report.h"

#define SHORT_DIGEST 12
#define REFRESH_S 5

static const char style[] =
	":root{color-scheme:light dark;--line:#8884;--soft:#8882}"
	"body{font:14px/1.45 system-ui,sans-serif;margin:1.5rem auto;max-width:90rem;padding:0 "
	"1rem}"
	"h1{font-size:1.4rem;margin:0 0 .5rem}h2{font-size:1.05rem;margin:1.6rem 0 .3rem}"
	"h1 small,h2 small,.dim{font-weight:normal;opacity:.65}"
	"table{border-collapse:collapse;width:100%}"
	"th,td{text-align:left;vertical-align:top;padding:.3rem .7rem .3rem 0;"
	"border-bottom:1px solid var(--line);overflow-wrap:anywhere}"
	"th{font-size:.8rem;opacity:.65}"
	"code{font:12px ui-monospace,monospace}bdi{unicode-bidi:isolate}"
	"a{color:inherit}nav{font-size:.85rem;opacity:.8}"
	".s{display:inline-block;font-size:.75rem;font-weight:600;padding:0 .4rem;"
	"border-radius:.3rem;background:var(--soft);margin-right:.3rem;white-space:nowrap}"
	".SYNCED{background:#2a93}.STALE{background:#da05}.NACK{background:#d335}"
	".MISSING,.DENIED{background:#95c4}.f{white-space:nowrap;margin-right:.8rem}";

const char *page_style(void)
{
	return style;
}

void page_head(struct html *h, const char *title)
{
	html_put(h, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
	html_printf(h, "<meta http-equiv=\"refresh\" content=\"%d\">", REFRESH_S);
	html_put(h, "<meta name=\"viewport\" content=\"width=device-width\">"
		    "<link rel=\"stylesheet\" href=\"page.css\"><title>");
	html_text(h, title);
	html_put(h, "</title></head><body>\n");
}

void page_end(struct html *h)
{
	html_put(h, "<p class=\"dim\">wasmxds " WASMXDS_VERSION);
	html_printf(h,
		", renewed every %d s. The same as JSON: <a href=\"clients\">clients</a>; "
		"<a href=\"metrics\">metrics</a>.</p>\n</body></html>\n",
		REFRESH_S);
}

struct page_part page_part_of(size_t n, size_t asked)
{
	struct page_part p = {.n = n, .part = asked > 0 ? asked : 1};

	p.parts = n > 0 ? (n + LIMIT_PAGE_ROWS - 1) / LIMIT_PAGE_ROWS : 1;
	if (p.part > p.parts)
		p.part = p.parts;
	p.first = (p.part - 1) * LIMIT_PAGE_ROWS;
	p.end = n - p.first > LIMIT_PAGE_ROWS ? p.first + LIMIT_PAGE_ROWS : n;
	return p;
}

static void link_part(
	struct html *h, const char *prefix, const char *name, size_t part, const char *label)
{
	html_put(h, " <a href=\"?");
	html_put(h, prefix);
	html_printf(h, "%s=%zu\">%s</a>", name, part, label);
}

void page_part_write(
	struct html *h, const struct page_part *part, const char *prefix, const char *name)
{
	if (part->parts == 1)
		return;
	html_printf(h, "<nav>%zu to %zu of %zu", part->first + 1, part->end, part->n);
	if (part->part > 1)
		link_part(h, prefix, name, part->part - 1, "before");
	if (part->part < part->parts)
		link_part(h, prefix, name, part->part + 1, "next");
	html_put(h, "</nav>\n");
}

void page_state(struct html *h, enum stream_sync sync)
{
	const char *name = report_sync_name(sync);

	html_printf(h, "<span class=\"s %s\">%s</span>", name, name);
}

void page_tally(struct html *h, const struct page_tally *tally)
{
	bool any = false;

	for (int i = 0; i < PAGE_STATES; i++) {
		const char *name = report_sync_name((enum stream_sync)i);

		if (tally->n[i] == 0)
			continue;
		any = true;
		html_printf(h, "<span class=\"s %s\">%zu %s</span>", name, tally->n[i], name);
	}
	if (!any)
		html_put(h, "<span class=\"dim\">none</span>");
}

/* A proxy that comes back says itself which version it has: it may be any text. */
void page_digest(struct html *h, const char *hex)
{
	char whole[DIGEST_HEX_LEN + 1];
	char begin[SHORT_DIGEST + 1];

	if (!hex || !hex[0]) {
		html_put(h, "–");
		return;
	}
	(void)snprintf(whole, sizeof(whole), "%s", hex);
	(void)snprintf(begin, sizeof(begin), "%.*s", SHORT_DIGEST, hex);
	html_put(h, "<code title=\"");
	html_text(h, whole);
	html_put(h, "\">");
	html_text(h, begin);
	html_put(h, "</code>");
}

void page_bytes(struct html *h, uint64_t n)
{
	if (n < LIMIT_KIB)
		html_printf(h, "%" PRIu64 " B", n);
	else if (n < LIMIT_MIB)
		html_printf(h, "%.1f KiB", (double)n / (double)LIMIT_KIB);
	else
		html_printf(h, "%.1f MiB", (double)n / (double)LIMIT_MIB);
}

void page_age(struct html *h, int64_t since, int64_t now)
{
	int64_t seconds = (now - since) / 1000;

	if (seconds < 120)
		html_printf(h, "%" PRId64 " s", seconds);
	else if (seconds < 7200)
		html_printf(h, "%" PRId64 " min", seconds / 60);
	else if (seconds < 172800)
		html_printf(h, "%" PRId64 " h", seconds / 3600);
	else
		html_printf(h, "%" PRId64 " d", seconds / 86400);
}

void page_name(struct html *h, const char *name, bool linked)
{
	if (linked) {
		html_put(h, "<a href=\"?extension=");
		html_query(h, name);
		html_put(h, "\">");
	}
	html_put(h, "<bdi>");
	html_text(h, name);
	html_put(h, linked ? "</bdi></a>" : "</bdi>");
}

void page_cell(struct html *h, const char *text)
{
	html_put(h, "<td><bdi>");
	html_text(h, text && text[0] ? text : "–");
	html_put(h, "</bdi></td>");
}

void page_source(struct html *h, const char *source)
{
	size_t n = strcspn(source, "?");
	AUTO(free) char *shown = xasprintf("%.*s%s", (int)n, source, source[n] ? "?…" : "");

	page_cell(h, shown);
}
