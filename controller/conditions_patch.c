/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/auto.h"
#include "base/json.h"
#include "controller/conditions.h"
#include "controller/standing.h"

static void add_text(cJSON *object, const char *key, const char *text)
{
	if (text && text[0])
		cJSON_AddStringToObject(object, key, text);
}

static void add_bytes(cJSON *object, const char *key, uint64_t n)
{
	if (n > 0)
		cJSON_AddNumberToObject(object, key, (double)n);
}

static void add_time(cJSON *object, const char *key, uint32_t seconds)
{
	char text[sizeof("2026-01-01T00:00:00Z")] = "";
	time_t at = (time_t)seconds;
	struct tm utc;

	if (gmtime_r(&at, &utc))
		(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	cJSON_AddStringToObject(object, key, text);
}

static void add_conditions(cJSON *status, const struct standing *standing,
	const struct conditions_facts *facts, const struct conditions_memory *next)
{
	cJSON *list = cJSON_AddArrayToObject(status, "conditions");

	for (int i = 0; i < CONDITION_TYPES; i++) {
		const struct standing_condition *c = &standing->conditions[i];
		cJSON *o = cJSON_CreateObject();

		cJSON_AddItemToArray(list, o);
		cJSON_AddStringToObject(o, "type", condition_type_name((enum condition_type)i));
		cJSON_AddStringToObject(o, "status", condition_state_name(c->state));
		cJSON_AddNumberToObject(o, "observedGeneration", (double)facts->generation);
		add_time(o, "lastTransitionTime", next->since[i]);
		cJSON_AddStringToObject(o, "reason", status_reason_name(c->reason));
		cJSON_AddStringToObject(o, "message", c->message);
	}
}

static void add_proxies(cJSON *status, const struct standing *standing)
{
	char summary[24];
	cJSON *proxies;

	if (!standing->proxies_known)
		return;
	proxies = cJSON_AddObjectToObject(status, "proxies");
	cJSON_AddNumberToObject(proxies, "connected", standing->connected);
	cJSON_AddNumberToObject(proxies, "acked", standing->acked);
	cJSON_AddNumberToObject(proxies, "nacked", standing->nacked);
	(void)snprintf(summary, sizeof(summary), "%" PRIu32 "/%" PRIu32, standing->acked,
		standing->connected);
	cJSON_AddStringToObject(proxies, "summary", summary);
	add_text(proxies, "firstNack", standing->first_nack);
}

static cJSON *add_operation(cJSON *patch, const char *what, const char *path)
{
	cJSON *operation = cJSON_CreateObject();

	cJSON_AddItemToArray(patch, operation);
	cJSON_AddStringToObject(operation, "op", what);
	cJSON_AddStringToObject(operation, "path", path);
	return operation;
}

int conditions_patch(struct buf *out, const struct conditions_facts *facts,
	const struct conditions_memory *next, struct err *err)
{
	AUTO(cjson) cJSON *patch = cJSON_CreateArray();
	AUTO(free) char *text = NULL;
	cJSON *status;
	struct standing standing;
	char digits[13];

	standing_of(&standing, facts);
	if (facts->uid)
		cJSON_AddStringToObject(
			add_operation(patch, "test", "/metadata/uid"), "value", facts->uid);
	status = cJSON_AddObjectToObject(add_operation(patch, "add", "/status"), "value");
	cJSON_AddNumberToObject(status, "observedGeneration", (double)facts->generation);
	add_conditions(status, &standing, facts, next);
	(void)snprintf(digits, sizeof(digits), "%.12s", facts->module.hex);
	add_text(status, "resolvedSha256", facts->module.hex);
	add_text(status, "shortSha256", digits);
	add_text(status, "manifestDigest", facts->manifest);
	add_bytes(status, "sizeBytes", facts->size_bytes);
	add_bytes(status, "servedBytes", facts->served_bytes);
	add_text(status, "lastHandledRefetch", facts->refetch);
	add_proxies(status, &standing);
	text = cJSON_PrintUnformatted(patch);
	return text ? buf_append(out, text, strlen(text), err)
		    : err_set(err, ERR_TRANSIENT, "memory is out");
}
