/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/artifact.h"

#include "base/auto.h"
#include "base/lend.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "proto/xds.pb-c.h"
#include "tests/unit/test.h"

#define MODULE "\0asm and the rest"
#define MODULE_LEN (sizeof(MODULE) - 1)
#define STRING_VALUE "type.googleapis.com/google.protobuf.StringValue"

struct example {
	struct extension extension;
	struct artifact_input input;
};

static void fill(struct example *x)
{
	*x = (struct example){
		.extension = {.namespace = lend("default"),
			.name = lend("auth"),
			.runtime = RUNTIME_WAMR,
			.vm_id = lend("vm-7"),
			.root_id = lend("root-9"),
			.image = {.protocol = PROTOCOL_HTTPS, .uri = lend("example.com/f.wasm")}},
		.input = {.plugin = {.bytes = "{\"plugin\":1}", .len = 12},
			.vm = {.bytes = "vm: \xc3\xa4", .len = 6},
			.module_bytes = 5000,
			.served_bytes = MODULE_LEN},
	};
	x->input.extension = &x->extension;
	digest_of(&x->input.module, "fetched", 7);
	digest_of(&x->input.served, MODULE, MODULE_LEN);
}

static void auto_resource(Wasmxds__Xds__TypedExtensionConfig **m)
{
	if (*m)
		wasmxds__xds__typed_extension_config__free_unpacked(*m, NULL);
}

/* Builds, and decodes what an Envoy would be sent: head, module, tail.  The caller frees it. */
static Wasmxds__Xds__TypedExtensionConfig *build(struct record *out, const struct example *x)
{
	AUTO(buf) struct buf wire = BUF_INIT(LIMIT_RECORD_BYTES);
	struct err err = {.msg = ""};
	Wasmxds__Xds__TypedExtensionConfig *m;

	CU_ASSERT_EQUAL_FATAL(artifact_build(out, &x->input, &err), 0);
	CU_ASSERT_EQUAL(buf_append(&wire, out->head.data, out->head.len, &err), 0);
	CU_ASSERT_EQUAL(buf_append(&wire, MODULE, x->input.served_bytes, &err), 0);
	CU_ASSERT_EQUAL(buf_append(&wire, out->tail.data, out->tail.len, &err), 0);
	m = wasmxds__xds__typed_extension_config__unpack(
		NULL, wire.len, (const uint8_t *)wire.data);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m->typed_config);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m->typed_config->value);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m->typed_config->value->config);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m->typed_config->value->config->vm_config);
	return m;
}

static void check_config(const Wasmxds__Xds__AnyString *config, const char *text)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	CU_ASSERT_STRING_EQUAL(config->type_url, STRING_VALUE);
	CU_ASSERT_PTR_NOT_NULL_FATAL(config->value);
	CU_ASSERT_EQUAL_FATAL(config->value->value.len, strlen(text));
	if (text[0] != '\0')
		CU_ASSERT_EQUAL(memcmp(config->value->value.data, text, strlen(text)), 0);
}

static void test_artifact_build__encodes_every_field(void)
{
	AUTO(record) struct record r = RECORD_INIT;
	struct example x;

	fill(&x);
	AUTO(resource) Wasmxds__Xds__TypedExtensionConfig *m = build(&r, &x);
	const Wasmxds__Xds__PluginConfig *plugin = m->typed_config->value->config;
	const Wasmxds__Xds__VmConfig *vm = plugin->vm_config;

	CU_ASSERT_STRING_EQUAL(m->name, "default/auth");
	CU_ASSERT_STRING_EQUAL(m->typed_config->type_url,
		"type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm");
	CU_ASSERT_STRING_EQUAL(plugin->name, "default/auth");
	CU_ASSERT_STRING_EQUAL(plugin->root_id, "root-9");
	check_config(plugin->configuration, "{\"plugin\":1}");
	CU_ASSERT_STRING_EQUAL(vm->vm_id, "vm-7");
	CU_ASSERT_STRING_EQUAL(vm->runtime, "envoy.wasm.runtime.wamr");
	check_config(vm->configuration, "vm: \xc3\xa4");
	CU_ASSERT_PTR_NOT_NULL_FATAL(vm->code);
	CU_ASSERT_PTR_NOT_NULL_FATAL(vm->code->local);
	CU_ASSERT_EQUAL_FATAL(vm->code->local->inline_bytes.len, MODULE_LEN);
	CU_ASSERT_EQUAL(memcmp(vm->code->local->inline_bytes.data, MODULE, MODULE_LEN), 0);
	CU_ASSERT_EQUAL(m->base.n_unknown_fields, 0);
}

