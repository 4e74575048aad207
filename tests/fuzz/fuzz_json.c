/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What json_parse() accepts must come through printing and parsing again unchanged; what it
 * refuses must be refused with a reason that is itself fit for JSON.  json_parse_nul() takes the
 * same, and NULs.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_reason(const struct err *err)
{
	size_t bad = 0;

	assert(err->code == ERR_INVALID && err->msg[0] != '\0');
	assert(json_utf8_valid(err->msg, strlen(err->msg), &bad));
}

static void check_tree(const cJSON *tree)
{
	struct err err;
	AUTO(free) char *printed = cJSON_PrintUnformatted(tree);

	assert(printed);

	AUTO(cjson) cJSON *again = json_parse(printed, strlen(printed), &err);

	assert(again && cJSON_Compare(tree, again, 1));
}

/* The two readers differ about NULs alone. */
static void check_nuls(const char *text, size_t n, const cJSON *strict)
{
	struct err err;
	AUTO(cjson) cJSON *tree = json_parse_nul(text, n, &err);

	if (strict)
		assert(tree && cJSON_Compare(tree, strict, 1));
	else if (tree)
		assert(memmem(text, n, "\\u0000", strlen("\\u0000")));
	else
		check_reason(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = {.code = ERR_NONE};
	AUTO(cjson) cJSON *tree = json_parse((const char *)data, size, &err);

	if (tree)
		check_tree(tree);
	else
		check_reason(&err);
	check_nuls((const char *)data, size, tree);
	return 0;
}
