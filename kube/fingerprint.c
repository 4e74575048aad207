/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/fingerprint.h"

#include <stdint.h>
#include <string.h>

#include "base/auto.h"
#include "kube/keys.h"

/* Each part goes in behind its length, so that no two lists of parts look alike. */
static void add_bytes(struct hasher *h, const void *bytes, size_t n)
{
	uint64_t len = n;

	hasher_update(h, &len, sizeof(len));
	if (n > 0)
		hasher_update(h, bytes, n);
}

static void add_number(struct hasher *h, int64_t number)
{
	hasher_update(h, &number, sizeof(number));
}

/* A text that is not there differs from "". */
static void add_text(struct hasher *h, const char *text)
{
	add_number(h, text != NULL);
	if (text)
		add_bytes(h, text, strlen(text));
}

static void add_config(struct hasher *h, const struct config_source *config)
{
	add_number(h, config->kind);
	add_text(h, config->value);
	add_text(h, config->namespace);
	add_text(h, config->name);
	add_text(h, config->key);
}

static void add_image(struct hasher *h, const struct extension_image *image)
{
	add_number(h, image->protocol);
	add_text(h, image->uri);
	add_text(h, image->sha256.hex);
	add_text(h, image->pull_secret);
	add_number(h, image->debug_sections);
	add_number(h, image->track_ms);
}

static void add_names(struct hasher *h, const struct extension_names *names)
{
	add_number(h, (int64_t)names->n);
	for (size_t i = 0; i < names->n; i++)
		add_text(h, names->items[i]);
}

static void add_environment(struct hasher *h, const struct extension_environment *environment)
{
	add_names(h, &environment->host_keys);
	add_number(h, (int64_t)environment->n_variables);
	for (size_t i = 0; i < environment->n_variables; i++) {
		add_text(h, environment->variables[i].name);
		add_text(h, environment->variables[i].value);
	}
}

static void add_options(struct hasher *h, const struct extension *ext)
{
	add_number(h, ext->filter);
	add_number(h, ext->fail_policy);
	add_number(h, ext->reload_backoff.base_ms);
	add_number(h, ext->reload_backoff.max_ms);
	add_environment(h, &ext->environment);
	add_names(h, &ext->capabilities);
	add_number(h, ext->allow_precompiled);
	add_number(h, ext->nack_on_code_cache_miss);
	add_number(h, ext->allow_on_headers_stop_iteration);
	add_number(h, ext->suspend);
	add_text(h, ext->refetch);
}

static void add_extension(struct hasher *h, const struct extension *ext)
{
	add_text(h, ext->namespace);
	add_text(h, ext->name);
	add_number(h, ext->generation);
	add_number(h, ext->runtime);
	add_text(h, ext->vm_id);
	add_text(h, ext->root_id);
	add_config(h, &ext->plugin_configuration);
	add_config(h, &ext->vm_configuration);
	add_image(h, &ext->image);
	add_options(h, ext);
}

static void add_values(struct hasher *h, const struct map *values)
{
	AUTO(free) const char **keys = keys_sorted(values);

	add_number(h, (int64_t)values->n);
	for (size_t i = 0; i < values->n; i++) {
		const struct object_value *value = map_get(values, keys[i]);

		add_text(h, keys[i]);
		add_bytes(h, value->bytes, value->len);
	}
}

static void add_annotations(struct hasher *h, const struct map *annotations)
{
	AUTO(free) const char **keys = keys_sorted(annotations);

	add_number(h, (int64_t)annotations->n);
	for (size_t i = 0; i < annotations->n; i++) {
		add_text(h, keys[i]);
		add_text(h, map_get(annotations, keys[i]));
	}
}

void fingerprint_of(struct digest *out, const struct object *object)
{
	AUTO(hasher) struct hasher *h = hasher_new();

	add_number(h, object->kind);
	add_text(h, object->namespace);
	add_text(h, object->name);
	if (object->extension)
		add_extension(h, object->extension);
	add_values(h, &object->values);
	add_annotations(h, &object->annotations);
	hasher_final(h, out);
}