/* With every option given; names and variable are what they refer to. */
static void fill_options(struct example *x, char *names[1], struct extension_variable *variable)
{
	struct extension *ext = &x->extension;

	fill(x);
	names[0] = lend("proxy_log");
	*variable = (struct extension_variable){.name = lend("MODE"), .value = lend("fast")};
	ext->filter = FILTER_NETWORK;
	ext->fail_policy = FAIL_RELOAD;
	ext->reload_backoff = (struct extension_backoff){.base_ms = 1, .max_ms = 90500};
	ext->environment.variables = variable;
	ext->environment.n_variables = 1;
	ext->capabilities = (struct extension_names){.items = names, .n = 1};
	ext->allow_precompiled = true;
	ext->nack_on_code_cache_miss = true;
	ext->allow_on_headers_stop_iteration = SWITCH_OFF;
}

static void check_capabilities(const Wasmxds__Xds__CapabilityRestrictionConfig *m)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL_FATAL(m->n_allowed_capabilities, 1);
	CU_ASSERT_STRING_EQUAL(m->allowed_capabilities[0]->key, "proxy_log");
	CU_ASSERT_PTR_NOT_NULL(m->allowed_capabilities[0]->value);
}

static void check_vm_options(const Wasmxds__Xds__VmConfig *vm)
{
	CU_ASSERT(vm->allow_precompiled);
	CU_ASSERT(vm->nack_on_code_cache_miss);
	CU_ASSERT_EQUAL(strncmp(vm->vm_id, "vm-7#", 5), 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(vm->environment_variables);
	CU_ASSERT_EQUAL_FATAL(vm->environment_variables->n_key_values, 1);
	CU_ASSERT_STRING_EQUAL(vm->environment_variables->key_values[0]->key, "MODE");
	CU_ASSERT_STRING_EQUAL(vm->environment_variables->key_values[0]->value, "fast");
	check_capabilities(vm->capability_restriction_config);
}

static void check_backoff(const Wasmxds__Xds__ReloadConfig *reload)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(reload);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reload->backoff);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reload->backoff->base_interval);
	CU_ASSERT_EQUAL(reload->backoff->base_interval->seconds, 0);
	CU_ASSERT_EQUAL(reload->backoff->base_interval->nanos, 1000000);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reload->backoff->max_interval);
	CU_ASSERT_EQUAL(reload->backoff->max_interval->seconds, 90);
	CU_ASSERT_EQUAL(reload->backoff->max_interval->nanos, 500000000);
}

static void test_artifact_build__encodes_every_option(void)
{
	AUTO(record) struct record r = RECORD_INIT;
	char *names[1];
	struct extension_variable variable;
	struct example x;

	fill_options(&x, names, &variable);
	AUTO(resource) Wasmxds__Xds__TypedExtensionConfig *m = build(&r, &x);
	const Wasmxds__Xds__PluginConfig *plugin = m->typed_config->value->config;

	CU_ASSERT_STRING_EQUAL(m->typed_config->type_url,
		"type.googleapis.com/envoy.extensions.filters.network.wasm.v3.Wasm");
	CU_ASSERT_EQUAL(plugin->failure_policy, WASMXDS__XDS__FAILURE_POLICY__FAIL_RELOAD);
	check_backoff(plugin->reload_config);
	CU_ASSERT_PTR_NOT_NULL_FATAL(plugin->allow_on_headers_stop_iteration);
	CU_ASSERT_FALSE(plugin->allow_on_headers_stop_iteration->value);
	check_capabilities(plugin->capability_restriction_config);
	check_vm_options(plugin->vm_config);
	CU_ASSERT_EQUAL(m->base.n_unknown_fields, 0);
}

