/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/realm.h - whether the place that a registry sends us to for a token may be asked, and
 * whether it may see the registry's credential.
 * A realm is https, or http where the registry itself is.  A credential goes to a realm on
 *  - the registry's own host, on any port;
 *  - a host of the same owner: the registry's parent domain or one below it, as auth.docker.io
 *    is to registry-1.docker.io, and example.com to registry.example.com; unless others can have
 *    names below that too (co.uk, azurecr.io).
 * Pure.
 */
#ifndef WASMXDS_FETCH_REALM_H
#define WASMXDS_FETCH_REALM_H

#include <stdbool.h>

#include "base/err.h"

/* Checks that realm is a URL that a token may be asked of; plain: the registry is plain http.
 * ERR_INVALID: no URL, neither http nor https, userinfo or a fragment in it; ERR_DENIED: http for a
 * registry that is not. */
int realm_check(const char *realm, bool plain, struct err *err) __attribute__((warn_unused_result));

/* Returns whether the credential of registry (host[:port]) may be sent to the host of realm. */
bool realm_is_trusted(const char *registry, const char *realm);

#endif
