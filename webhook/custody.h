/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook/custody.h - the webhook's own certificates at the API server: in a Secret that all its
 * replicas share, and its authorities in the caBundle of its two configurations.  Each look repairs
 * what somebody deleted or garbled, by what this process last saw where it can.
 * Threads: the certifier's.
 */
#ifndef WASMXDS_WEBHOOK_CUSTODY_H
#define WASMXDS_WEBHOOK_CUSTODY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "kube/client.h"
#include "webhook/identity.h"
#include "webhook/rotation.h"
#include "webhook/vault.h"

/* All borrowed. */
struct custody_options {
	const char *namespace;     /* of the Secret */
	const char *secret;        /* its name */
	const char *configuration; /* the name of both configurations */
	struct rotation_policy policy;
	struct authority_names names;
};

struct custody {
	struct custody_options options;
	struct client *client; /* owned */
	struct vault vault;    /* owned; what was last seen, or made */
	char *shown;           /* owned; the certificate in force; NULL: none */
	char *bundle;          /* owned; what was seen in force; NULL: nothing */
	int64_t bundle_ms;     /* since when, of io_monotonic_ms() */
};

/* Takes the credentials over.  ERR_INVALID: they cannot be used. */
int custody_open(struct custody *c, const struct custody_options *options,
	struct credentials *access, struct err *err) __attribute__((warn_unused_result));
void custody_close(struct custody *c);

/* A certifier_step; arg is the struct custody. */
int64_t custody_step(void *arg, struct identity *id, struct err *err);

#endif
