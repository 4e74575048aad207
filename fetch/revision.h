/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/revision.h - what a source calls the bytes that it has under a uri now, said without
 * sending them: the digest of an image's manifest, an ETag, or a time.  It is only compared with
 * what the same source said before, and never trusted: what is fetched is verified all the same.
 * Threads: none of its own.
 */
#ifndef WASMXDS_FETCH_REVISION_H
#define WASMXDS_FETCH_REVISION_H

#include <stdbool.h>

#include "base/err.h"
#include "base/limits.h"
#include "fetch/exchange.h"
#include "fetch/task.h"

/* Sets out to what an HTTP answer says of its body; "" where it says nothing that can be kept. */
void revision_of_reply(struct revision *out, const struct exchange_reply *reply);

/* Asks the source of task->request, by HEAD; "" where it does not say, as a local file.  Errors are
 * those of the drivers. */
int revision_ask(struct revision *out, struct fetch_task *task, struct err *err)
	__attribute__((warn_unused_result));

/* Finds out whether the source still has what task->request->known names.  Where it cannot be asked
 * so, or does not say, it counts as another, and the fetch finds out; only what may pass by itself
 * is an error, ERR_TRANSIENT. */
int revision_is_known(bool *out, struct fetch_task *task, struct err *err)
	__attribute__((warn_unused_result));

#endif
