/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/s3_place.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "fetch/sigv4.h"

#define BUCKET_MIN 3
#define BUCKET_MAX 63

static bool is_bucket(const char *text, size_t n)
{
	return n >= BUCKET_MIN && n <= BUCKET_MAX &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.-") >= n &&
	       !strchr(".-", text[0]) && !strchr(".-", text[n - 1]);
}

static bool has_dots(const char *key)
{
	while (*key) {
		size_t n = strcspn(key, "/");

		if ((n == 1 || n == 2) && strspn(key, ".") >= n)
			return true;
		key += key[n] ? n + 1 : n;
	}
	return false;
}

char *s3_split(const char **key, const char *uri, struct err *err)
{
	size_t n = strcspn(uri, "/");

	if (uri[n] == '\0' || uri[n + 1] == '\0' || !is_bucket(uri, n)) {
		(void)err_set(err, ERR_INVALID,
			"must be BUCKET/KEY, the bucket being %d to %d lower-case letters, digits, "
			"\".\" and \"-\" with a letter or digit at both ends",
			BUCKET_MIN, BUCKET_MAX);
		return NULL;
	}
	if (strlen(uri) > LIMIT_URI_BYTES || has_dots(uri + n + 1)) {
		(void)err_set(err, ERR_INVALID,
			"the key must be at most %d bytes, with no \".\" and no \"..\" between its "
			"slashes",
			LIMIT_URI_BYTES);
		return NULL;
	}
	*key = uri + n + 1;
	return xstrndup(uri, n);
}

/* The key as a path has it; its size is bounded by s3_split(). */
static char *encode(const char *key)
{
	AUTO(buf) struct buf out = BUF_INIT((size_t)3 * LIMIT_URI_BYTES);
	struct err err;

	if (sigv4_encode(&out, key, true, &err) < 0)
		abort(); /* out of memory, as in base/xalloc.h */
	return buf_take(&out);
}

void s3_place_find(struct s3_place *out, const struct aws_endpoint *endpoint, const char *region,
	bool path_style, const char *bucket, const char *key)
{
	AUTO(free) char *encoded = encode(key);
	AUTO(free) char *host = NULL;

	*out = (struct s3_place){0};
	if (endpoint) {
		aws_endpoint_copy(&out->endpoint, endpoint);
		path_style = true;
	} else {
		path_style = path_style || strchr(bucket, '.');
		host = path_style ? xstrdup("s3") : xasprintf("%s.s3", bucket);
		aws_endpoint_of_region(&out->endpoint, host, region);
	}
	out->path = xasprintf("%s%s%s/%s", out->endpoint.path, path_style ? "/" : "",
		path_style ? bucket : "", encoded);
	out->url = xasprintf("%s%s", out->endpoint.origin, out->path);
}

void s3_place_clear(struct s3_place *place)
{
	free(place->url);
	free(place->path);
	aws_endpoint_clear(&place->endpoint);
	*place = (struct s3_place){0};
}
