/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/events.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/extension.h"
#include "base/auto.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "controller/standing.h"
#include "controller/wording.h"

#define WINDOW_S 3600
#define REPEAT_PAUSE_S 60
#define NAME_BYTES 200     /* of the extension's, in the Event's */
#define INSTANCE_BYTES 128 /* as the API server takes it */

void events_clear(struct events_memory *known)
{
	free(known->slots);
	*known = (struct events_memory){0};
}

bool events_is_warning(enum status_reason reason)
{
	return standing_is_fault(reason) || reason == STATUS_PROXY_REFUSED;
}

/* What is only on its way to something else is not said. */
static bool is_said(enum status_reason reason)
{
	return events_is_warning(reason) || reason == STATUS_PROGRAMMED ||
	       reason == STATUS_SUSPENDED;
}

static uint64_t hash_of(const char *text)
{
	struct digest digest;

	digest_of(&digest, text, strlen(text));
	digest.hex[16] = '\0';
	return strtoull(digest.hex, NULL, 16);
}

static bool is_recent(const struct events_slot *slot, int64_t now)
{
	return now >= slot->made_at && now - slot->made_at < WINDOW_S;
}

/* Whether there is something that was not said yet. */
static bool is_news(const struct events_memory *known, const struct events_judgement *j)
{
	if (!is_said((enum status_reason)j->reason))
		return false;
	return known->reason != j->reason ||
	       (j->reason == STATUS_PROGRAMMED && known->version != 0 &&
		       known->version != j->version);
}

static const struct events_slot *find(
	const struct events_memory *known, uint8_t reason, int64_t now, size_t *recent)
{
	const struct events_slot *found = NULL;

	*recent = 0;
	for (size_t i = 0; i < known->n; i++) {
		if (!is_recent(&known->slots[i], now))
			continue;
		*recent += 1;
		if (known->slots[i].reason == reason)
			found = &known->slots[i];
	}
	return found;
}

struct events_judgement events_judge(
	const struct events_memory *known, const struct events_facts *facts, int64_t now)
{
	struct events_judgement j = {
		.verdict = EVENTS_NONE,
		.at = now,
		.version = facts->version ? hash_of(facts->version) : 0,
		.reason = (uint8_t)facts->reason,
	};
	const struct events_slot *before;
	size_t recent;

	if (!is_news(known, &j)) {
		j.reason = known->reason;
		return j;
	}
	before = find(known, j.reason, now, &recent);
	if (before) {
		j.slot = *before;
		if (j.slot.count < UINT16_MAX)
			j.slot.count++;
		if (now - before->sent_at < REPEAT_PAUSE_S)
			return j;
		j.verdict = EVENTS_REPEAT;
		j.slot.sent_at = (uint32_t)now;
	} else if (recent < LIMIT_EVENTS_AN_HOUR) {
		j.verdict = EVENTS_CREATE;
		j.slot = (struct events_slot){
			(uint32_t)now, (uint32_t)now, .count = 1, .reason = j.reason};
	}
	return j;
}

static void remove_slot(struct events_memory *known, size_t i)
{
	known->slots[i] = known->slots[--known->n];
	if (known->n == 0)
		free(STEAL(known->slots));
}

void events_said(struct events_memory *known, const struct events_judgement *judgement)
{
	const struct events_slot *slot = &judgement->slot;

	known->reason = judgement->reason;
	if (judgement->version != 0)
		known->version = judgement->version;
	if (slot->count == 0)
		return;
	for (size_t i = known->n; i > 0; i--) {
		if (known->slots[i - 1].reason == slot->reason ||
			!is_recent(&known->slots[i - 1], judgement->at))
			remove_slot(known, i - 1);
	}
	if (known->n >= LIMIT_EVENTS_AN_HOUR)
		return;
	known->slots = xreallocarray(known->slots, known->n + 1U, sizeof(*slot));
	known->slots[known->n++] = *slot;
}

void events_adopt(struct events_memory *known, enum status_reason reason)
{
	if (known->n == 0 && known->reason == STATUS_UNKNOWN)
		known->reason = (uint8_t)reason;
}

void events_forget(struct events_memory *known, const struct events_slot *slot)
{
	for (size_t i = known->n; i > 0; i--) {
		if (known->slots[i - 1].reason == slot->reason)
			remove_slot(known, i - 1);
	}
}

