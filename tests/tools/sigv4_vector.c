/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/tools/sigv4_vector.c - signs the requests that come as a JSON list on its standard input,
 * and prints for each the three documents and the signature: for tests/e2e/sigv4_vectors.py.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/json.h"
#include "base/limits.h"
#include "fetch/sigv4.h"

static const char *text(const cJSON *item, const char *key)
{
	const char *value = json_text(item, key);

	if (!value) {
		(void)fprintf(stderr, "sigv4_vector: no text under \"%s\"\n", key);
		abort();
	}
	return value;
}

static size_t read_fields(struct sigv4_field *out, const cJSON *headers)
{
	const cJSON *pair = NULL;
	size_t n = 0;

	cJSON_ArrayForEach(pair, headers)
	{
		if (n == LIMIT_SIGV4_FIELDS)
			abort();
		out[n++] = (struct sigv4_field){
			cJSON_GetStringValue(cJSON_GetArrayItem(pair, 0)),
			cJSON_GetStringValue(cJSON_GetArrayItem(pair, 1)),
		};
	}
	return n;
}

static int sign(cJSON *out, const cJSON *item, struct err *err)
{
	struct sigv4_field fields[LIMIT_SIGV4_FIELDS];
	bool normalize = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(item, "normalize"));
	const struct sigv4_request request = {
		.method = text(item, "method"),
		.path = text(item, "path"),
		.path_rule = normalize ? SIGV4_PATH_NORMAL : SIGV4_PATH_LITERAL,
		.query = text(item, "query"),
		.fields = fields,
		.n_fields = read_fields(fields, cJSON_GetObjectItemCaseSensitive(item, "headers")),
		.payload = text(item, "payload"),
	};
	struct sigv4_scope scope = {
		.region = text(item, "region"),
		.service = text(item, "service"),
	};
	const struct sigv4_key key = {text(item, "key_id"), text(item, "secret")};
	const cJSON *time = cJSON_GetObjectItemCaseSensitive(item, "time");
	AUTO(buf) struct buf creq = BUF_INIT(LIMIT_SIGV4_BYTES);
	AUTO(buf) struct buf sts = BUF_INIT(LIMIT_SIGV4_BYTES);
	AUTO(buf) struct buf authz = BUF_INIT(LIMIT_SIGV4_BYTES);
	struct digest signature;

	sigv4_date(scope.date, (time_t)cJSON_GetNumberValue(time));
	if (sigv4_canonical_request(&creq, &request, err) < 0 ||
		sigv4_string_to_sign(&sts, &scope, buf_text(&creq), err) < 0 ||
		sigv4_signature(&signature, &scope, key.secret, buf_text(&sts), err) < 0 ||
		sigv4_authorization(&authz, &request, &scope, &key, err) < 0)
		return -1;
	(void)cJSON_AddStringToObject(out, "creq", buf_text(&creq));
	(void)cJSON_AddStringToObject(out, "sts", buf_text(&sts));
	(void)cJSON_AddStringToObject(out, "signature", signature.hex);
	(void)cJSON_AddStringToObject(out, "authz", buf_text(&authz));
	return 0;
}

static int sign_all(struct err *err)
{
	AUTO(buf) struct buf in = BUF_INIT(LIMIT_JSON_BYTES);
	AUTO(cjson) cJSON *list = NULL;
	AUTO(cjson) cJSON *signed_list = cJSON_CreateArray();
	AUTO(free) char *printed = NULL;
	const cJSON *item = NULL;

	if (io_read(STDIN_FILENO, &in, err) < 0)
		return -1;
	list = json_parse(buf_text(&in), in.len, err);
	if (!list)
		return -1;
	cJSON_ArrayForEach(item, list)
	{
		cJSON *out = cJSON_CreateObject();

		(void)cJSON_AddItemToArray(signed_list, out);
		if (sign(out, item, err) < 0)
			return -1;
	}
	printed = cJSON_PrintUnformatted(signed_list);
	(void)puts(printed);
	return 0;
}

int main(void)
{
	struct err err;

	if (sign_all(&err) == 0)
		return 0;
	(void)fprintf(stderr, "sigv4_vector: %s\n", err.msg);
	return 1;
}
