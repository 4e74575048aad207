/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws_json.h"

#include <stdlib.h>
#include <string.h>

#include <gnutls/gnutls.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/lend.h"
#include "base/limits.h"
#include "base/xalloc.h"

#define EXPIRES_MAX 253402300799.0 /* the last second of the year 9999 */

void aws_ecr_token_clear(struct aws_ecr_token *token)
{
	free(token->username);
	aws_secret_free(token->password);
	*token = (struct aws_ecr_token){0};
}

static int missing(const char *key, struct err *err)
{
	return err_set(err, ERR_INVALID, "the answer has no text under %s", key);
}

static cJSON *parse_object(const char *text, size_t n, struct err *err)
{
	AUTO(cjson) cJSON *tree = json_parse(text, n, err);

	if (!tree)
		return NULL;
	if (!cJSON_IsObject(tree)) {
		(void)err_set(err, ERR_INVALID, "the answer must be a JSON object");
		return NULL;
	}
	return STEAL(tree);
}

int aws_json_credentials(struct aws_credentials *out, const char *text, size_t n, struct err *err)
{
	AUTO(cjson) cJSON *tree = parse_object(text, n, err);
	AUTO(aws_credentials) struct aws_credentials read = {0};

	if (!tree)
		return -1;

	const char *code = json_text(tree, "Code");
	const char *key_id = json_text(tree, "AccessKeyId");
	const char *secret = json_text(tree, "SecretAccessKey");
	const char *expires = json_text(tree, "Expiration");

	if (code && strcmp(code, "Success") != 0)
		return err_set(err, ERR_TRANSIENT, "no credentials now: the answer's Code is %s",
			aws_is_name(code) ? code : "not Success");
	if (!key_id)
		return missing("AccessKeyId", err);
	if (!secret)
		return missing("SecretAccessKey", err);
	if (aws_credentials_set(&read, key_id, secret, json_text(tree, "Token"), err) < 0 ||
		(expires && aws_time_parse(&read.expires, expires, err) < 0))
		return -1;
	*out = read;
	read = (struct aws_credentials){0};
	return 0;
}

/* Splits "AWS:PASSWORD", which n bytes of memory that is not text hold. */
static int split_token(struct aws_ecr_token *out, const char *bytes, size_t n, struct err *err)
{
	AUTO(aws_secret) char *text = xstrndup(bytes, n);
	char *colon = strchr(text, ':');

	if (!colon || colon == text || strlen(text) != n)
		return err_set(
			err, ERR_INVALID, "authorizationToken must hold USER:PASSWORD in base64");
	*colon = '\0';
	if (!aws_is_header_value(text) || !aws_is_header_value(colon + 1))
		return err_set(
			err, ERR_INVALID, "authorizationToken holds what is no user and password");
	out->username = xstrdup(text);
	out->password = xstrdup(colon + 1);
	return 0;
}

static int decode_token(struct aws_ecr_token *out, const char *base64, struct err *err)
{
	gnutls_datum_t in = {.data = lend(base64), .size = (unsigned)strlen(base64)};
	gnutls_datum_t bytes = {0};

	if (in.size > LIMIT_AWS_TOKEN_BYTES || gnutls_base64_decode2(&in, &bytes) < 0)
		return err_set(err, ERR_INVALID,
			"authorizationToken must be base64, at most %lu characters",
			LIMIT_AWS_TOKEN_BYTES);

	int rc = split_token(out, (const char *)bytes.data, bytes.size, err);

	gnutls_memset(bytes.data, 0, bytes.size);
	gnutls_free(bytes.data);
	return rc;
}

int aws_json_ecr_token(struct aws_ecr_token *out, const char *text, size_t n, struct err *err)
{
	AUTO(cjson) cJSON *tree = parse_object(text, n, err);

	if (!tree)
		return -1;

	const cJSON *list = cJSON_GetObjectItemCaseSensitive(tree, "authorizationData");
	const cJSON *first = cJSON_IsArray(list) ? list->child : NULL;
	const cJSON *expires = cJSON_GetObjectItemCaseSensitive(first, "expiresAt");
	const char *token = json_text(first, "authorizationToken");

	if (!token)
		return missing("authorizationData[0].authorizationToken", err);
	if (!cJSON_IsNumber(expires) || expires->valuedouble < 0 ||
		expires->valuedouble > EXPIRES_MAX)
		return err_set(err, ERR_INVALID,
			"authorizationData[0].expiresAt must be a time in seconds");
	if (decode_token(out, token, err) < 0)
		return -1;
	out->expires = (time_t)expires->valuedouble;
	return 0;
}

char *aws_json_error(const char *text, size_t n)
{
	struct err ignored;
	AUTO(cjson) cJSON *tree = parse_object(text, n, &ignored);
	const char *type = tree ? json_text(tree, "__type") : NULL;

	if (!type)
		return NULL;
	if (strchr(type, '#')) /* behind a namespace: com.amazonaws.ecr#ServerException */
		type = strchr(type, '#') + 1;
	return aws_is_name(type) ? xstrdup(type) : NULL;
}
