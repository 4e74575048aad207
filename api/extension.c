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