static void add_time(cJSON *object, const char *key, uint32_t seconds)
{
	char text[sizeof("2026-01-01T00:00:00.000000Z")] = "";
	time_t at = (time_t)seconds;
	struct tm utc;

	if (gmtime_r(&at, &utc))
		(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S.000000Z", &utc);
	cJSON_AddStringToObject(object, key, text);
}

static void add_clean(cJSON *object, const char *key, const char *text, size_t most)
{
	char clean[LIMIT_EVENT_NOTE_BYTES + 1];

	wording_clean(clean, most < sizeof(clean) ? most + 1 : sizeof(clean), text);
	cJSON_AddStringToObject(object, key, clean);
}

/* Its own for each object of the API server, reason and hour; never NULL. */
static char *event_name(const struct events_facts *facts, const struct events_slot *slot)
{
	AUTO(free)
	char *what = xasprintf("%s %s %" PRIu32, facts->uid ? facts->uid : "",
		status_reason_name((enum status_reason)slot->reason), slot->made_at);
	size_t n = strlen(facts->name);

	if (n > NAME_BYTES)
		n = NAME_BYTES;
	while (n > 0 && !isalnum((unsigned char)facts->name[n - 1]))
		n--;
	return xasprintf("%.*s.%016" PRIx64, (int)n, facts->name, hash_of(what));
}

char *events_path(const struct events_facts *facts, const struct events_slot *slot)
{
	AUTO(free) char *name = slot ? event_name(facts, slot) : NULL;

	return xasprintf("/apis/events.k8s.io/v1/namespaces/%s/events%s%s", facts->namespace,
		name ? "/" : "", name ? name : "");
}

static int put_tree(struct buf *out, const cJSON *tree, struct err *err)
{
	AUTO(free) char *text = cJSON_PrintUnformatted(tree);

	return text ? buf_append(out, text, strlen(text), err)
		    : err_set(err, ERR_TRANSIENT, "memory is out");
}

static void add_regarding(cJSON *event, const struct events_facts *facts)
{
	cJSON *regarding = cJSON_AddObjectToObject(event, "regarding");

	cJSON_AddStringToObject(regarding, "apiVersion", EXTENSION_API_VERSION);
	cJSON_AddStringToObject(regarding, "kind", EXTENSION_KIND);
	cJSON_AddStringToObject(regarding, "namespace", facts->namespace);
	cJSON_AddStringToObject(regarding, "name", facts->name);
	if (facts->uid)
		cJSON_AddStringToObject(regarding, "uid", facts->uid);
}

int events_create(struct buf *out, const struct events_facts *facts, const struct events_slot *slot,
	const char *instance, struct err *err)
{
	enum status_reason reason = (enum status_reason)slot->reason;
	AUTO(cjson) cJSON *event = cJSON_CreateObject();
	AUTO(free) char *name = event_name(facts, slot);
	cJSON *metadata;

	cJSON_AddStringToObject(event, "apiVersion", "events.k8s.io/v1");
	cJSON_AddStringToObject(event, "kind", "Event");
	metadata = cJSON_AddObjectToObject(event, "metadata");
	cJSON_AddStringToObject(metadata, "namespace", facts->namespace);
	cJSON_AddStringToObject(metadata, "name", name);
	add_time(event, "eventTime", slot->made_at);
	cJSON_AddStringToObject(event, "reportingController", EVENTS_CONTROLLER);
	add_clean(event, "reportingInstance", instance, INSTANCE_BYTES);
	cJSON_AddStringToObject(event, "action", "Reconcile");
	cJSON_AddStringToObject(event, "reason", status_reason_name(reason));
	add_regarding(event, facts);
	add_clean(event, "note", facts->message, LIMIT_EVENT_NOTE_BYTES);
	cJSON_AddStringToObject(event, "type", events_is_warning(reason) ? "Warning" : "Normal");
	return put_tree(out, event, err);
}

int events_repeat(struct buf *out, const struct events_slot *slot, struct err *err)
{
	AUTO(cjson) cJSON *patch = cJSON_CreateObject();
	cJSON *series = cJSON_AddObjectToObject(patch, "series");

	cJSON_AddNumberToObject(series, "count", slot->count);
	add_time(series, "lastObservedTime", slot->sent_at);
	return put_tree(out, patch, err);
}
