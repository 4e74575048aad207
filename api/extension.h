/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/extension.h - the WasmExtension (wasmxds.tetrate.io/v1alpha1): its fields, and every rule
 * that they must keep, in one place for the webhook, the controller and the command line. Pure:
 * says what is wrong with a document, and knows nothing of where it came from.
 */
#ifndef WASMXDS_API_EXTENSION_H
#define WASMXDS_API_EXTENSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/node.h"
#include "api/problem.h"
#include "base/digest.h"

#define EXTENSION_API_VERSION "wasmxds.tetrate.io/v1alpha1"
#define EXTENSION_KIND "WasmExtension"

/* An annotation: each new value asks for the module to be fetched once more. */
#define EXTENSION_REFETCH "wasmxds.tetrate.io/refetch"

/* Which of Envoy's filters the module is. */
enum extension_filter { FILTER_HTTP, FILTER_NETWORK };

enum extension_runtime { RUNTIME_V8, RUNTIME_WAMR, RUNTIME_WASMTIME, RUNTIME_WAVM };

enum image_protocol {
	PROTOCOL_LOCAL_FS,
	PROTOCOL_HTTP,
	PROTOCOL_HTTPS,
	PROTOCOL_S3,
	PROTOCOL_OCI,
};

enum config_kind { CONFIG_NONE, CONFIG_VALUE, CONFIG_SECRET, CONFIG_CONFIGMAP };

/* What becomes of traffic once the filter's VM has failed. */
enum extension_fail_policy { FAIL_CLOSED, FAIL_OPEN, FAIL_RELOAD };

/* For what Envoy decides where the user does not. */
enum extension_switch { SWITCH_UNSET, SWITCH_OFF, SWITCH_ON };

/* plugin_configuration or vm_configuration */
struct config_source {
	enum config_kind kind;
	char *value;     /* owned; CONFIG_VALUE */
	char *namespace; /* owned; of the object referred to; the extension's own where not given */
	char *name;      /* owned; likewise */
	char *key;       /* owned; likewise */
};

/* What becomes of a module's debug sections before it is served. */
enum extension_debug_sections { DEBUG_SECTIONS_DROP, DEBUG_SECTIONS_KEEP };

struct extension_image {
	enum image_protocol protocol;
	char *uri;            /* owned; without a scheme */
	struct digest sha256; /* of the module's bytes; not set where the user gave none */
	char *pull_secret;    /* owned; NULL: none; PROTOCOL_OCI only: the name of a Secret of type
				 kubernetes.io/dockerconfigjson in the extension's namespace */
	enum extension_debug_sections debug_sections;
	int64_t track_ms; /* between two looks at where uri leads; 0: what it led to once stays */
};

/* Texts in the order of strcmp(), none of them twice. */
struct extension_names {
	char **items; /* owned, and each of them */
	size_t n;
};

struct extension_variable {
	char *name;  /* owned */
	char *value; /* owned */
};

/* What the filter sees as its environment.  No name stands in both. */
struct extension_environment {
	struct extension_names host_keys;     /* taken over from Envoy's own */
	struct extension_variable *variables; /* owned; by name, in the order of strcmp() */
	size_t n_variables;
};

/* Between two tries of FAIL_RELOAD; 0: not given. */
struct extension_backoff {
	int64_t base_ms;
	int64_t max_ms; /* not less than base_ms */
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
	enum extension_filter filter;
	enum extension_fail_policy fail_policy;
	struct extension_backoff reload_backoff; /* FAIL_RELOAD only */
	struct extension_environment environment;
	struct extension_names capabilities; /* all that the module may use; none: no restriction */
	bool allow_precompiled;
	bool nack_on_code_cache_miss;
	enum extension_switch allow_on_headers_stop_iteration;
	bool suspend;  /* nothing is fetched, and what is served stays */
	char *refetch; /* owned; of EXTENSION_REFETCH; NULL: none */
};

/* Reads and checks one document.  Returns the extension, which the caller frees, or NULL with at
 * least one problem in out. */
struct extension *extension_from_node(const struct node *document, struct problems *out);
void extension_free(struct extension *ext);
static inline void auto_extension(struct extension **ext)
{
	extension_free(*ext);
}

/* Adds what is legal in ext and still unwise.  Each, with its path, is at most 120 bytes, as
 * Kubernetes wants an admission's warnings. */
void extension_warnings(const struct extension *ext, struct problems *out);

/* Its name in Envoy, "namespace/name"; the caller frees it. */
char *extension_resource_name(const struct extension *ext);

/* Names as the manifest and Envoy spell them; never NULL. */
const char *extension_runtime_name(enum extension_runtime runtime); /* "v8" */
const char *extension_runtime_envoy_name(
	enum extension_runtime runtime);                           /* "envoy.wasm.runtime.v8" */
const char *extension_protocol_name(enum image_protocol protocol); /* "local_fs" */

#endif
