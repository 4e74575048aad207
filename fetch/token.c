/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/token.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/xalloc.h"

/* The specification's own: what says nothing lives a minute, and nothing lives less. */
#define LIFETIME_MIN_S 60
#define LIFETIME_MAX_S 86400

static int64_t lifetime_of(const cJSON *reply)
{
	double said = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(reply, "expires_in"));

	/* no number is NaN, which compares false */
	if (said >= LIFETIME_MAX_S)
		return LIFETIME_MAX_S;
	return said > LIFETIME_MIN_S ? (int64_t)said : LIFETIME_MIN_S;
}

/* A token goes into a header as it is. */
static int check_text(const char *text, struct err *err)
{
	if (strnlen(text, LIMIT_TOKEN_BYTES + 1) > LIMIT_TOKEN_BYTES)
		return err_set(
			err, ERR_INVALID, "the token must be at most %lu bytes", LIMIT_TOKEN_BYTES);
	for (const char *c = text; *c; c++) {
		if (*c <= ' ' || *c > '~')
			return err_set(err, ERR_INVALID,
				"the token must be printable ASCII without blanks");
	}
	return 0;
}

int token_parse(struct token *out, const char *json, size_t n, struct err *err)
{
	AUTO(cjson) cJSON *reply = json_parse_within(json, n, LIMIT_TOKEN_VALUES, err);
	const char *text = NULL;

	if (!reply)
		return -1;
	text = json_text(reply, "token");
	if (!text || text[0] == '\0')
		text = json_text(reply, "access_token");
	if (!text || text[0] == '\0')
		return err_set(err, ERR_INVALID,
			"must be an object with a token or an access_token, which is text");
	if (check_text(text, err) < 0)
		return -1;
	*out = (struct token){.text = xstrdup(text), .lifetime_s = lifetime_of(reply)};
	return 0;
}

void token_clear(struct token *t)
{
	if (t->text)
		explicit_bzero(t->text, strlen(t->text));
	free(t->text);
	*t = (struct token){.text = NULL};
}
