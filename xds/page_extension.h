/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/page_extension.h - the view of one extension: what it is, and which proxies run which version
 * of it.  Pure.
 */
#ifndef WASMXDS_XDS_PAGE_EXTENSION_H
#define WASMXDS_XDS_PAGE_EXTENSION_H

#include "base/html.h"
#include "xds/page.h"

/* Appends the view of query->extension, also where there is none of this name. */
void page_extension_write(
	struct html *h, const struct page_fleet *fleet, const struct page_query *query);

#endif
