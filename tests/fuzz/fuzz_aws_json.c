/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "fetch/aws_json.h"
#include "tests/fuzz/message_check.h"

/* What is read must be fit for the header that it goes into. */
static void check_value(const char *text)
{
	if (text && !aws_is_header_value(text))
		abort();
}

static void check_credentials(const char *text, size_t n)
{
	AUTO(aws_credentials) struct aws_credentials c = {0};
	struct err err = {.code = ERR_NONE};
	int rc = aws_json_credentials(&c, text, n, &err);

	if ((rc == 0) != aws_credentials_are_set(&c) || (rc < 0) != (err.code != ERR_NONE))
		abort();
	if (rc < 0)
		check_refusal(&err);
	check_value(c.key_id);
	check_value(c.secret);
	check_value(c.session_token);
}

static void check_token(const char *text, size_t n)
{
	AUTO(aws_ecr_token) struct aws_ecr_token t = {0};
	struct err err = {.code = ERR_NONE};
	int rc = aws_json_ecr_token(&t, text, n, &err);

	if ((rc == 0) != (t.password != NULL) || (rc < 0) != (err.code != ERR_NONE))
		abort();
	if (rc < 0)
		check_refusal(&err);
	check_value(t.username);
	check_value(t.password);
	if (t.username && strchr(t.username, ':'))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	AUTO(free) char *name = aws_json_error(text, size);

	if (name && !aws_is_name(name))
		abort();
	check_credentials(text, size);
	check_token(text, size);
	return 0;
}
