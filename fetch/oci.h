/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/oci.h - a module from an OCI registry: reference to manifest to layer.
 * Each manifest is held against the digest that it was asked for by, each layer against its
 * descriptor; what a tag leads to is recorded by the digest of the bytes that came.
 * Threads: none of its own.
 */
#ifndef WASMXDS_FETCH_OCI_H
#define WASMXDS_FETCH_OCI_H

#include "base/digest.h"
#include "base/err.h"
#include "fetch/oci_manifest.h"
#include "fetch/task.h"

/* What a reference leads to, before anything of the module is fetched. */
struct oci_resolution {
	struct digest manifest;   /* of the first manifest or index */
	struct oci_target target; /* OCI_MODULE: the module's own digest and size; else a tar's */
};

/* Resolves task->request->uri, until task->deadline_ms.  ERR_INVALID: the reference, a manifest or
 * a challenge is wrong; ERR_UNVERIFIED: a manifest is not the one that was asked for;
 * ERR_NOT_FOUND; ERR_DENIED: what the registry said, or a credential that is not sent;
 * ERR_TRANSIENT. */
int oci_resolve(struct oci_resolution *out, struct fetch_task *task, struct err *err)
	__attribute__((warn_unused_result));

/* Asks which manifest task->request->uri leads to, by HEAD, or by GET where the registry does not
 * answer that with a digest.  Errors as oci_resolve(). */
int oci_revision(struct revision *out, struct fetch_task *task, struct err *err)
	__attribute__((warn_unused_result));

/* The driver: brings the layer as it is, a tar too.  Adds to oci_resolve()'s errors:
 * ERR_UNVERIFIED: the layer is not what its descriptor says, or not request->want; ERR_FULL.  Notes
 * the manifest's digest in the task. */
int oci_fetch(struct fetch_task *task, struct sink *sink, struct err *err)
	__attribute__((warn_unused_result));

#endif
