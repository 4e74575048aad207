/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/login.h - how one fetch proves to one registry who it is: the credential that it was given
 * for that registry, and the header that the registry's challenge makes of it.
 * A token lives as long as its login: two fetches may act for different users, so nothing is
 * shared. Which realms see a credential is said in fetch/realm.h. Threads: belongs to the one
 * worker that runs the task.
 */
#ifndef WASMXDS_FETCH_LOGIN_H
#define WASMXDS_FETCH_LOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "fetch/challenge.h"
#include "fetch/docker_config.h"
#include "fetch/exchange.h"
#include "fetch/reference.h"
#include "fetch/task.h"

struct login {
	struct fetch_task *task;           /* borrowed */
	const struct reference *reference; /* borrowed */
	const char *actions;               /* borrowed: what is to be done there, "pull" */
	bool plain;                        /* the registry is spoken to by plain http */
	struct credential credential;      /* owned */
	struct challenge challenge;        /* owned: what header answers */
	char *header;                      /* owned: "Authorization: ..."; NULL: none yet */
	int64_t expires_ms;                /* of io_monotonic_ms(); 0: never */
};

/* Looks for the credential: in the request's docker config, then in the options', then, for ECR, by
 * AWS's credentials.  plain is the caller's to set afterwards.  ERR_INVALID: a docker config that
 * cannot be read; ECR's errors. */
int login_init(struct login *l, struct fetch_task *task, const struct reference *reference,
	const char *actions, struct err *err) __attribute__((warn_unused_result));

/* Makes the header that the challenge of reply, a 401, asks for.  ERR_DENIED: there is no
 * credential that would do, or the realm is not to see it, or it gives no token; ERR_INVALID: the
 * challenge or the token is malformed; exchange()'s.  Messages name the realm, and no more. */
int login_answer(struct login *l, const struct exchange_reply *reply, struct err *err)
	__attribute__((warn_unused_result));

/* Asks for a new token where the one in the header has expired, and does nothing else. */
int login_refresh(struct login *l, struct err *err) __attribute__((warn_unused_result));

/* Adds to an ERR_DENIED that it came to somebody without a credential, where that is so: a registry
 * does not say what it lacks.  Returns -1. */
int login_explain(const struct login *l, struct err *err);

void login_clear(struct login *l);

#endif
