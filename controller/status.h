/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/status.h - what is said of an extension: a closed list of reasons, and when it
 * changed. Pure.
 */
#ifndef WASMXDS_CONTROLLER_STATUS_H
#define WASMXDS_CONTROLLER_STATUS_H

#include <stdbool.h>

#include "base/err.h"

enum status_reason {
	STATUS_UNKNOWN,               /* not looked at yet */
	STATUS_PROGRAMMED,            /* the store has what the manifest asks for */
	STATUS_FETCHING,              /* its module is on the way */
	STATUS_FETCH_FAILED,          /* the source did not answer as it should; tried again */
	STATUS_NOT_FOUND,             /* the source says that there is no such module */
	STATUS_DENIED,                /* the source, or the file system, says no */
	STATUS_DIGEST_MISMATCH,       /* the bytes are not those of image.sha256 */
	STATUS_INVALID_MODULE,        /* the bytes are no module that Envoy could run */
	STATUS_REFERENCE_NOT_FOUND,   /* a Secret, a ConfigMap or its key is not there */
	STATUS_REFERENCE_DENIED,      /* one of another namespace, which does not allow it */
	STATUS_INVALID_CONFIGURATION, /* a configuration cannot be sent to Envoy */
	STATUS_STORAGE_FULL,          /* no room in the store */
	STATUS_STORAGE_FAILED,        /* the store cannot be written */
	STATUS_INVALID,               /* the manifest breaks a rule */
	STATUS_SUSPENDED,             /* spec.suspend: what is served stays as it is */
	STATUS_REVOKED,               /* the source let us have the module, and does so no more */
	STATUS_PROXY_REFUSED,         /* the store has it, and a proxy does not take it */

	/* of a single condition, and of nothing else */
	STATUS_ACCEPTED,
	STATUS_RESOLVED,
	STATUS_FETCHED,
	STATUS_PENDING, /* what comes before is not done */
	STATUS_STALE,   /* what is served is of an earlier state */
};
#define STATUS_REASONS 22

struct status {
	enum status_reason reason;
	char *message; /* owned; for people; NULL: "" */
};

/* As manifests and logs spell it, "DigestMismatch"; never NULL. */
const char *status_reason_name(enum status_reason reason);

/* The other way round; false where no reason is spelled so. */
bool status_reason_parse(enum status_reason *out, const char *name);

/* What a failed fetch, a failed write to the store, and a configuration that cannot be had say. */
enum status_reason status_of_fetch(const struct err *err);
enum status_reason status_of_store(const struct err *err);
enum status_reason status_of_config(const struct err *err);

/* Sets reason and message, and returns whether either is new. */
bool status_set(struct status *status, enum status_reason reason, const char *message);

const char *status_message(const struct status *status); /* never NULL; borrowed */
void status_clear(struct status *status);

#endif
