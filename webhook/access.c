/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/access.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/json.h"

const char *access_user(const struct review *r)
{
	const char *name = node_text(node_get(r->user, "username"));

	return name ? name : "";
}

static void add_texts(cJSON *to, const char *key, const struct node *list)
{
	cJSON *texts;

	if (!list || list->kind != NODE_LIST)
		return;
	texts = cJSON_AddArrayToObject(to, key);
	for (size_t i = 0; i < list->n; i++) {
		const char *text = node_text(&list->children[i]);

		if (text)
			cJSON_AddItemToArray(texts, cJSON_CreateString(text));
	}
}

static void add_extra(cJSON *spec, const struct node *extra)
{
	cJSON *to;

	if (!extra || extra->kind != NODE_MAP)
		return;
	to = cJSON_AddObjectToObject(spec, "extra");
	for (size_t i = 0; i < extra->n; i++)
		add_texts(to, extra->children[i].key, &extra->children[i]);
}

static void add_user(cJSON *spec, const struct review *r)
{
	const char *uid = node_text(node_get(r->user, "uid"));

	cJSON_AddStringToObject(spec, "user", access_user(r));
	if (uid)
		cJSON_AddStringToObject(spec, "uid", uid);
	add_texts(spec, "groups", node_get(r->user, "groups"));
	add_extra(spec, node_get(r->user, "extra"));
}

int access_question(
	struct buf *out, const struct review *r, const struct referral *ref, struct err *err)
{
	AUTO(cjson) cJSON *question = cJSON_CreateObject();
	AUTO(free) char *text = NULL;
	cJSON *spec;
	cJSON *attributes;

	cJSON_AddStringToObject(question, "apiVersion", "authorization.k8s.io/v1");
	cJSON_AddStringToObject(question, "kind", "SubjectAccessReview");
	spec = cJSON_AddObjectToObject(question, "spec");
	attributes = cJSON_AddObjectToObject(spec, "resourceAttributes");
	cJSON_AddStringToObject(attributes, "verb", "get");
	cJSON_AddStringToObject(attributes, "version", "v1");
	cJSON_AddStringToObject(attributes, "resource", ref->resource);
	cJSON_AddStringToObject(attributes, "namespace", ref->namespace);
	cJSON_AddStringToObject(attributes, "name", ref->name);
	add_user(spec, r);
	text = cJSON_PrintUnformatted(question);
	if (!text)
		return err_set(err, ERR_TRANSIENT, "no memory for a SubjectAccessReview");
	return buf_append(out, text, strlen(text), err);
}

int access_answer(bool *allowed, const char *text, size_t n, struct err *err)
{
	AUTO(cjson) cJSON *answer = json_parse(text, n, err);
	const cJSON *said = NULL;

	if (!answer)
		return -1;
	said = cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(answer, "status"), "allowed");
	if (!cJSON_IsBool(said))
		return err_set(err, ERR_INVALID, "status.allowed is not there");
	*allowed = cJSON_IsTrue(said);
	return 0;
}
