/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "fetch/aws_xml.h"
#include "tests/fuzz/message_check.h"

static void check_text(const char *xml, size_t n)
{
	struct err err = {.code = ERR_NONE};
	AUTO(free) char *text = aws_xml_text(xml, n, "Region", &err);

	if ((text == NULL) != (err.code != ERR_NONE))
		abort();
	if (!text)
		check_refusal(&err);
	if (text && strlen(text) > LIMIT_AWS_TOKEN_BYTES)
		abort();
}

static void check_credentials(const char *xml, size_t n)
{
	AUTO(aws_credentials) struct aws_credentials c = {0};
	struct err err = {.code = ERR_NONE};
	int rc = aws_xml_credentials(&c, xml, n, &err);

	if ((rc == 0) != aws_credentials_are_set(&c) || (rc < 0) != (err.code != ERR_NONE))
		abort();
	if (rc < 0)
		check_refusal(&err);
	if (rc == 0 && (!aws_is_header_value(c.key_id) || !aws_is_header_value(c.secret) ||
			       !aws_is_header_value(c.session_token)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *xml = (const char *)data;
	AUTO(free) char *code = aws_xml_error(xml, size);

	if (code && !aws_is_name(code))
		abort();
	check_text(xml, size);
	check_credentials(xml, size);
	return 0;
}
