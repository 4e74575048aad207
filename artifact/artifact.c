/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/artifact.h"

#include "artifact/sandbox.h"
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

/* The messages of one resource, linked together in place. */
struct messages {
	struct config_message plugin_config;
	struct config_message vm_config;
	Wasmxds__Xds__DataSource local;
	Wasmxds__Xds__AsyncDataSource code;
	Wasmxds__Xds__VmConfig vm;
	Wasmxds__Xds__Duration base_interval;
	Wasmxds__Xds__Duration max_interval;
	Wasmxds__Xds__BackoffStrategy backoff;
	Wasmxds__Xds__ReloadConfig reload;
	Wasmxds__Xds__BoolValue stop_iteration;
	Wasmxds__Xds__PluginConfig plugin;
	Wasmxds__Xds__Wasm wasm;
	Wasmxds__Xds__AnyWasm any;
	Wasmxds__Xds__TypedExtensionConfig resource;
};

static Wasmxds__Xds__Duration *duration_message(Wasmxds__Xds__Duration *m, int64_t ms)
{
	if (ms == 0)
		return NULL;
	wasmxds__xds__duration__init(m);
	m->seconds = ms / 1000;
	m->nanos = (int32_t)(ms % 1000) * 1000000;
	return m;
}

static Wasmxds__Xds__ReloadConfig *reload_message(
	struct messages *m, const struct extension_backoff *backoff)
{
	if (backoff->base_ms == 0)
		return NULL;
	wasmxds__xds__backoff_strategy__init(&m->backoff);
	wasmxds__xds__reload_config__init(&m->reload);
	m->backoff.base_interval = duration_message(&m->base_interval, backoff->base_ms);
	m->backoff.max_interval = duration_message(&m->max_interval, backoff->max_ms);
	m->reload.backoff = &m->backoff;
	return &m->reload;
}

static Wasmxds__Xds__BoolValue *switch_message(
	Wasmxds__Xds__BoolValue *m, enum extension_switch value)
{
	if (value == SWITCH_UNSET)
		return NULL;
	wasmxds__xds__bool_value__init(m);
	m->value = value == SWITCH_ON;
	return m;
}

/* What Envoy takes an absent policy for is not sent: Envoys that know no policies do the same. */
static Wasmxds__Xds__FailurePolicy failure_policy(enum extension_fail_policy policy)
{
	switch (policy) {
	case FAIL_CLOSED:
		return WASMXDS__XDS__FAILURE_POLICY__UNSPECIFIED;
	case FAIL_OPEN:
		return WASMXDS__XDS__FAILURE_POLICY__FAIL_OPEN;
	case FAIL_RELOAD:
		return WASMXDS__XDS__FAILURE_POLICY__FAIL_RELOAD;
	}
	return WASMXDS__XDS__FAILURE_POLICY__UNSPECIFIED;
}

static const char *type_url(enum extension_filter filter)
{
	switch (filter) {
	case FILTER_HTTP:
		return TYPE_URL("envoy.extensions.filters.http.wasm.v3.Wasm");
	case FILTER_NETWORK:
		return TYPE_URL("envoy.extensions.filters.network.wasm.v3.Wasm");
	}
	return "";
}

/* mark stands where the module's bytes will. */
static Wasmxds__Xds__VmConfig *vm_message(
	struct messages *m, const struct artifact_input *in, uint8_t *mark)
{
	const struct extension *ext = in->extension;

	wasmxds__xds__data_source__init(&m->local);
	wasmxds__xds__async_data_source__init(&m->code);
	wasmxds__xds__vm_config__init(&m->vm);
	m->local.inline_bytes.data = mark;
	m->local.inline_bytes.len = in->served_bytes;
	m->code.local = &m->local;
	m->vm.runtime = lend(extension_runtime_envoy_name(ext->runtime));
	m->vm.code = &m->code;
	m->vm.configuration = config_message(&m->vm_config, &in->vm);
	m->vm.allow_precompiled = ext->allow_precompiled;
	m->vm.nack_on_code_cache_miss = ext->nack_on_code_cache_miss;
	return &m->vm;
}

static Wasmxds__Xds__PluginConfig *plugin_message(
	struct messages *m, const struct artifact_input *in, char *name)
{
	const struct extension *ext = in->extension;

	wasmxds__xds__plugin_config__init(&m->plugin);
	m->plugin.name = name;
	m->plugin.root_id = ext->root_id;
	m->plugin.configuration = config_message(&m->plugin_config, &in->plugin);
	m->plugin.failure_policy = failure_policy(ext->fail_policy);
	m->plugin.reload_config = reload_message(m, &ext->reload_backoff);
	m->plugin.allow_on_headers_stop_iteration =
		switch_message(&m->stop_iteration, ext->allow_on_headers_stop_iteration);
	return &m->plugin;
}

static int encode(struct record *out, const struct artifact_input *in, struct err *err)
{
	AUTO(free) char *vm_id = sandbox_vm_id(in->extension);
	AUTO(environment)
	Wasmxds__Xds__EnvironmentVariables *environment = sandbox_environment(in->extension);
	AUTO(capabilities)
	Wasmxds__Xds__CapabilityRestrictionConfig *capabilities =
		sandbox_capabilities(in->extension);
	struct messages m;
	uint8_t mark;

	wasmxds__xds__wasm__init(&m.wasm);
	wasmxds__xds__any_wasm__init(&m.any);
	wasmxds__xds__typed_extension_config__init(&m.resource);
	m.wasm.config = plugin_message(&m, in, out->name);
	m.wasm.config->vm_config = vm_message(&m, in, &mark);
	m.vm.vm_id = vm_id;
	m.vm.environment_variables = environment;
	/* Envoy moved it with 1.40, and each version passes over the field that it does not know:
	 * sent in one place alone, the restriction would be lost on some. */
	m.vm.capability_restriction_config = capabilities;
	m.plugin.capability_restriction_config = capabilities;
	m.any.type_url = lend(type_url(in->extension->filter));
	m.any.value = &m.wasm;
	m.resource.name = out->name;
	m.resource.typed_config = &m.any;
	return gather_pack(&m.resource.base, &mark, &out->head, &out->tail, err);
}

/* The module stands in by its digest, so that no version costs a read of the module. */
static char *version_of(const struct record *r, const struct seal_key *seal)
{
	AUTO(hasher) struct hasher *h = hasher_new();
	struct digest d;

	hasher_update(h, r->head.data, r->head.len);
	hasher_update(h, r->served.hex, DIGEST_HEX_LEN);
	hasher_update(h, r->tail.data, r->tail.len);
	hasher_final(h, &d);
	if (seal)
		seal_fingerprint(&d, seal, &d);
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
	out->secret = in->seal != NULL;
	if (encode(out, in, err) < 0)
		return err_wrap(err, "%s", out->name);
	out->version = version_of(out, in->seal);
	return 0;
}

char *artifact_source(const struct extension_image *image)
{
	return xasprintf("%s://%s", extension_protocol_name(image->protocol), image->uri);
}
