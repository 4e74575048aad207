/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook/certifier.h - keeps the server's certificate in force: from files that somebody else
 * renews (webhook/pair.h), or from an authority of our own (webhook/custody.h).
 * Threads: one of its own; certifier_ready() from any.
 */
#ifndef WASMXDS_WEBHOOK_CERTIFIER_H
#define WASMXDS_WEBHOOK_CERTIFIER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "webhook/identity.h"

struct certifier; /* opaque */

/* One look at where the certificate comes from, and what has to be done there: sets id where there
 * is something new.  Returns in how many ms it is to be called again; -1 with err: it could not. */
typedef int64_t certifier_step(void *arg, struct identity *id, struct err *err);

/* Calls step before it returns, and then from a thread whenever it asks for it; where it fails,
 * soon. Returns NULL with ERR_TRANSIENT where no thread can be had. */
struct certifier *certifier_start(
	struct identity *id, certifier_step *step, void *arg, struct err *err);
void certifier_stop(struct certifier *k);

/* Returns whether a certificate is in force and step has succeeded within the last minute; else why
 * says what is wrong. */
bool certifier_ready(struct certifier *k, struct err *why);

#endif
