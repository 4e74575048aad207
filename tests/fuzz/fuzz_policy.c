/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/lend.h"
#include "xds/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = {0};
	AUTO(policy) struct policy *p = policy_parse((const char *)data, size, &err);
	char *names[] = {lend("spiffe://a/b"), lend("b")};
	struct grant *g;

	if (!p) {
		if (err.msg[0] == '\0')
			__builtin_trap();
		return 0;
	}
	g = policy_grant(p, names, 2);
	if (g)
		(void)grant_allows(g, "namespace/name");
	grant_free(g);
	return 0;
}
