/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/oci_manifest.h - which blob of an image is the module, or holds it.
 *
 * A manifest has the module as the one layer whose type ends in "wasm", as application/wasm does
 * and application/vnd.module.wasm.content.layer.v1+wasm; a layer of configuration may stand beside
 * it.  Where there is none, it is an image, whose last layer is a tar or tar+gzip with the module.
 * Of an index, the entry is taken that is for Wasm by its platform, its artifactType or its
 * annotations; else the only one; else that for linux/amd64.  Entries of other types than a
 * manifest's or an index's, and attestations, are passed over.
 * What a descriptor carries along (data) or refers to elsewhere (urls) is not looked at.
 * Pure.
 */
#ifndef WASMXDS_FETCH_OCI_MANIFEST_H
#define WASMXDS_FETCH_OCI_MANIFEST_H

#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"

/* What is asked for: "Accept: …", with every type that is taken. */
extern const char oci_manifest_accept[];

enum oci_target_kind {
	OCI_MANIFEST, /* another manifest: go on there */
	OCI_MODULE,   /* the module */
	OCI_ARCHIVE,  /* a tar that holds it, compressed or not */
};

struct oci_target {
	enum oci_target_kind kind;
	struct digest digest; /* of its bytes */
	uint64_t size;        /* as declared: not to be believed before it is counted */
};

/* Reads the manifest or the index that came with content_type (NULL: none came).  A layer may
 * declare at most max_bytes.  ERR_INVALID: neither of them, not what content_type says, or no blob
 * of it is, or can be told to be, the module. */
int oci_manifest_read(struct oci_target *out, const struct buf *bytes, const char *content_type,
	uint64_t max_bytes, struct err *err) __attribute__((warn_unused_result));

#endif
