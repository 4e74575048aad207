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
};

struct status {
	enum status_reason reason;
	char message[512]; /* for people; where it is programmed, the version */
};

/* As manifests and logs spell it, "DigestMismatch"; never NULL. */
const char *status_reason_name(enum status_reason reason);

/* What a failed fetch, a failed write to the store, and a configuration that cannot be had say. */
enum status_reason status_of_fetch(const struct err *err);
enum status_reason status_of_store(const struct err *err);
enum status_reason status_of_config(const struct err *err);

/* Sets reason and message, and returns whether either is new. */
bool status_set(struct status *status, enum status_reason reason, const char *message);

#endif
