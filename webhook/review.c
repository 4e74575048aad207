/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/review.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "api/base64.h"
#include "api/extension.h"
#include "base/auto.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/quote.h"
#include "base/utf8.h"
#include "base/xalloc.h"

#define REVIEW_VERSION "admission.k8s.io/v1"
#define REVIEW_KIND "AdmissionReview"
#define PATCH_PATH "/spec/image/sha256"

static const char *text_of(const struct node *map, const char *key)
{
	const char *text = node_text(node_get(map, key));

	return text ? text : "";
}

static const struct node *map_of(const struct node *map, const char *key)
{
	const struct node *node = node_get(map, key);

	return node && node->kind == NODE_MAP ? node : NULL;
}

static int check_constant(
	const struct node *map, const char *key, const char *want, struct err *err)
{
	const char *got = text_of(map, key);

	if (strcmp(got, want) == 0)
		return 0;
	return err_set(err, ERR_INVALID, "%s must be \"%s\", not %s", key, want, quote(got).text);
}

static bool is_extension(const struct node *request)
{
	static const char version[] = EXTENSION_API_VERSION;
	const char *slash = strchr(version, '/');
	const struct node *kind = map_of(request, "kind");
	const char *group = text_of(kind, "group");
	size_t n = (size_t)(slash - version);

	return strlen(group) == n && strncmp(group, version, n) == 0 &&
	       strcmp(text_of(kind, "version"), slash + 1) == 0 &&
	       strcmp(text_of(kind, "kind"), EXTENSION_KIND) == 0 &&
	       text_of(request, "subResource")[0] == '\0';
}

static enum review_operation operation_of(const struct node *request)
{
	const char *name = text_of(request, "operation");

	if (strcmp(name, "CREATE") == 0)
		return REVIEW_CREATE;
	return strcmp(name, "UPDATE") == 0 ? REVIEW_UPDATE : REVIEW_OTHER;
}

static int read_request(struct review *out, const struct node *request, struct err *err)
{
	const struct node *dry_run = node_get(request, "dryRun");

	out->uid = text_of(request, "uid");
	if (out->uid[0] == '\0')
		return err_set(err, ERR_INVALID, "request.uid is required, as a text");
	if (strlen(out->uid) > LIMIT_REVIEW_UID_BYTES)
		return err_set(err, ERR_INVALID, "request.uid must be at most %d bytes, not %zu",
			LIMIT_REVIEW_UID_BYTES, strlen(out->uid));
	out->name = text_of(request, "name");
	out->namespace = text_of(request, "namespace");
	out->user = map_of(request, "userInfo");
	out->object = map_of(request, "object");
	out->old_object = map_of(request, "oldObject");
	out->operation = operation_of(request);
	out->is_extension = is_extension(request);
	out->is_dry_run =
		dry_run && dry_run->kind == NODE_BOOL && strcmp(dry_run->text, "true") == 0;
	return 0;
}

int review_parse(struct review *out, const char *text, size_t n, struct err *err)
{
	AUTO(review) struct review r = {.tree = node_from_json(text, n, err)};
	const struct node *request = NULL;

	if (!r.tree)
		return -1;
	if (r.tree->kind != NODE_MAP)
		return err_set(err, ERR_INVALID, "an " REVIEW_KIND " must be a mapping, not %s",
			node_kind_name(r.tree->kind));
	if (check_constant(r.tree, "apiVersion", REVIEW_VERSION, err) < 0 ||
		check_constant(r.tree, "kind", REVIEW_KIND, err) < 0)
		return -1;
	request = map_of(r.tree, "request");
	if (!request)
		return err_set(err, ERR_INVALID, "request is required, as a mapping");
	if (read_request(&r, request, err) < 0)
		return -1;
	*out = r;
	r = (struct review){.tree = NULL};
	return 0;
}

void review_clear(struct review *r)
{
	node_free(r->tree);
	*r = (struct review){.tree = NULL};
}

void verdict_clear(struct verdict *v)
{
	problems_clear(&v->problems);
	problems_clear(&v->warnings);
	*v = (struct verdict){.status = VERDICT_ALLOWED};
}

void verdict_warn(struct verdict *v, const char *path, const char *fmt, ...)
{
	char message[LIMIT_WARNING_BYTES + 1];
	size_t room = sizeof(message) - strlen(path) - strlen(": ");
	va_list args;

	va_start(args, fmt);
	int n = vsnprintf(message, room, fmt, args);
	va_end(args);
	if (n < 0)
		return;
	message[utf8_whole(message, strlen(message))] = '\0';
	problems_add(&v->warnings, path, 0, "%s", message);
}

