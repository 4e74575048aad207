/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/policy.h - which client may subscribe to the extensions of which namespaces.
 * A text file: on each line a subject alternative name of the client's certificate (a SPIFFE URI or
 *a DNS name; one "*" at its end stands for anything) and the namespaces, with commas between, or
 *"*" for all.  '#' begins a comment. spiffe://example.org/ns/shop*    shop,shared
 *	gateway.example.org               *
 * A client gets the namespaces of every line that it matches; with none it is refused.  node.id
 * decides nothing.  Pure.
 */
#ifndef WASMXDS_XDS_POLICY_H
#define WASMXDS_XDS_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct policy; /* opaque, immutable */

/* Reads n bytes.  Returns the policy, which the caller frees, or NULL with ERR_INVALID, which names
 * the line. */
struct policy *policy_parse(const char *text, size_t n, struct err *err);
void policy_free(struct policy *p);
static inline void auto_policy(struct policy **p)
{
	policy_free(*p);
}

/* What a client may have. */
struct grant {
	bool all;
	char **namespaces; /* owned */
	size_t n;
};

/* Gathers what the policy gives to a client with these names.  Returns NULL where it gives nothing;
 * the caller frees it. */
struct grant *policy_grant(const struct policy *p, char *const *names, size_t n);
void grant_free(struct grant *g);

/* Returns whether the resource "namespace/name" is among it.  g is a struct grant. */
bool grant_allows(const void *g, const char *resource);

bool grant_equal(const struct grant *a, const struct grant *b); /* NULL equals NULL */

#endif
