/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/query.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"

/* What does not fit is left out: the server will refuse the rest. */
static void add_encoded(struct buf *out, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._~";
	struct err err;

	for (; *text; text++) {
		bool as_is = strchr(plain, *text);

		if (buf_printf(out, &err, as_is ? "%c" : "%%%02X", (unsigned char)*text) < 0)
			return;
	}
}

static char *finish(struct buf *query, const char *name)
{
	struct err err;

	if (name) {
		(void)!buf_printf(query, &err, "&fieldSelector=metadata.name%%3D");
		add_encoded(query, name);
	}
	return buf_take(query);
}

char *query_list(const char *path, const char *name, const char *token)
{
	struct buf query = BUF_INIT(LIMIT_KUBE_LIST_BYTES);
	struct err err;

	(void)!buf_printf(&query, &err, "%s?limit=%d", path, LIMIT_KUBE_PAGE);
	if (token) {
		(void)!buf_printf(&query, &err, "&continue=");
		add_encoded(&query, token);
	}
	return finish(&query, name);
}

char *query_watch(const char *path, const char *name, const char *version, uint32_t seconds)
{
	struct buf query = BUF_INIT(LIMIT_KUBE_LIST_BYTES);
	struct err err;

	(void)!buf_printf(&query, &err,
		"%s?watch=true&allowWatchBookmarks=true&timeoutSeconds=%" PRIu32
		"&resourceVersion=",
		path, seconds);
	add_encoded(&query, version);
	return finish(&query, name);
}
