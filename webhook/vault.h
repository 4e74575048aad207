/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook/vault.h - the Secret that the webhook's own certificates live in, of type
 * kubernetes.io/tls:
 *	tls.crt, tls.key   the server's
 *	ca.crt             the bundle: the authority that signs, the next one, then older ones
 *	ca.key             the key of the first
 *	next-ca.key        the key of the second, where that is the next one; "" otherwise
 * Pure.
 */
#ifndef WASMXDS_WEBHOOK_VAULT_H
#define WASMXDS_WEBHOOK_VAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "webhook/authority.h"
#include "webhook/rotation.h"

struct vault {
	struct authority_bundle bundle;
	char *ca_key;   /* owned; wiped; NULL: none */
	char *next_key; /* owned; wiped; NULL: none */
	struct keypair leaf;
};

void vault_clear(struct vault *v);
static inline void auto_vault(struct vault *v)
{
	vault_clear(v);
}

/* Reads a Secret.  ERR_INVALID: it is not one that vault_print() could have written. */
int vault_read(struct vault *out, const char *json, size_t n, struct err *err)
	__attribute__((warn_unused_result));

/* Appends "data":{...}, as a Secret and a merge patch have it.  ERR_INVALID: over out's ceiling. */
int vault_print(struct buf *out, const struct vault *v, struct err *err)
	__attribute__((warn_unused_result));

/* Returns the bundle's PEM; the caller frees it. */
char *vault_bundle(const struct vault *v);

/* What is known of v, but for the configurations. */
struct rotation_facts vault_facts(const struct vault *v, const struct authority_names *names);

/* What certificates are made for, and when. */
struct vault_terms {
	const struct rotation_policy *policy; /* borrowed, as names */
	const struct authority_names *names;
	int64_t now; /* seconds since 1970 */
};

/* Does what action says to v, which for ROTATION_CREATE may be empty.  ERR_TRANSIENT, ERR_INVALID:
 * gnutls; v is then as it was. */
int vault_rotate(struct vault *v, enum rotation_action action, const struct vault_terms *terms,
	struct err *err) __attribute__((warn_unused_result));

#endif
