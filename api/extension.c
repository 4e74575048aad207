/* SPDX-License-Identifier: Apache-2.0 */
#include "api/extension.h"

#include <stdlib.h>

#include "base/xalloc.h"

static void clear_source(struct config_source *source)
{
	free(source->value);
	free(source->namespace);
	free(source->name);
	free(source->key);
}

static void clear_names(struct extension_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->items[i]);
	free(names->items);
}

static void clear_environment(struct extension_environment *environment)
{
	for (size_t i = 0; i < environment->n_variables; i++) {
		free(environment->variables[i].name);
		free(environment->variables[i].value);
	}
	free(environment->variables);
	clear_names(&environment->host_keys);
}

void extension_free(struct extension *ext)
{
	if (!ext)
		return;
	free(ext->namespace);
	free(ext->name);
	free(ext->vm_id);
	free(ext->root_id);
	clear_source(&ext->plugin_configuration);
	clear_source(&ext->vm_configuration);
	free(ext->image.uri);
	free(ext->image.pull_secret);
	free(ext->refetch);
	clear_environment(&ext->environment);
	clear_names(&ext->capabilities);
	free(ext);
}

char *extension_resource_name(const struct extension *ext)
{
	return xasprintf("%s/%s", ext->namespace, ext->name);
}

const char *extension_runtime_name(enum extension_runtime runtime)
{
	switch (runtime) {
	case RUNTIME_V8:
		return "v8";
	case RUNTIME_WAMR:
		return "wamr";
	case RUNTIME_WASMTIME:
		return "wasmtime";
	case RUNTIME_WAVM:
		return "wavm";
	}
	return "unknown";
}

const char *extension_runtime_envoy_name(enum extension_runtime runtime)
{
	switch (runtime) {
	case RUNTIME_V8:
		return "envoy.wasm.runtime.v8";
	case RUNTIME_WAMR:
		return "envoy.wasm.runtime.wamr";
	case RUNTIME_WASMTIME:
		return "envoy.wasm.runtime.wasmtime";
	case RUNTIME_WAVM:
		return "envoy.wasm.runtime.wavm";
	}
	return "unknown";
}

const char *extension_protocol_name(enum image_protocol protocol)
{
	switch (protocol) {
	case PROTOCOL_LOCAL_FS:
		return "local_fs";
	case PROTOCOL_HTTP:
		return "http";
	case PROTOCOL_HTTPS:
		return "https";
	case PROTOCOL_S3:
		return "s3";
	case PROTOCOL_OCI:
		return "oci";
	}
	return "unknown";
}
