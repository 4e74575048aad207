/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/sandbox.h"

#include <string.h>

#include "base/auto.h"
#include "base/digest.h"
#include "base/xalloc.h"

#define HASH_DIGITS 16

typedef Wasmxds__Xds__EnvironmentVariables__KeyValuesEntry variable_entry;
typedef Wasmxds__Xds__CapabilityRestrictionConfig__AllowedCapabilitiesEntry capability_entry;

static bool has_environment(const struct extension *ext)
{
	return ext->environment.host_keys.n > 0 || ext->environment.n_variables > 0;
}

static variable_entry *variable_message(const struct extension_variable *variable)
{
	variable_entry *m = xmalloc(sizeof(*m));

	wasmxds__xds__environment_variables__key_values_entry__init(m);
	m->key = xstrdup(variable->name);
	m->value = xstrdup(variable->value);
	return m;
}

Wasmxds__Xds__EnvironmentVariables *sandbox_environment(const struct extension *ext)
{
	const struct extension_environment *from = &ext->environment;
	Wasmxds__Xds__EnvironmentVariables *m = NULL;

	if (!has_environment(ext))
		return NULL;
	m = xmalloc(sizeof(*m));
	wasmxds__xds__environment_variables__init(m);
	m->host_env_keys = xcalloc(from->host_keys.n, sizeof(*m->host_env_keys));
	m->key_values = xcalloc(from->n_variables, sizeof(variable_entry *));
	while (m->n_host_env_keys < from->host_keys.n) {
		m->host_env_keys[m->n_host_env_keys] =
			xstrdup(from->host_keys.items[m->n_host_env_keys]);
		m->n_host_env_keys++;
	}
	while (m->n_key_values < from->n_variables) {
		m->key_values[m->n_key_values] =
			variable_message(&from->variables[m->n_key_values]);
		m->n_key_values++;
	}
	return m;
}

static capability_entry *capability_message(const char *name)
{
	capability_entry *m = xmalloc(sizeof(*m));

	wasmxds__xds__capability_restriction_config__allowed_capabilities_entry__init(m);
	m->key = xstrdup(name);
	m->value = xmalloc(sizeof(*m->value));
	wasmxds__xds__sanitization_config__init(m->value);
	return m;
}

Wasmxds__Xds__CapabilityRestrictionConfig *sandbox_capabilities(const struct extension *ext)
{
	const struct extension_names *names = &ext->capabilities;
	Wasmxds__Xds__CapabilityRestrictionConfig *m = NULL;

	if (names->n == 0)
		return NULL;
	m = xmalloc(sizeof(*m));
	wasmxds__xds__capability_restriction_config__init(m);
	m->allowed_capabilities = xcalloc(names->n, sizeof(capability_entry *));
	while (m->n_allowed_capabilities < names->n) {
		m->allowed_capabilities[m->n_allowed_capabilities] =
			capability_message(names->items[m->n_allowed_capabilities]);
		m->n_allowed_capabilities++;
	}
	return m;
}

/* With the NUL that ends it, so that no two lists read alike. */
static void hash_text(struct hasher *h, const char *text)
{
	hasher_update(h, text, strlen(text) + 1);
}

static void hash_names(struct hasher *h, const struct extension_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		hash_text(h, names->items[i]);
	hash_text(h, ""); /* no name is empty */
}

char *sandbox_vm_id(const struct extension *ext)
{
	AUTO(hasher) struct hasher *h = NULL;
	struct digest d;

	if (!has_environment(ext) && ext->capabilities.n == 0)
		return xstrdup(ext->vm_id);
	h = hasher_new();
	hash_names(h, &ext->environment.host_keys);
	hash_names(h, &ext->capabilities);
	for (size_t i = 0; i < ext->environment.n_variables; i++) {
		hash_text(h, ext->environment.variables[i].name);
		hash_text(h, ext->environment.variables[i].value);
	}
	hasher_final(h, &d);
	return xasprintf("%s#%.*s", ext->vm_id, HASH_DIGITS, d.hex);
}
