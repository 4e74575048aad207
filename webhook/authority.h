/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook/authority.h - certificates of our own: an authority, what it signs for the server, and
 * what is known of such PEM.  ECDSA on P-256.
 * Neither files nor sockets; time is passed in, in seconds since 1970, keys are gnutls's chance.
 */
#ifndef WASMXDS_WEBHOOK_AUTHORITY_H
#define WASMXDS_WEBHOOK_AUTHORITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* PEM of a certificate and its key. */
struct keypair {
	char *certificate; /* owned */
	char *key;         /* owned; wiped */
};

void keypair_clear(struct keypair *p);
static inline void auto_keypair(struct keypair *p)
{
	keypair_clear(p);
}

/* Whom a server's certificate is for: DNS names, and addresses. */
struct authority_names {
	const char *const *items; /* borrowed */
	size_t n;
};

/* Makes an authority.  ERR_TRANSIENT: gnutls cannot. */
int authority_make(struct keypair *out, int64_t now, int64_t lifetime_s, struct err *err)
	__attribute__((warn_unused_result));

/* Makes a server's certificate that ca signs; it does not outlive ca.  ERR_INVALID: ca;
 * ERR_TRANSIENT. */
int authority_sign(struct keypair *out, const struct keypair *ca,
	const struct authority_names *names, int64_t now, int64_t lifetime_s, struct err *err)
	__attribute__((warn_unused_result));

#define AUTHORITY_BUNDLE 8 /* certificates of a bundle */

/* The certificates of a bundle, each on its own. */
struct authority_bundle {
	char *items[AUTHORITY_BUNDLE]; /* owned */
	int64_t until[AUTHORITY_BUNDLE];
	size_t n;
};

/* Takes a bundle of authorities apart.  ERR_INVALID: none, too many, or one that is not an
 * authority's. */
int authority_split(struct authority_bundle *out, const char *pem, struct err *err)
	__attribute__((warn_unused_result));
void authority_bundle_clear(struct authority_bundle *b);
static inline void auto_authority_bundle(struct authority_bundle *b)
{
	authority_bundle_clear(b);
}

/* Returns whether key is that of certificate. */
bool authority_fits(const char *certificate, const char *key);

/* Returns until when leaf is valid, or 0 where it is not a certificate that ca signed for all the
 * names. */
int64_t authority_leaf_until(const char *leaf, const char *ca, const struct authority_names *names);

#endif
