/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/registry.h - requests to one registry's API (/v2/), authenticated: what oci and push share.
 * Spoken to by https; by plain http only where fetch_options.insecure_registries names it, or where
 * it is this machine and answers so.
 * Threads: belongs to the one worker that runs the task.
 */
#ifndef WASMXDS_FETCH_REGISTRY_H
#define WASMXDS_FETCH_REGISTRY_H

#include "base/err.h"
#include "fetch/exchange.h"
#include "fetch/login.h"
#include "fetch/reference.h"
#include "fetch/task.h"

struct registry {
	struct fetch_task *task;           /* borrowed */
	const struct reference *reference; /* borrowed */
	char *origin;                      /* owned: "https://host:port" */
	struct login login;
};

/* Finds out how the registry of reference is spoken to, and as whom.  actions: "pull" or
 * "pull,push".  Errors are login_init()'s.  reference must outlive r. */
int registry_open(struct registry *r, struct fetch_task *task, const struct reference *reference,
	const char *actions, struct err *err) __attribute__((warn_unused_result));
void registry_clear(struct registry *r);
static inline void auto_registry(struct registry *r)
{
	registry_clear(r);
}

/* Returns the URL of what stands behind the repository: "manifests/v1"; the caller frees it. */
char *registry_url(const struct registry *r, const char *what);

/* As exchange(), with the registry's Authorization where request->url is on its origin, which must
 * not have origin_headers of its own; a 401 is answered, once.  Adds to exchange()'s errors those
 * of login_answer(). */
int registry_exchange(struct registry *r, struct exchange_reply *reply,
	const struct exchange_request *request, struct err *err)
	__attribute__((warn_unused_result));

#endif
