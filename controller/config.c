/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "fetch/docker_config.h"
#include "fetch/reference.h"

static bool is_reference(const struct config_source *source)
{
	return source->kind == CONFIG_SECRET || source->kind == CONFIG_CONFIGMAP;
}

static char *reference_key(const struct config_source *source)
{
	enum object_kind kind = source->kind == CONFIG_SECRET ? OBJECT_SECRET : OBJECT_CONFIGMAP;

	return object_key(kind, source->namespace, source->name);
}

/* A list of names with commas or blanks between them. */
static bool lists(const char *list, const char *name)
{
	size_t n = strlen(name);

	while (*list) {
		size_t word;

		list += strspn(list, ", \t\n");
		word = strcspn(list, ", \t\n");
		if (word == n && strncmp(list, name, n) == 0)
			return true;
		list += word;
	}
	return false;
}

/* Who can write a WasmExtension must not thereby read another namespace's Secrets. */
static bool allows(const struct object *object, const char *namespace)
{
	const char *allowed;

	if (strcmp(object->namespace, namespace) == 0)
		return true;
	allowed = map_get(&object->annotations, CONFIG_ALLOW_ANNOTATION);
	return allowed && lists(allowed, namespace);
}

static int resolve_reference(struct artifact_config *out, const struct map *objects,
	const char *namespace, const char *field, const struct config_source *source,
	struct err *err)
{
	AUTO(free) char *key = reference_key(source);
	const struct object *object = map_get(objects, key);
	const struct object_value *value = NULL;

	if (strcmp(source->namespace, namespace) != 0 && !(object && allows(object, namespace)))
		return err_set(err, ERR_DENIED,
			"%s refers to %s of another namespace, which is not there or has no "
			"annotation " CONFIG_ALLOW_ANNOTATION " that names %s",
			field, key, namespace);
	if (!object)
		return err_set(
			err, ERR_NOT_FOUND, "%s refers to %s, which is not there", field, key);
	value = map_get(&object->values, source->key);
	if (!value)
		return err_set(err, ERR_NOT_FOUND,
			"%s refers to key \"%s\" of %s, which has no such key", field, source->key,
			key);
	*out = (struct artifact_config){.bytes = value->bytes, .len = value->len};
	return 0;
}

int config_resolve(struct artifact_config *out, const struct map *objects, const char *namespace,
	const char *field, const struct config_source *source, struct err *err)
{
	*out = (struct artifact_config){0};
	if (is_reference(source))
		return resolve_reference(out, objects, namespace, field, source, err);
	if (source->kind == CONFIG_VALUE)
		*out = (struct artifact_config){
			.bytes = source->value, .len = strlen(source->value)};
	return 0;
}

static bool source_refers(const struct config_source *source, const char *key)
{
	AUTO(free) char *mine = is_reference(source) ? reference_key(source) : NULL;

	return mine && strcmp(mine, key) == 0;
}

bool config_refers(const struct extension *ext, const char *key)
{
	return source_refers(&ext->plugin_configuration, key) ||
	       source_refers(&ext->vm_configuration, key);
}

bool config_is_secret(const struct extension *ext)
{
	return ext->plugin_configuration.kind == CONFIG_SECRET ||
	       ext->vm_configuration.kind == CONFIG_SECRET;
}

static char *pull_secret_key(const struct extension *ext)
{
	return object_key(OBJECT_SECRET, ext->namespace, ext->image.pull_secret);
}

/* Whether a credential can be read out of it is found out here, where it is known whose it is. */
static int check_docker_config(const char *json, const struct extension *ext, struct err *err)
{
	AUTO(reference) struct reference reference = {.registry = NULL};
	AUTO(credential) struct credential unused = {.user = NULL};

	if (reference_parse(&reference, ext->image.uri, err) < 0)
		return -1;
	return docker_config_find(&unused, json, &reference, err);
}

int config_pull_secret(
	char **out, const struct map *objects, const struct extension *ext, struct err *err)
{
	AUTO(free) char *key = NULL;
	AUTO(free) char *text = NULL;
	const struct object *object;
	const struct object_value *value;
	struct err why;

	*out = NULL;
	if (!ext->image.pull_secret)
		return 0;
	key = pull_secret_key(ext);
	object = map_get(objects, key);
	if (!object)
		return err_set(err, ERR_NOT_FOUND,
			"image.pull_secret refers to %s, which is not there", key);
	value = map_get(&object->values, ".dockerconfigjson");
	if (!value)
		return err_set(err, ERR_NOT_FOUND,
			"image.pull_secret refers to %s, which has no key \".dockerconfigjson\"",
			key);
	text = xstrndup(value->bytes, value->len);
	if (check_docker_config(text, ext, &why) < 0)
		return err_set(err, ERR_NOT_FOUND,
			"image.pull_secret refers to %s, whose \".dockerconfigjson\" is not "
			"usable: %s",
			key, why.msg);
	*out = STEAL(text);
	return 0;
}

bool config_pulls_with(const struct extension *ext, const char *key)
{
	AUTO(free) char *mine = ext->image.pull_secret ? pull_secret_key(ext) : NULL;

	return mine && strcmp(mine, key) == 0;
}
