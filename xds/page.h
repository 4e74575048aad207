/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/page.h - the status page: what the fleet runs, for people.  Two views: all of it, and one
 * extension with the proxies that ask for it.  Every table shows LIMIT_PAGE_ROWS rows at a time and
 * how many there are, so that its size does not grow with the fleet.  No script, nothing from
 * elsewhere, no configuration of an extension; what proxies say of themselves is text.  Pure.
 */
#ifndef WASMXDS_XDS_PAGE_H
#define WASMXDS_XDS_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "xds/catalog.h"
#include "xds/session.h"

/* What is shown; all borrowed. */
struct page_fleet {
	const struct catalog *catalog;
	const struct session_info *clients;
	size_t n_clients;
	int64_t now; /* ms, the clock of session_info.opened_ms */
};

/* What somebody wants to see. */
struct page_query {
	const char *extension; /* NULL: the view of all */
	size_t extensions;     /* which part of the extensions, from 1 */
	size_t proxies;        /* which part of the proxies, from 1 */
};

/* Appends the page.  ERR_INVALID: over out's ceiling. */
int page_write(struct buf *out, const struct page_fleet *fleet, const struct page_query *query,
	struct err *err) __attribute__((warn_unused_result));

/* The style sheet that the page asks for as "page.css". */
const char *page_style(void);

#endif
