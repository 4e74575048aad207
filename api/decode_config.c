/* SPDX-License-Identifier: Apache-2.0 */
#include "api/decode.h"

#include <stdlib.h>

#include "api/name.h"
#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"

static const char *const config_fields[] = {"value", "valueFrom", NULL};
static const char *const source_fields[] = {"secretKeyRef", "configMapKeyRef", NULL};
static const char *const reference_fields[] = {"name", "namespace", "key", NULL};

static bool is_given(const struct fields *f, const char *key)
{
	const struct node *node = fields_get(f, key);

	return node && !(node->kind == NODE_TEXT && node->text_len == 0);
}

static void put_text(char **to, const char *text)
{
	free(*to);
	*to = xstrdup(text);
}

static void decode_name(
	const struct fields *reference, const char *key, field_check *check, char **out)
{
	const char *text = fields_checked(reference, key, FIELD_REQUIRED, check);

	if (text)
		put_text(out, text);
}

static void decode_reference(const struct fields *source, const char *key, enum config_kind kind,
	const char *own_namespace, struct config_source *out)
{
	AUTO(fields) struct fields reference = {.path = NULL};

	if (!fields_enter(&reference, source, key, FIELD_OPTIONAL))
		return;
	fields_check_known(&reference, reference_fields);
	out->kind = kind;
	decode_name(&reference, "name", name_check_subdomain, &out->name);
	decode_name(&reference, "key", name_check_key, &out->key);
	if (is_given(&reference, "namespace"))
		decode_name(&reference, "namespace", name_check_label, &out->namespace);
	else
		put_text(&out->namespace, own_namespace);
}

/* Exactly one of two fields must be there. */
static void check_one_of(const struct fields *f, const char *a, const char *b,
	const struct fields *parent, const char *key)
{
	bool has_a = fields_get(f, a) != NULL;
	bool has_b = fields_get(f, b) != NULL;

	if (has_a && has_b)
		fields_problem(parent, key, "must have either %s or %s, not both", a, b);
	if (!has_a && !has_b)
		fields_problem(parent, key, "must have %s or %s", a, b);
}

static void decode_value(const struct fields *config, struct config_source *out)
{
	const struct node *node = fields_get(config, "value");
	const char *text = NULL;

	if (!node)
		return;
	out->kind = CONFIG_VALUE;
	text = fields_text_of(config, node, FIELD_SECRET);
	if (!text)
		return;
	if (node->text_len > LIMIT_CONFIG_BYTES)
		fields_problem(config, "value", "must be at most %lu bytes, not %zu",
			LIMIT_CONFIG_BYTES, node->text_len);
	else
		put_text(&out->value, text);
}

void decode_config(const struct fields *spec, const char *key, const char *own_namespace,
	struct config_source *out)
{
	AUTO(fields) struct fields config = {.path = NULL};
	AUTO(fields) struct fields source = {.path = NULL};

	if (!fields_enter(&config, spec, key, FIELD_OPTIONAL))
		return;
	fields_check_known(&config, config_fields);
	check_one_of(&config, "value", "valueFrom", spec, key);
	decode_value(&config, out);
	if (!fields_enter(&source, &config, "valueFrom", FIELD_OPTIONAL))
		return;
	fields_check_known(&source, source_fields);
	check_one_of(&source, "secretKeyRef", "configMapKeyRef", &config, "valueFrom");
	decode_reference(&source, "secretKeyRef", CONFIG_SECRET, own_namespace, out);
	decode_reference(&source, "configMapKeyRef", CONFIG_CONFIGMAP, own_namespace, out);
}
