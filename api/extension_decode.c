/* SPDX-License-Identifier: Apache-2.0 */
#include "api/extension.h"

#include <string.h>

#include "api/decode.h"
#include "api/fields.h"
#include "api/metadata.h"
#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"

static const char *const document_fields[] = {
	"apiVersion", "kind", "metadata", "spec", "status", NULL};
static const char *const spec_fields[] = {"runtime", "vm_id", "root_id", "plugin_configuration",
	"vm_configuration", "image", "filter", "fail_policy", "reload_backoff", "environment",
	"capabilities", "allow_precompiled", "nack_on_code_cache_miss",
	"allow_on_headers_stop_iteration", "suspend", NULL};

/* In the order of their enums. */
static const char *const filters[] = {"http", "network", NULL};
static const char *const runtimes[] = {"v8", "wamr", "wasmtime", "wavm", NULL};

static void decode_id(const struct fields *spec, const char *key, char **out)
{
	const char *text = NULL;

	if (!fields_get(spec, key)) {
		fields_problem(spec, key, "is required (write \"\" for an empty one)");
		return;
	}
	text = fields_text(spec, key, FIELD_REQUIRED);
	if (!text)
		return;
	if (strlen(text) > LIMIT_ID_BYTES)
		fields_problem(spec, key, "must be at most %d bytes, not %zu", LIMIT_ID_BYTES,
			strlen(text));
	else
		*out = xstrdup(text);
}

static void decode_metadata(const struct fields *document, struct extension *out)
{
	AUTO(metadata) struct metadata metadata = {.name = NULL};

	metadata_decode(&metadata, document);
	out->namespace = STEAL(metadata.namespace);
	out->name = STEAL(metadata.name);
	out->generation = metadata.generation;
}

#define REFETCH_PATH "metadata.annotations[\"" EXTENSION_REFETCH "\"]"

/* metadata_decode() has said what is wrong with annotations as such. */
static void decode_refetch(const struct fields *document, struct extension *out)
{
	const struct node *metadata = node_get(document->map, "metadata");
	const struct node *value = node_get(node_get(metadata, "annotations"), EXTENSION_REFETCH);

	const char *text = node_text(value);

	if (!value || value->kind != NODE_TEXT)
		return;
	if (value->text_len > LIMIT_REFETCH_BYTES)
		problems_add(document->problems, REFETCH_PATH, value->line,
			"must be at most %d bytes, not %zu", LIMIT_REFETCH_BYTES, value->text_len);
	else if (!text)
		problems_add(document->problems, REFETCH_PATH, value->line, "must not hold a NUL");
	else
		out->refetch = xstrdup(text);
}

static enum extension_switch decode_switch(const struct fields *spec, const char *key)
{
	bool on = false;

	if (!fields_bool(spec, key, &on))
		return SWITCH_UNSET;
	return on ? SWITCH_ON : SWITCH_OFF;
}

static void decode_spec(const struct fields *document, struct extension *out)
{
	AUTO(fields) struct fields spec = {.path = NULL};
	const char *namespace = out->namespace ? out->namespace : METADATA_NAMESPACE;

	if (!fields_enter(&spec, document, "spec", FIELD_REQUIRED))
		return;
	fields_check_known(&spec, spec_fields);
	out->runtime = fields_choice(&spec, "runtime", FIELD_REQUIRED, runtimes, RUNTIME_V8);
	decode_id(&spec, "vm_id", &out->vm_id);
	decode_id(&spec, "root_id", &out->root_id);
	decode_config(&spec, "plugin_configuration", namespace, &out->plugin_configuration);
	decode_config(&spec, "vm_configuration", namespace, &out->vm_configuration);
	decode_image(&spec, &out->image);
	out->filter = fields_choice(&spec, "filter", FIELD_OPTIONAL, filters, FILTER_HTTP);
	decode_failure(&spec, out);
	decode_environment(&spec, &out->environment);
	decode_capabilities(&spec, &out->capabilities);
	(void)fields_bool(&spec, "allow_precompiled", &out->allow_precompiled);
	(void)fields_bool(&spec, "nack_on_code_cache_miss", &out->nack_on_code_cache_miss);
	out->allow_on_headers_stop_iteration =
		decode_switch(&spec, "allow_on_headers_stop_iteration");
	(void)fields_bool(&spec, "suspend", &out->suspend);
}

struct extension *extension_from_node(const struct node *document, struct problems *out)
{
	AUTO(fields) struct fields f = {.path = NULL};
	AUTO(extension) struct extension *ext = xcalloc(1, sizeof(*ext));
	size_t before = out->n + out->more;

	if (!fields_open(&f, document, out))
		return NULL;
	fields_check_known(&f, document_fields);
	fields_check_constant(&f, "apiVersion", EXTENSION_API_VERSION);
	fields_check_constant(&f, "kind", EXTENSION_KIND);
	decode_metadata(&f, ext);
	decode_refetch(&f, ext);
	decode_spec(&f, ext);
	return out->n + out->more == before ? STEAL(ext) : NULL;
}
