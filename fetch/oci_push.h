/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/oci_push.h - a module to an OCI registry.
 * What the registry has already is not sent again.  Where it wants bytes to be sent to another
 * origin, its credential does not go there.
 * Threads: none of its own; curl_setup() comes first.
 */
#ifndef WASMXDS_FETCH_OCI_PUSH_H
#define WASMXDS_FETCH_OCI_PUSH_H

#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"
#include "fetch/oci_image.h"
#include "fetch/task.h"

/* A module that its caller has looked at. */
struct oci_push {
	enum oci_layout layout;
	int fd; /* borrowed; its bytes */
	struct digest digest;
	uint64_t size;
};

struct oci_pushed {
	struct digest manifest;
	uint64_t sent; /* bytes of what was not there */
};

/* Returns 0 where reference can be pushed to.  ERR_INVALID: it is none, or names a digest, which
 * only the push gives. */
int oci_push_check(const char *reference, struct err *err) __attribute__((warn_unused_result));

/* Pushes to task->request->uri; of task the caller sets options and request.  ERR_INVALID: as
 * above, or the registry does not take it; ERR_UNVERIFIED: it says that it stored something else;
 * ERR_NOT_FOUND, ERR_DENIED: what it said; ERR_TRANSIENT; ERR_FULL: no room to pack it. */
int oci_push(struct oci_pushed *out, struct fetch_task *task, const struct oci_push *push,
	struct err *err) __attribute__((warn_unused_result));

#endif
