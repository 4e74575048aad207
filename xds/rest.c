/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/rest.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/quote.h"
#include "base/xalloc.h"
#include "proto/json.h"
#include "proto/xds.pb-c.h"
#include "xds/stream.h"

static const char *text_or_empty(const cJSON *object, const char *snake, const char *camel)
{
	const char *text = json_text(object, snake);

	if (!text)
		text = json_text(object, camel);
	return text ? text : "";
}

/* proto3 JSON may spell a field either way; Envoy writes the proto's own. */
static const cJSON *item_of(const cJSON *object, const char *snake, const char *camel)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, snake);

	return item ? item : cJSON_GetObjectItemCaseSensitive(object, camel);
}

int rest_request_parse(struct rest_request *out, const char *text, size_t n, struct err *err)
{
	AUTO(cjson) cJSON *tree = json_parse(text, n, err);
	const cJSON *names;
	const char *type;

	if (!tree)
		return err_wrap(err, "DiscoveryRequest");
	if (!cJSON_IsObject(tree))
		return err_set(err, ERR_INVALID, "DiscoveryRequest: must be an object");
	type = text_or_empty(tree, "type_url", "typeUrl");
	if (type[0] && strcmp(type, STREAM_TYPE_URL) != 0)
		return err_set(err, ERR_INVALID, "DiscoveryRequest: type_url must be %s, not %s",
			STREAM_TYPE_URL, quote(type).text);
	names = item_of(tree, "resource_names", "resourceNames");
	if (cJSON_GetArraySize(names) != 1 || !cJSON_IsString(names->child))
		return err_set(err, ERR_INVALID,
			"DiscoveryRequest: resource_names must hold one name, not %d",
			cJSON_GetArraySize(names));
	out->name = xstrdup(names->child->valuestring);
	out->version = xstrdup(text_or_empty(tree, "version_info", "versionInfo"));
	out->node = xstrdup(text_or_empty(item_of(tree, "node", "node"), "id", "id"));
	return 0;
}

void rest_request_clear(struct rest_request *req)
{
	free(req->name);
	free(req->version);
	free(req->node);
	*req = (struct rest_request){0};
}

static void auto_resource(Wasmxds__Xds__TypedExtensionConfig **m)
{
	if (*m)
		wasmxds__xds__typed_extension_config__free_unpacked(*m, NULL);
}

static Wasmxds__Xds__TypedExtensionConfig *decode(
	const struct record *r, const uint8_t *module, struct err *err)
{
	AUTO(buf) struct buf whole = BUF_INIT(LIMIT_MODULE_BYTES + 2 * LIMIT_RECORD_BYTES);
	Wasmxds__Xds__TypedExtensionConfig *m;

	if (buf_append(&whole, buf_text(&r->head), r->head.len, err) < 0 ||
		buf_append(&whole, module, r->served_bytes, err) < 0 ||
		buf_append(&whole, buf_text(&r->tail), r->tail.len, err) < 0)
		return NULL;
	m = wasmxds__xds__typed_extension_config__unpack(
		NULL, whole.len, (const uint8_t *)buf_text(&whole));
	if (!m)
		(void)err_set(err, ERR_INVALID, "%s: its record does not decode", r->name);
	return m;
}

int rest_response(struct buf *out, const struct record *r, const uint8_t *module, struct err *err)
{
	AUTO(resource) Wasmxds__Xds__TypedExtensionConfig *m = decode(r, module, err);

	if (!m)
		return -1;
	if (buf_printf(out, err, "{\"version_info\":\"%s\",\"type_url\":\"%s\",\"resources\":[",
		    r->version, STREAM_TYPE_URL) < 0 ||
		proto_json(out, STREAM_TYPE_URL, &m->base, err) < 0)
		return -1;
	return buf_printf(out, err, "]}");
}
