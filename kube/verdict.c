/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/verdict.h"

#include <string.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/utf8.h"
#include "base/xalloc.h"

#define STATUS_VALUES 10000 /* JSON values: a refusal may list a cause for each field */
#define MESSAGE_BYTES 360   /* so that who wraps it has room */

static enum err_code code_of(long status)
{
	switch (status) {
	case 401:
	case 403:
		return ERR_DENIED;
	case 404:
		return ERR_NOT_FOUND;
	case 409:
	case 410:
		return ERR_CONFLICT;
	case 408:
	case 429:
		return ERR_TRANSIENT;
	default:
		return status >= 500 && status <= 599 ? ERR_TRANSIENT : ERR_INVALID;
	}
}

/* Returns the text on one line and not too long; the caller frees it. */
static char *shorten(const char *text)
{
	size_t n = strlen(text);
	size_t kept = n > MESSAGE_BYTES ? utf8_whole(text, MESSAGE_BYTES) : n;
	char *copy = xstrndup(text, kept);

	for (char *at = copy; *at; at++) {
		if ((unsigned char)*at < ' ' || *at == '\x7f')
			*at = ' ';
	}
	return copy;
}

int verdict_of(long status, const char *body, size_t n, struct err *err)
{
	struct err ignored;
	AUTO(cjson) cJSON *answer = NULL;
	AUTO(free) char *message = NULL;

	if (status >= 200 && status <= 299)
		return 0;
	answer = json_parse_within(body, n, STATUS_VALUES, &ignored);
	if (!json_text(answer, "message"))
		return err_set(err, code_of(status), "the API server answered %ld", status);
	message = shorten(json_text(answer, "message"));
	return err_set(err, code_of(status), "the API server answered %ld: %s", status, message);
}
