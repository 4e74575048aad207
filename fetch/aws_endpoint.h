/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/aws_endpoint.h - where a service of AWS answers, by its region or by what the user said.
 * An endpoint that the user named by its address, or as localhost, may be connected to whatever
 * fetch/guard.h says of such addresses; one that follows from a region may not.  Pure.
 */
#ifndef WASMXDS_FETCH_AWS_ENDPOINT_H
#define WASMXDS_FETCH_AWS_ENDPOINT_H

#include <stdbool.h>

#include "base/err.h"
#include "fetch/guard.h"

struct aws_endpoint {
	char *origin; /* owned; "https://s3.eu-west-1.amazonaws.com" */
	char *host;   /* owned; as the Host header has it, with a port that is not the scheme's */
	char *path;   /* owned; "", or "/prefix" with no slash at its end */
	bool https;
	bool localhost; /* that is host */
	bool literal;   /* host is address */
	struct cidr address;
};

/* Returns the suffix of a region's hosts, "amazonaws.com.cn" for "cn-north-1". */
const char *aws_suffix(const char *region);

/* Whether text is written as a region is: lower-case letters, digits and "-", so that it can be
 * part of a host's name. */
bool aws_is_region(const char *text);

/* The endpoint HOST.REGION.SUFFIX, by https.  region must be one. */
void aws_endpoint_of_region(struct aws_endpoint *out, const char *host, const char *region);

/* Reads http(s)://HOST[:PORT][/PREFIX].  ERR_INVALID names what, "AWS_ENDPOINT_URL_S3", and how it
 * should be. */
int aws_endpoint_parse(struct aws_endpoint *out, const char *url, const char *what, struct err *err)
	__attribute__((warn_unused_result));

/* Whether the host is localhost or a loopback address. */
bool aws_endpoint_is_loopback(const struct aws_endpoint *endpoint);

/* Fills guard, which borrows from endpoint, and returns it; NULL where that of all fetches holds.
 */
const struct guard *aws_endpoint_guard(const struct aws_endpoint *endpoint, struct guard *guard);

void aws_endpoint_copy(struct aws_endpoint *out, const struct aws_endpoint *from);
void aws_endpoint_clear(struct aws_endpoint *endpoint);
static inline void auto_aws_endpoint(struct aws_endpoint *endpoint)
{
	aws_endpoint_clear(endpoint);
}

#endif
