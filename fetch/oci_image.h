/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/oci_image.h - the documents of an image that holds one module, in the layouts that there
 * are.  The same module gives the same bytes, and so the same digest, each time: nothing in them
 * says when they were made.  What reads them is fetch/oci_manifest.h.
 * Pure.
 */
#ifndef WASMXDS_FETCH_OCI_IMAGE_H
#define WASMXDS_FETCH_OCI_IMAGE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"

enum oci_layout {
	OCI_LAYOUT_ARTIFACT, /* CNCF's Wasm OCI artifact: the module as application/wasm */
	OCI_LAYOUT_COMPAT,   /* the module by the type that older proxies' tools look for */
	OCI_LAYOUT_IMAGE,    /* an image like any other, with plugin.wasm in a tar+gzip */
};

/* The one layer. */
struct oci_layer {
	struct digest digest;
	uint64_t size;
	struct digest diff_id; /* OCI_LAYOUT_IMAGE: of the tar, unpacked */
};

/* What a manifest is sent as. */
#define OCI_IMAGE_MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"

/* Appends the config. */
int oci_image_config(struct buf *out, enum oci_layout layout, const struct oci_layer *layer,
	struct err *err) __attribute__((warn_unused_result));

/* Appends the manifest of a config's bytes and the layer. */
int oci_image_manifest(struct buf *out, enum oci_layout layout, const struct buf *config,
	const struct oci_layer *layer, struct err *err) __attribute__((warn_unused_result));

#endif
