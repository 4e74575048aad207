/* SPDX-License-Identifier: Apache-2.0 */
#include "api/decode.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/xalloc.h"

static const char *const environment_fields[] = {"host_env_keys", "key_values", NULL};

static int check_variable(const char *name, struct err *err)
{
	size_t n = strlen(name);

	if (n == 0)
		return err_set(err, ERR_INVALID, "must be a name, not empty");
	if (n > LIMIT_ENVIRONMENT_NAME_BYTES)
		return err_set(err, ERR_INVALID, "must be a name of at most %d bytes, not %zu",
			LIMIT_ENVIRONMENT_NAME_BYTES, n);
	if (strstr(name, JSON_NUL))
		return err_set(err, ERR_INVALID, "must be a name without a NUL");
	if (strchr(name, '='))
		return err_set(err, ERR_INVALID, "must be a name without \"=\"");
	return 0;
}

static void decode_host_keys(const struct fields *environment, struct extension_names *out)
{
	AUTO(fields) struct fields list = {.path = NULL};

	if (!fields_enter_list(&list, environment, "host_env_keys", FIELD_OPTIONAL))
		return;
	if (list.map->n > LIMIT_ENVIRONMENT_NAMES)
		fields_problem(environment, "host_env_keys", "must be at most %d names, not %zu",
			LIMIT_ENVIRONMENT_NAMES, list.map->n);
	else
		decode_names(&list, check_variable, out);
}

static int compare_variables(const void *a, const void *b)
{
	const struct extension_variable *x = a;
	const struct extension_variable *y = b;

	return strcmp(x->name, y->name);
}

/* Reads one of key_values.  Its value may be a secret. */
static void decode_variable(
	const struct fields *values, const struct node *child, struct extension_environment *out)
{
	const char *value = fields_text_of(values, child, FIELD_SECRET);
	struct err err;

	if (check_variable(child->key, &err) < 0)
		fields_problem_at(values, child, "%s", err.msg);
	else if (value)
		out->variables[out->n_variables++] = (struct extension_variable){
			.name = xstrdup(child->key), .value = xstrdup(value)};
}

static size_t text_bytes(const struct node *map)
{
	size_t sum = 0;

	for (size_t i = 0; i < map->n; i++)
		sum += strlen(map->children[i].key) + map->children[i].text_len;
	return sum;
}

static void decode_variables(const struct fields *environment, struct extension_environment *out)
{
	AUTO(fields) struct fields values = {.path = NULL};
	size_t bytes = 0;

	if (!fields_enter(&values, environment, "key_values", FIELD_OPTIONAL))
		return;
	bytes = text_bytes(values.map);
	if (values.map->n > LIMIT_ENVIRONMENT_NAMES) {
		fields_problem(environment, "key_values", "must be at most %d names, not %zu",
			LIMIT_ENVIRONMENT_NAMES, values.map->n);
		return;
	}
	if (bytes > LIMIT_ENVIRONMENT_BYTES) {
		fields_problem(environment, "key_values",
			"must be at most %lu bytes in all, not %zu", LIMIT_ENVIRONMENT_BYTES,
			bytes);
		return;
	}
	out->variables = xcalloc(values.map->n, sizeof(*out->variables));
	for (size_t i = 0; i < values.map->n; i++)
		decode_variable(&values, &values.map->children[i], out);
	qsort(out->variables, out->n_variables, sizeof(*out->variables), compare_variables);
}

/* Envoy refuses a name that both fields set. */
static void check_disjoint(
	const struct fields *environment, const struct extension_environment *own)
{
	for (size_t i = 0; i < own->host_keys.n; i++) {
		struct extension_variable name = {.name = own->host_keys.items[i]};

		if (own->n_variables > 0 && bsearch(&name, own->variables, own->n_variables,
						    sizeof(name), compare_variables))
			fields_problem(environment, "host_env_keys",
				"must not hold %s, which key_values sets", quote(name.name).text);
	}
}

void decode_environment(const struct fields *spec, struct extension_environment *out)
{
	AUTO(fields) struct fields environment = {.path = NULL};

	if (!fields_enter(&environment, spec, "environment", FIELD_OPTIONAL))
		return;
	fields_check_known(&environment, environment_fields);
	decode_host_keys(&environment, &out->host_keys);
	decode_variables(&environment, out);
	check_disjoint(&environment, out);
}
