/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/s3_place.h - where bucket/key lies, as a URL.  Pure.
 */
#ifndef WASMXDS_FETCH_S3_PLACE_H
#define WASMXDS_FETCH_S3_PLACE_H

#include <stdbool.h>

#include "base/err.h"
#include "fetch/aws_endpoint.h"

struct s3_place {
	char *url;                    /* owned, as all below */
	char *path;                   /* of url */
	struct aws_endpoint endpoint; /* its host may begin with the bucket */
};

/* Returns the bucket of bucket/key, which the caller frees, and leaves *key at what follows it; or
 * NULL with ERR_INVALID where uri is not bucket/key, or the key has a segment "." or "..", which
 * no HTTP client leaves as it is. */
char *s3_split(const char **key, const char *uri, struct err *err);

/* Finds the URL of a key.  endpoint NULL: that of the region, which must be one; there the bucket
 * is part of the host, unless path_style is set or a dot in it would not fit the certificate. */
void s3_place_find(struct s3_place *out, const struct aws_endpoint *endpoint, const char *region,
	bool path_style, const char *bucket, const char *key);

void s3_place_clear(struct s3_place *place);
static inline void auto_s3_place(struct s3_place *place)
{
	s3_place_clear(place);
}

#endif
