/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/docker_config.h - the credential of one registry out of a docker config file, which is also
 * what a Secret of type kubernetes.io/dockerconfigjson holds.
 * An entry is for the host that it names and no other: no wildcards.  A path behind the host
 * narrows it to the repositories below; the longest path wins.  Programs that the file names
 * (credsStore, credHelpers) are not run. Pure.
 */
#ifndef WASMXDS_FETCH_DOCKER_CONFIG_H
#define WASMXDS_FETCH_DOCKER_CONFIG_H

#include <stdbool.h>

#include "base/err.h"
#include "fetch/reference.h"

/* Nothing set: none. */
struct credential {
	char *user;           /* owned */
	char *password;       /* owned */
	char *identity_token; /* owned; OAuth 2.0's refresh token, in place of a password */
};

/* Finds the credential for r; *out is empty where the file has none.  ERR_INVALID: not a docker
 * config, an entry for r that cannot be read, or one that a helper keeps.  Messages show no part of
 * a credential. */
int docker_config_find(struct credential *out, const char *json, const struct reference *r,
	struct err *err) __attribute__((warn_unused_result));

/* Returns user:password in base64, as Basic wants it; the caller frees it. */
char *credential_basic(const struct credential *c);

bool credential_is_set(const struct credential *c);
void credential_clear(struct credential *c);
static inline void auto_credential(struct credential *c)
{
	credential_clear(c);
}

#endif
