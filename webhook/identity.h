/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook/identity.h - the certificate that the server shows, which may change at any time: each
 * handshake takes a copy of what is in force when it begins.
 * Threads: any.
 */
#ifndef WASMXDS_WEBHOOK_IDENTITY_H
#define WASMXDS_WEBHOOK_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

#include "base/err.h"

struct identity; /* opaque */

struct identity *identity_new(void); /* never NULL; nothing is in force */
void identity_free(struct identity *id);

/* Has chain (PEM, its own certificate first) and key (PEM) shown from now on.  ERR_INVALID: they
 * are not that, or do not belong to each other; what was in force stays. */
int identity_set(struct identity *id, const char *chain, const char *key, struct err *err)
	__attribute__((warn_unused_result));

/* Returns until when it is valid, in seconds since 1970; 0: nothing is in force. */
int64_t identity_expires(struct identity *id);

/* Copies what is in force: *certificates, of gnutls_malloc(), *n and *key become the caller's.
 * Returns a gnutls code. */
int identity_copy(
	struct identity *id, gnutls_pcert_st **certificates, unsigned *n, gnutls_privkey_t *key);

#endif