/* What the user does not say is left to Envoy, of any version. */
static void test_artifact_build__sends_no_option_that_is_not_given(void)
{
	AUTO(record) struct record r = RECORD_INIT;
	struct example x;

	fill(&x);
	AUTO(resource) Wasmxds__Xds__TypedExtensionConfig *m = build(&r, &x);
	const Wasmxds__Xds__PluginConfig *plugin = m->typed_config->value->config;
	const Wasmxds__Xds__VmConfig *vm = plugin->vm_config;

	CU_ASSERT_EQUAL(plugin->failure_policy, WASMXDS__XDS__FAILURE_POLICY__UNSPECIFIED);
	CU_ASSERT_PTR_NULL(plugin->reload_config);
	CU_ASSERT_PTR_NULL(plugin->allow_on_headers_stop_iteration);
	CU_ASSERT_PTR_NULL(plugin->capability_restriction_config);
	CU_ASSERT_PTR_NULL(vm->capability_restriction_config);
	CU_ASSERT_PTR_NULL(vm->environment_variables);
	CU_ASSERT_FALSE(vm->allow_precompiled);
	CU_ASSERT_FALSE(vm->nack_on_code_cache_miss);
}

static void test_artifact_build__leaves_max_interval_to_envoy(void)
{
	AUTO(record) struct record r = RECORD_INIT;
	struct example x;

	fill(&x);
	x.extension.fail_policy = FAIL_RELOAD;
	x.extension.reload_backoff.base_ms = 2000;
	AUTO(resource) Wasmxds__Xds__TypedExtensionConfig *m = build(&r, &x);
	const Wasmxds__Xds__PluginConfig *plugin = m->typed_config->value->config;

	CU_ASSERT_PTR_NOT_NULL_FATAL(plugin->reload_config);
	CU_ASSERT_EQUAL(plugin->reload_config->backoff->base_interval->seconds, 2);
	CU_ASSERT_EQUAL(plugin->reload_config->backoff->base_interval->nanos, 0);
	CU_ASSERT_PTR_NULL(plugin->reload_config->backoff->max_interval);
}

static void test_artifact_build__fills_a_record_that_can_be_stored(void)
{
	AUTO(record) struct record r = RECORD_INIT;
	AUTO(buf) struct buf file = BUF_INIT(LIMIT_RECORD_BYTES);
	struct example x;
	struct err err = {.msg = ""};

	fill(&x);
	CU_ASSERT_EQUAL(artifact_build(&r, &x.input, &err), 0);
	CU_ASSERT_STRING_EQUAL(r.name, "default/auth");
	CU_ASSERT_STRING_EQUAL(r.source, "https://example.com/f.wasm");
	CU_ASSERT_EQUAL(strlen(r.version), DIGEST_HEX_LEN);
	CU_ASSERT(digest_equal(&r.module, &x.input.module));
	CU_ASSERT(digest_equal(&r.served, &x.input.served));
	CU_ASSERT_EQUAL(r.module_bytes, 5000);
	CU_ASSERT_EQUAL(r.served_bytes, MODULE_LEN);
	CU_ASSERT_EQUAL(record_encode(&r, NULL, &file, &err), 0);
	CU_ASSERT_STRING_EQUAL(err.msg, "");
}

static void test_artifact_build__tells_no_configuration_from_an_empty_one(void)
{
	AUTO(record) struct record none = RECORD_INIT;
	AUTO(record) struct record empty = RECORD_INIT;
	struct example x;

	fill(&x);
	x.input.plugin = (struct artifact_config){.bytes = NULL};
	x.input.vm = (struct artifact_config){.bytes = NULL};
	AUTO(resource) Wasmxds__Xds__TypedExtensionConfig *m = build(&none, &x);

	CU_ASSERT_PTR_NULL(m->typed_config->value->config->configuration);
	CU_ASSERT_PTR_NULL(m->typed_config->value->config->vm_config->configuration);
	x.input.plugin = (struct artifact_config){.bytes = ""};
	x.input.vm = (struct artifact_config){.bytes = ""};
	AUTO(resource) Wasmxds__Xds__TypedExtensionConfig *e = build(&empty, &x);

	check_config(e->typed_config->value->config->configuration, "");
	check_config(e->typed_config->value->config->vm_config->configuration, "");
	CU_ASSERT_STRING_NOT_EQUAL(none.version, empty.version);
}

/* The version of x, on the caller's hands. */
static char *version_of(const struct example *x)
{
	AUTO(record) struct record r = RECORD_INIT;
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL_FATAL(artifact_build(&r, &x->input, &err), 0);
	return STEAL(r.version);
}

