/* SPDX-License-Identifier: Apache-2.0 */
#include "api/decode.h"

#include <string.h>

#include "base/auto.h"
#include "base/limits.h"

#define WORD "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

static const char *const capabilities_fields[] = {"allowed", NULL};

static int check_capability(const char *name, struct err *err)
{
	size_t n = strlen(name);

	if (n == 0 || n > LIMIT_CAPABILITY_BYTES || strspn(name, WORD) < n)
		return err_set(err, ERR_INVALID,
			"must be the name of a function of the Proxy-Wasm ABI or of WASI, as in "
			"proxy_log, not %s",
			quote(name).text);
	return 0;
}

void decode_capabilities(const struct fields *spec, struct extension_names *out)
{
	AUTO(fields) struct fields capabilities = {.path = NULL};
	AUTO(fields) struct fields allowed = {.path = NULL};

	if (!fields_enter(&capabilities, spec, "capabilities", FIELD_OPTIONAL))
		return;
	fields_check_known(&capabilities, capabilities_fields);
	if (!fields_enter_list(&allowed, &capabilities, "allowed", FIELD_REQUIRED))
		return;
	if (allowed.map->n == 0)
		fields_problem(&capabilities, "allowed",
			"must not be empty: Envoy takes that for no restriction at all");
	else if (allowed.map->n > LIMIT_CAPABILITIES)
		fields_problem(&capabilities, "allowed", "must be at most %d names, not %zu",
			LIMIT_CAPABILITIES, allowed.map->n);
	else
		decode_names(&allowed, check_capability, out);
}