/* "path: message", as `wasmxds validate` prints it; the caller frees it. */
static char *line_of(const struct problem *p)
{
	return xasprintf("%s%s%s", p->path, p->path[0] ? ": " : "", p->message);
}

static void add_message(cJSON *status, const struct problems *problems)
{
	AUTO(buf) struct buf all = BUF_INIT(LIMIT_REVIEW_MESSAGE_BYTES);
	struct err full;
	size_t told = 0;

	for (; told < problems->n; told++) {
		AUTO(free) char *line = line_of(&problems->items[told]);

		if (buf_printf(&all, &full, "%s%s", told > 0 ? "; " : "", line) < 0)
			break;
	}
	size_t more = problems->n - told + problems->more;
	AUTO(free)
	char *message = more > 0 ? xasprintf("%s; and %zu more", buf_text(&all), more)
				 : xstrdup(buf_text(&all));

	cJSON_AddStringToObject(status, "message", message);
}

/* kubectl prints each cause on a line of its own. */
static void add_causes(cJSON *status, const struct review *r, const struct problems *problems)
{
	cJSON *details = cJSON_AddObjectToObject(status, "details");
	cJSON *causes;

	cJSON_AddStringToObject(details, "name", r->name);
	cJSON_AddStringToObject(
		details, "group", text_of(node_get(node_get(r->tree, "request"), "kind"), "group"));
	cJSON_AddStringToObject(details, "kind", EXTENSION_KIND);
	causes = cJSON_AddArrayToObject(details, "causes");
	for (size_t i = 0; i < problems->n; i++) {
		cJSON *cause = cJSON_CreateObject();

		cJSON_AddStringToObject(cause, "reason", "FieldValueInvalid");
		cJSON_AddStringToObject(cause, "message", problems->items[i].message);
		cJSON_AddStringToObject(cause, "field", problems->items[i].path);
		cJSON_AddItemToArray(causes, cause);
	}
}

static void add_status(cJSON *response, const struct review *r, const struct verdict *v)
{
	cJSON *status = cJSON_AddObjectToObject(response, "status");

	cJSON_AddNumberToObject(status, "code", v->status);
	if (v->status == VERDICT_ALLOWED)
		return;
	cJSON_AddStringToObject(status, "status", "Failure");
	cJSON_AddStringToObject(
		status, "reason", v->status == VERDICT_FORBIDDEN ? "Forbidden" : "Invalid");
	add_message(status, &v->problems);
	if (v->status == VERDICT_INVALID)
		add_causes(status, r, &v->problems);
}

static void add_warnings(cJSON *response, const struct problems *warnings)
{
	if (warnings->n == 0)
		return;

	cJSON *list = cJSON_AddArrayToObject(response, "warnings");

	for (size_t i = 0; i < warnings->n; i++) {
		AUTO(free) char *line = line_of(&warnings->items[i]);

		cJSON_AddItemToArray(list, cJSON_CreateString(line));
	}
}

/* Returns the JSONPatch, as plain text; the caller frees it. */
static char *patch_of(const struct verdict *v)
{
	if (v->patch == PATCH_UNPIN)
		return xstrdup("[{\"op\":\"remove\",\"path\":\"" PATCH_PATH "\"}]");
	return xasprintf(
		"[{\"op\":\"add\",\"path\":\"" PATCH_PATH "\",\"value\":\"%s\"}]", v->pin.hex);
}

static void add_patch(cJSON *response, const struct verdict *v)
{
	AUTO(free) char *plain = NULL;
	AUTO(free) char *encoded = NULL;

	if (v->patch == PATCH_NONE || v->status != VERDICT_ALLOWED)
		return;
	plain = patch_of(v);
	encoded = base64_encode(plain, strlen(plain));
	cJSON_AddStringToObject(response, "patchType", "JSONPatch");
	cJSON_AddStringToObject(response, "patch", encoded);
}

int review_answer(struct buf *out, const struct review *r, const struct verdict *v, struct err *err)
{
	AUTO(cjson) cJSON *answer = cJSON_CreateObject();
	AUTO(free) char *text = NULL;
	cJSON *response;

	cJSON_AddStringToObject(answer, "apiVersion", REVIEW_VERSION);
	cJSON_AddStringToObject(answer, "kind", REVIEW_KIND);
	response = cJSON_AddObjectToObject(answer, "response");
	cJSON_AddStringToObject(response, "uid", r->uid);
	cJSON_AddBoolToObject(response, "allowed", v->status == VERDICT_ALLOWED);
	add_status(response, r, v);
	add_warnings(response, &v->warnings);
	add_patch(response, v);
	text = cJSON_PrintUnformatted(answer);
	if (!text)
		return err_set(err, ERR_TRANSIENT, "no memory for the answer");
	return buf_append(out, text, strlen(text), err);
}