static void test_artifact_build__gives_equal_input_an_equal_version(void)
{
	struct example x;
	struct example y;

	fill(&x);
	fill(&y);
	AUTO(free) char *namespace = xstrdup("default");
	AUTO(free) char *config = xstrdup(x.input.plugin.bytes);

	y.extension.namespace = namespace;
	y.input.plugin.bytes = config;
	AUTO(free) char *one = version_of(&x);
	AUTO(free) char *other = version_of(&y);

	CU_ASSERT_STRING_EQUAL(one, other);
}

/* The version is shown to many: it must not let them try out what a secret may be. */
static void test_artifact_build__hides_a_secret_in_its_version(void)
{
	static const char text[] =
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
		"ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
	AUTO(free) char *plain = NULL;
	AUTO(free) char *sealed = NULL;
	AUTO(free) char *again = NULL;
	AUTO(free) char *other = NULL;
	struct seal_keys keys;
	struct example x;
	struct err err;

	CU_ASSERT_EQUAL_FATAL(seal_keys_parse(&keys, text, strlen(text), &err), 0);
	fill(&x);
	plain = version_of(&x);
	x.input.seal = &keys.items[0];
	sealed = version_of(&x);
	again = version_of(&x);
	x.input.seal = &keys.items[1];
	other = version_of(&x);
	CU_ASSERT_STRING_NOT_EQUAL(sealed, plain);
	CU_ASSERT_STRING_EQUAL(sealed, again);
	CU_ASSERT_STRING_NOT_EQUAL(sealed, other);
}

/* Where it came from is nothing that an Envoy is sent. */
static void test_artifact_build__keeps_the_version_when_the_source_alone_changes(void)
{
	struct example x;
	struct example y;

	fill(&x);
	fill(&y);
	y.extension.image.uri = lend("elsewhere.example/f.wasm");
	y.extension.generation = 9;
	digest_of(&y.input.module, "fetched with debug sections", 27);
	y.input.module_bytes = 9000;
	AUTO(free) char *one = version_of(&x);
	AUTO(free) char *other = version_of(&y);

	CU_ASSERT_STRING_EQUAL(one, other);
}

static void change_namespace(struct example *x)
{
	x->extension.namespace = lend("other");
}

static void change_name(struct example *x)
{
	x->extension.name = lend("auth2");
}

static void change_runtime(struct example *x)
{
	x->extension.runtime = RUNTIME_V8;
}

static void change_vm_id(struct example *x)
{
	x->extension.vm_id = lend("");
}

static void change_root_id(struct example *x)
{
	x->extension.root_id = lend("root-8");
}

static void change_plugin(struct example *x)
{
	x->input.plugin.bytes = "{\"plugin\":2}";
}

static void shorten_plugin(struct example *x)
{
	x->input.plugin.len--;
}

static void drop_plugin(struct example *x)
{
	x->input.plugin = (struct artifact_config){.bytes = NULL};
}

static void change_vm(struct example *x)
{
	x->input.vm.bytes = "vm: \xc3\xb6";
}

static void drop_vm(struct example *x)
{
	x->input.vm = (struct artifact_config){.bytes = NULL};
}

static void swap_configurations(struct example *x)
{
	struct artifact_config plugin = x->input.plugin;

	x->input.plugin = x->input.vm;
	x->input.vm = plugin;
}

static void change_served(struct example *x)
{
	digest_of(&x->input.served, "another", 7);
}

static void change_served_bytes(struct example *x)
{
	x->input.served_bytes--;
}

static void change_filter(struct example *x)
{
	x->extension.filter = FILTER_NETWORK;
}

static void fail_open(struct example *x)
{
	x->extension.fail_policy = FAIL_OPEN;
}

static void fail_reload(struct example *x)
{
	x->extension.fail_policy = FAIL_RELOAD;
}

static void set_backoff(struct example *x)
{
	x->extension.fail_policy = FAIL_RELOAD;
	x->extension.reload_backoff.base_ms = 1000;
}

static void allow_precompiled(struct example *x)
{
	x->extension.allow_precompiled = true;
}

static void nack_on_cache_miss(struct example *x)
{
	x->extension.nack_on_code_cache_miss = true;
}

static void switch_on(struct example *x)
{
	x->extension.allow_on_headers_stop_iteration = SWITCH_ON;
}

static void switch_off(struct example *x)
{
	x->extension.allow_on_headers_stop_iteration = SWITCH_OFF;
}

