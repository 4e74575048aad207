/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "fetch/aws_ini.h"
#include "tests/fuzz/message_check.h"

static void check_value(const char *text)
{
	if (text && (text[0] == '\0' ||
			    strnlen(text, LIMIT_AWS_TOKEN_BYTES + 1) > LIMIT_AWS_TOKEN_BYTES))
		abort();
}

static void check(const char *text, size_t n, enum aws_ini_kind kind, const char *name)
{
	AUTO(aws_profile) struct aws_profile p = {.found = false};
	struct err err = {.code = ERR_NONE};
	int rc = aws_ini_read(&p, text, n, kind, name, &err);

	if ((rc < 0) != (err.code == ERR_INVALID))
		abort();
	if (rc < 0)
		check_refusal(&err);
	if (!p.found && (p.key_id || p.secret || p.session_token || p.unsupported))
		abort();
	check_value(p.key_id);
	check_value(p.secret);
	check_value(p.session_token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	check(text, size, AWS_INI_CREDENTIALS, "default");
	check(text, size, AWS_INI_CONFIG, "default");
	check(text, size, AWS_INI_CONFIG, "b");
	return 0;
}
