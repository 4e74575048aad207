/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/artifact.h"

#include "base/auto.h"
#include "base/json.h"
#include "base/lend.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "proto/gather.h"
#include "proto/xds.pb-c.h"

#define TYPE_URL(name) "type.googleapis.com/" name

static int check_config(const char *field, const struct artifact_config *config, struct err *err)
{
	size_t bad = 0;

	if (!config->bytes)
		return 0;
	if (config->len > LIMIT_CONFIG_BYTES)
		return err_set(err, ERR_INVALID, "%s is %zu bytes, and at most %lu are allowed",
			field, config->len, LIMIT_CONFIG_BYTES);
	if (!json_utf8_valid(config->bytes, config->len, &bad))
		return err_set(err, ERR_INVALID,
			"%s is not valid UTF-8 (byte %zu), which Envoy refuses", field, bad);
	return 0;
}

/* The two messages that carry a configuration, linked together in place. */
struct config_message {
	Wasmxds__Xds__AnyString any;
	Wasmxds__Xds__StringValue value;
};

static Wasmxds__Xds__AnyString *config_message(
	struct config_message *m, const struct artifact_config *config)
{
	if (!config->bytes)
		return NULL;
	wasmxds__xds__any_string__init(&m->any);
	wasmxds__xds__string_value__init(&m->value);
	m->any.type_url = lend(TYPE_URL("google.protobuf.StringValue"));
	m->any.value = &m->value;
	m->value.value.data = lend(config->bytes);
	m->value.value.len = config->len;
	return &m->any;
}

static int encode(struct record *out, const struct artifact_input *in, struct err *err)
{
	const struct extension *ext = in->extension;
	struct config_message plugin_config, vm_config;
	uint8_t mark;
	Wasmxds__Xds__DataSource local;
	Wasmxds__Xds__AsyncDataSource code;
	Wasmxds__Xds__VmConfig vm;
	Wasmxds__Xds__PluginConfig plugin;
	Wasmxds__Xds__Wasm wasm;
	Wasmxds__Xds__AnyWasm any;
	Wasmxds__Xds__TypedExtensionConfig resource;

	wasmxds__xds__data_source__init(&local);
	wasmxds__xds__async_data_source__init(&code);
	wasmxds__xds__vm_config__init(&vm);
	wasmxds__xds__plugin_config__init(&plugin);
	wasmxds__xds__wasm__init(&wasm);
	wasmxds__xds__any_wasm__init(&any);
	wasmxds__xds__typed_extension_config__init(&resource);
	local.inline_bytes.data = &mark;
	local.inline_bytes.len = in->served_bytes;
	code.local = &local;
	vm.vm_id = ext->vm_id;
	vm.runtime = lend(extension_runtime_envoy_name(ext->runtime));
	vm.code = &code;
	vm.configuration = config_message(&vm_config, &in->vm);
	plugin.name = out->name;
	plugin.root_id = ext->root_id;
	plugin.vm_config = &vm;
	plugin.configuration = config_message(&plugin_config, &in->plugin);
	wasm.config = &plugin;
	any.type_url = lend(TYPE_URL("envoy.extensions.filters.http.wasm.v3.Wasm"));
	any.value = &wasm;
	resource.name = out->name;
	resource.typed_config = &any;
	return gather_pack(&resource.base, &mark, &out->head, &out->tail, err);
}

/* The module stands in by its digest, so that no version costs a read of the module. */
static char *version_of(const struct record *r)
{
	AUTO(hasher) struct hasher *h = hasher_new();
	struct digest d;

	hasher_update(h, r->head.data, r->head.len);
	hasher_update(h, r->served.hex, DIGEST_HEX_LEN);
	hasher_update(h, r->tail.data, r->tail.len);
	hasher_final(h, &d);
	return xstrdup(d.hex);
}

int artifact_build(struct record *out, const struct artifact_input *in, struct err *err)
{
	if (check_config("plugin_configuration", &in->plugin, err) < 0 ||
		check_config("vm_configuration", &in->vm, err) < 0)
		return -1;
	out->name = extension_resource_name(in->extension);
	out->source = artifact_source(&in->extension->image);
	out->module = in->module;
	out->module_bytes = in->module_bytes;
	out->served = in->served;
	out->served_bytes = in->served_bytes;
	if (encode(out, in, err) < 0)
		return err_wrap(err, "%s", out->name);
	out->version = version_of(out);
	return 0;
}

char *artifact_source(const struct extension_image *image)
{
	return xasprintf("%s://%s", extension_protocol_name(image->protocol), image->uri);
}