static void test_artifact_build__gives_every_change_another_version(void)
{
	static void (*const changes[])(struct example *) = {NULL, change_namespace, change_name,
		change_runtime, change_vm_id, change_root_id, change_plugin, shorten_plugin,
		drop_plugin, change_vm, drop_vm, swap_configurations, change_served,
		change_served_bytes, change_filter, fail_open, fail_reload, set_backoff,
		allow_precompiled, nack_on_cache_miss, switch_on, switch_off};
	enum { N = sizeof(changes) / sizeof(changes[0]) };
	char *versions[N];

	for (size_t i = 0; i < N; i++) {
		struct example x;

		fill(&x);
		if (changes[i])
			changes[i](&x);
		versions[i] = version_of(&x);
		for (size_t j = 0; j < i; j++)
			CU_ASSERT_STRING_NOT_EQUAL(versions[i], versions[j]);
	}
	for (size_t i = 0; i < N; i++)
		free(versions[i]);
}

static enum err_code build_fails(const struct example *x, struct err *err)
{
	AUTO(record) struct record r = RECORD_INIT;

	*err = (struct err){.code = ERR_NONE};
	return artifact_build(&r, &x->input, err) == 0 ? ERR_NONE : err->code;
}

static void test_artifact_build__refuses_a_configuration_that_is_no_utf8(void)
{
	struct example x;
	struct err err;

	fill(&x);
	x.input.plugin = (struct artifact_config){.bytes = "ab\xff", .len = 3};
	CU_ASSERT_EQUAL(build_fails(&x, &err), ERR_INVALID);
	ASSERT_HAS(err.msg, "plugin_configuration");
	ASSERT_HAS(err.msg, "byte 2");
	fill(&x);
	x.input.vm = (struct artifact_config){.bytes = "\xc3", .len = 1};
	CU_ASSERT_EQUAL(build_fails(&x, &err), ERR_INVALID);
	ASSERT_HAS(err.msg, "vm_configuration");
}

static void test_artifact_build__refuses_a_configuration_that_is_too_large(void)
{
	AUTO(free) char *large = xmalloc(LIMIT_CONFIG_BYTES + 1);
	struct example x;
	struct err err;

	memset(large, 'x', LIMIT_CONFIG_BYTES + 1);
	fill(&x);
	x.input.plugin = (struct artifact_config){.bytes = large, .len = LIMIT_CONFIG_BYTES};
	x.input.vm = x.input.plugin;
	CU_ASSERT_EQUAL(build_fails(&x, &err), ERR_NONE);
	x.input.plugin.len++;
	CU_ASSERT_EQUAL(build_fails(&x, &err), ERR_INVALID);
	ASSERT_HAS(err.msg, "plugin_configuration is 1048577 bytes");
	ASSERT_HAS(err.msg, "1048576");
	x.input.plugin.len--;
	x.input.vm.len++;
	CU_ASSERT_EQUAL(build_fails(&x, &err), ERR_INVALID);
	ASSERT_HAS(err.msg, "vm_configuration");
}

static void test_artifact_source__is_the_uri_with_its_protocol(void)
{
	struct extension_image image = {.protocol = PROTOCOL_LOCAL_FS};

	image.uri = lend("/filters/a.wasm");
	AUTO(free) char *source = artifact_source(&image);

	CU_ASSERT_STRING_EQUAL(source, "local_fs:///filters/a.wasm");
}

TEST_MAIN("artifact", TEST(test_artifact_build__encodes_every_field),
	TEST(test_artifact_build__encodes_every_option),
	TEST(test_artifact_build__sends_no_option_that_is_not_given),
	TEST(test_artifact_build__leaves_max_interval_to_envoy),
	TEST(test_artifact_build__fills_a_record_that_can_be_stored),
	TEST(test_artifact_build__tells_no_configuration_from_an_empty_one),
	TEST(test_artifact_build__gives_equal_input_an_equal_version),
	TEST(test_artifact_build__hides_a_secret_in_its_version),
	TEST(test_artifact_build__keeps_the_version_when_the_source_alone_changes),
	TEST(test_artifact_build__gives_every_change_another_version),
	TEST(test_artifact_build__refuses_a_configuration_that_is_no_utf8),
	TEST(test_artifact_build__refuses_a_configuration_that_is_too_large),
	TEST(test_artifact_source__is_the_uri_with_its_protocol))
