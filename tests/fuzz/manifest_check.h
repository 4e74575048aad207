/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/manifest_check.h - what must hold of manifest_parse(), whatever it is given.
 */
#ifndef WASMXDS_TESTS_FUZZ_MANIFEST_CHECK_H
#define WASMXDS_TESTS_FUZZ_MANIFEST_CHECK_H

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/manifest.h"
#include "api/name.h"
#include "base/auto.h"
#include "base/json.h"
#include "base/limits.h"

/* A message is one line of UTF-8, fit for a terminal and a log. */
static inline void check_message(const char *text)
{
	size_t bad = 0;

	assert(json_utf8_valid(text, strlen(text), &bad));
	for (const char *c = text; *c; c++)
		assert((unsigned char)*c >= ' ' && *c != 0x7F);
}

static inline void check_config(const struct config_source *source)
{
	assert((source->kind == CONFIG_VALUE) == (source->value != NULL));
	if (source->kind == CONFIG_VALUE)
		assert(strlen(source->value) <= LIMIT_CONFIG_BYTES);
	if (source->kind == CONFIG_SECRET || source->kind == CONFIG_CONFIGMAP)
		assert(source->namespace && source->name && source->key);
}

/* In order, and none twice. */
static inline void check_names(const struct extension_names *names, size_t most)
{
	assert(names->n <= most);
	for (size_t i = 0; i < names->n; i++)
		assert(names->items[i][0] != '\0' &&
			(i == 0 || strcmp(names->items[i - 1], names->items[i]) < 0));
}

static inline void check_environment(const struct extension_environment *environment)
{
	check_names(&environment->host_keys, LIMIT_ENVIRONMENT_NAMES);
	assert(environment->n_variables <= LIMIT_ENVIRONMENT_NAMES);
	for (size_t i = 0; i < environment->n_variables; i++) {
		const char *name = environment->variables[i].name;

		assert(environment->variables[i].value && name[0] != '\0' && !strchr(name, '='));
		for (size_t j = 0; j < environment->host_keys.n; j++)
			assert(strcmp(name, environment->host_keys.items[j]) != 0);
	}
}

static inline void check_options(const struct extension *ext)
{
	const struct extension_backoff *backoff = &ext->reload_backoff;

	check_names(&ext->capabilities, LIMIT_CAPABILITIES);
	check_environment(&ext->environment);
	assert(backoff->base_ms >= 0 && backoff->max_ms <= LIMIT_DURATION_MS);
	assert(backoff->base_ms == 0 || ext->fail_policy == FAIL_RELOAD);
	assert(backoff->max_ms == 0 || backoff->max_ms >= backoff->base_ms);
	assert(!ext->image.pull_secret || ext->image.protocol == PROTOCOL_OCI);
	assert(ext->image.track_ms == 0 || (ext->image.track_ms >= LIMIT_TRACK_LEAST_MS &&
						   ext->image.track_ms <= LIMIT_DURATION_MS));
	assert(ext->image.track_ms == 0 || !digest_is_set(&ext->image.sha256));
	assert(!ext->refetch || strlen(ext->refetch) <= LIMIT_REFETCH_BYTES);
}

static inline void check_extension(const struct extension *ext)
{
	AUTO(free) char *name = extension_resource_name(ext);

	assert(strchr(name, '/'));
	assert(ext->vm_id && ext->root_id && ext->generation >= 0);
	assert(ext->image.uri && strlen(ext->image.uri) <= LIMIT_URI_BYTES);
	check_config(&ext->plugin_configuration);
	check_config(&ext->vm_configuration);
	check_options(ext);
}

static inline void check_object(const struct object *object)
{
	struct err err;
	const char *key = NULL;
	const struct object_value *value = NULL;

	assert(name_check_subdomain(object->name, &err) == 0);
	assert(name_check_label(object->namespace, &err) == 0);
	assert((object->kind == OBJECT_EXTENSION) == (object->extension != NULL));
	if (object->extension)
		check_extension(object->extension);
	for (size_t at = 0; (value = map_next(&object->values, &at, &key));) {
		assert(name_check_key(key, &err) == 0);
		assert(value->bytes[value->len] == '\0');
	}
}

static inline void check_manifest(const char *text, size_t n)
{
	AUTO(manifest) struct manifest m = {.objects = NULL};
	struct err err = {.code = ERR_NONE};

	if (manifest_parse(&m, text, n, &err) < 0) {
		assert(err.code == ERR_INVALID && err.msg[0] != '\0');
		assert(!m.objects && !m.problems.items);
		check_message(err.msg);
		return;
	}
	assert((m.invalid > 0) == (m.problems.n > 0));
	for (size_t i = 0; i < m.n; i++)
		check_object(m.objects[i]);
	for (size_t i = 0; i < m.problems.n; i++) {
		check_message(m.problems.items[i].path);
		check_message(m.problems.items[i].message);
	}
	if (problems_to_err(&m.problems, &err) < 0)
		check_message(err.msg);
}

#endif
