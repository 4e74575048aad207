/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/extension.h - the WasmExtension (wasmxds.tetrate.io/v1alpha1): its fields, and every rule
 * that they must keep, in one place for the webhook, the controller and the command line. Pure:
 * says what is wrong with a document, and knows nothing of where it came from.
 */
#ifndef WASMXDS_API_EXTENSION_H
#define WASMXDS_API_EXTENSION_H

#include <stdbool.h>
#include <stdint.h>

#include "api/node.h"
#include "api/problem.h"
#include "base/digest.h"

#define EXTENSION_API_VERSION "wasmxds.tetrate.io/v1alpha1"
#define EXTENSION_KIND "WasmExtension"

enum extension_runtime { RUNTIME_V8, RUNTIME_WAMR, RUNTIME_WASMTIME, RUNTIME_WAVM };

enum image_protocol {
	PROTOCOL_LOCAL_FS,
	PROTOCOL_HTTP,
	PROTOCOL_HTTPS,
	PROTOCOL_S3,
	PROTOCOL_OCI,
};

enum config_kind { CONFIG_NONE, CONFIG_VALUE, CONFIG_SECRET, CONFIG_CONFIGMAP };

/* plugin_configuration or vm_configuration */
struct config_source {
	enum config_kind kind;
	char *value;     /* owned; CONFIG_VALUE */
	char *namespace; /* owned; of the object referred to; the extension's own where not given */
	char *name;      /* owned; likewise */
	char *key;       /* owned; likewise */
};

struct extension_image {
	enum image_protocol protocol;
	char *uri;            /* owned; without a scheme */
	struct digest sha256; /* of the module's bytes; not set where the user gave none */
};

struct extension {
	char *namespace; /* owned; "default" where not given */
	char *name;      /* owned */
	int64_t generation;
	enum extension_runtime runtime;
	char *vm_id;   /* owned; may be "" */
	char *root_id; /* owned; may be "" */
	struct config_source plugin_configuration;
	struct config_source vm_configuration;
	struct extension_image image;
};

/* Reads and checks one document.  Returns the extension, which the caller frees, or NULL with at
 * least one problem in out. */
struct extension *extension_from_node(const struct node *document, struct problems *out);
void extension_free(struct extension *ext);
static inline void auto_extension(struct extension **ext)
{
	extension_free(*ext);
}

/* Its name in Envoy, "namespace/name"; the caller frees it. */
char *extension_resource_name(const struct extension *ext);

/* Names as the manifest and Envoy spell them; never NULL. */
const char *extension_runtime_name(enum extension_runtime runtime); /* "v8" */
const char *extension_runtime_envoy_name(
	enum extension_runtime runtime);                           /* "envoy.wasm.runtime.v8" */
const char *extension_protocol_name(enum image_protocol protocol); /* "local_fs" */

#endif
