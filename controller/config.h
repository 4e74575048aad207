/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/config.h - what a plugin_configuration or vm_configuration comes to: its value, or a
 * key of a Secret or ConfigMap that is known.  Pure.
 */
#ifndef WASMXDS_CONTROLLER_CONFIG_H
#define WASMXDS_CONTROLLER_CONFIG_H

#include "api/manifest.h"
#include "artifact/artifact.h"
#include "base/err.h"

/* On a Secret or ConfigMap: the other namespaces whose extensions may refer to it, with commas
 * between. */
#define CONFIG_ALLOW_ANNOTATION "wasmxds.tetrate.io/allow-namespaces"

/* Looks source, of an extension in namespace, up among objects (object_key() → struct object).  out
 * is borrowed from either.  field is its name, for messages, which never hold a value.
 * ERR_NOT_FOUND: the object or the key; ERR_DENIED: an object of another namespace that does not
 * allow this one, or is not there: the words are the same. */
int config_resolve(struct artifact_config *out, const struct map *objects, const char *namespace,
	const char *field, const struct config_source *source, struct err *err)
	__attribute__((warn_unused_result));

/* Finds the docker config that image.pull_secret names, in a Secret of the extension's namespace.
 * *out is NULL where it names none; the caller frees it.  ERR_NOT_FOUND: the Secret, or its key
 * ".dockerconfigjson", is not there, or is no docker config. */
int config_pull_secret(char **out, const struct map *objects, const struct extension *ext,
	struct err *err) __attribute__((warn_unused_result));

/* Returns whether a configuration of ext is a Secret's value. */
bool config_is_secret(const struct extension *ext);

/* Returns whether image.pull_secret of ext is the object under key. */
bool config_pulls_with(const struct extension *ext, const char *key);

/* Returns whether ext refers to the object under key. */
bool config_refers(const struct extension *ext, const char *key);

#endif
