/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a token service answers; what comes of it goes into a header as it is.
 */
#include "base/auto.h"
#include "fetch/token.h"
#include "tests/fuzz/message_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(token) struct token token = {.text = NULL};
	struct err err = {.code = ERR_NONE};

	if (token_parse(&token, (const char *)data, size, &err) < 0) {
		check_refusal(&err);
		assert(!token.text);
		return 0;
	}
	assert(token.text[0] != '\0' && token.lifetime_s >= 60);
	for (const char *c = token.text; *c; c++)
		assert(*c > ' ' && *c <= '~');
	return 0;
}
