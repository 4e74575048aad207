/* SPDX-License-Identifier: Apache-2.0 */
/*
 * artifact/artifact.h - from an extension and its verified module to what is served: the ECDS
 * resource (envoy.config.core.v3.TypedExtensionConfig), encoded once, around the module's bytes.
 * Pure.
 */
#ifndef WASMXDS_ARTIFACT_ARTIFACT_H
#define WASMXDS_ARTIFACT_ARTIFACT_H

#include <stddef.h>
#include <stdint.h>

#include "api/extension.h"
#include "base/digest.h"
#include "base/err.h"
#include "store/record.h"

/* A configuration as it is sent; bytes NULL: none. */
struct artifact_config {
	const char *bytes; /* borrowed */
	size_t len;
};

struct artifact_input {
	const struct extension *extension;
	struct artifact_config plugin; /* what plugin_configuration came to */
	struct artifact_config vm;     /* what vm_configuration came to */
	struct digest module;          /* of the fetched bytes */
	uint64_t module_bytes;
	struct digest served; /* of the blob that is sent: the module, or what was left of it */
	uint64_t served_bytes;
	const struct seal_key *seal; /* where a configuration is a Secret's value; else NULL */
};

/* Fills an initialised, empty record.  Its version is a hash of the whole resource, so equal input
 * gives an equal version on every replica and after every restart.  With a secret in it, that hash
 * is made with the key: whoever sees the version cannot try out what the secret may be.
 * ERR_INVALID: a configuration is not UTF-8 (Envoy would refuse the StringValue) or too large. */
int artifact_build(struct record *out, const struct artifact_input *in, struct err *err)
	__attribute__((warn_unused_result));

/* What image was resolved from, "https://host/path"; the caller frees it. */
char *artifact_source(const struct extension_image *image);

#endif
