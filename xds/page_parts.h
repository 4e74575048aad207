/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/page_parts.h - what the tables of the status page are made of.  Pure.
 */
#ifndef WASMXDS_XDS_PAGE_PARTS_H
#define WASMXDS_XDS_PAGE_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/html.h"
#include "xds/page.h"
#include "xds/stream.h"

#define PAGE_STATES (STREAM_DENIED + 1)

/* How many subscriptions stand how; by enum stream_sync. */
struct page_tally {
	size_t n[PAGE_STATES];
};

/* Which rows of a table are shown. */
struct page_part {
	size_t first; /* from 0 */
	size_t end;
	size_t n;    /* of all rows */
	size_t part; /* from 1 */
	size_t parts;
};

/* The part of n rows that is asked for, or the last where there are fewer. */
struct page_part page_part_of(size_t n, size_t asked);

/* A table's heading, and links to its other parts; name is the query's, prefix what stands before
 * it in the query. */
void page_part_write(
	struct html *h, const struct page_part *part, const char *prefix, const char *name);

void page_head(struct html *h, const char *title);
void page_end(struct html *h);

void page_state(struct html *h, enum stream_sync sync);
void page_tally(struct html *h, const struct page_tally *tally); /* but for those of none */
void page_digest(struct html *h, const char *hex); /* its beginning; NULL and "" are a dash */
void page_bytes(struct html *h, uint64_t n);
void page_age(struct html *h, int64_t since, int64_t now);

/* The name of an extension; linked says whether there is a view of it. */
void page_name(struct html *h, const char *name, bool linked);

/* A cell of text that others chose; NULL and "" are a dash. */
void page_cell(struct html *h, const char *text);

/* A cell with where a module is from, but for a uri's query: that may open a door. */
void page_source(struct html *h, const char *source);

#endif
