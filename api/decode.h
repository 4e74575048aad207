/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/decode.h - the parts of a WasmExtension's spec, one function for each; extension_from_node()
 * is who calls them.  What is wrong goes to spec->problems, and out is then not to be used.  Pure.
 */
#ifndef WASMXDS_API_DECODE_H
#define WASMXDS_API_DECODE_H

#include "api/extension.h"
#include "api/fields.h"

/* plugin_configuration or vm_configuration, whichever key says. */
void decode_config(const struct fields *spec, const char *key, const char *own_namespace,
	struct config_source *out);
void decode_image(const struct fields *spec, struct extension_image *out);

/* fail_policy and reload_backoff. */
void decode_failure(const struct fields *spec, struct extension *out);
void decode_environment(const struct fields *spec, struct extension_environment *out);
void decode_capabilities(const struct fields *spec, struct extension_names *out);

/* Reads a list of names that check() lets pass.  They come out in order; one that stands there
 * twice is a problem. */
void decode_names(const struct fields *list, field_check *check, struct extension_names *out);

#endif
