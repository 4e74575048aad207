/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws_credentials.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/xalloc.h"

static int check(const char *value, const char *what, struct err *err)
{
	if (aws_is_header_value(value))
		return 0;
	return err_set(err, ERR_INVALID,
		"the %s must be 1 to %lu printable characters with no space at its ends", what,
		LIMIT_AWS_TOKEN_BYTES);
}

int aws_credentials_set(struct aws_credentials *out, const char *key_id, const char *secret,
	const char *session_token, struct err *err)
{
	if (check(key_id, "access key id", err) < 0 ||
		check(secret, "secret access key", err) < 0 ||
		(session_token && check(session_token, "session token", err) < 0))
		return -1;
	*out = (struct aws_credentials){
		.key_id = xstrdup(key_id),
		.secret = xstrdup(secret),
		.session_token = xstrdup_null(session_token),
	};
	return 0;
}

void aws_credentials_copy(struct aws_credentials *out, const struct aws_credentials *from)
{
	*out = (struct aws_credentials){
		.key_id = xstrdup_null(from->key_id),
		.secret = xstrdup_null(from->secret),
		.session_token = xstrdup_null(from->session_token),
		.expires = from->expires,
	};
}

void aws_credentials_clear(struct aws_credentials *c)
{
	free(c->key_id);
	aws_secret_free(c->secret);
	aws_secret_free(c->session_token);
	*c = (struct aws_credentials){0};
}
