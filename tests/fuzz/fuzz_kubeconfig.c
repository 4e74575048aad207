/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "kube/kubeconfig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		__builtin_trap();
}

static bool is_given(const struct credential *c)
{
	return c->file || c->data;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(credentials) struct credentials c = {.server = NULL};
	struct err err = {.code = ERR_NONE};

	if (size > LIMIT_KUBECONFIG_BYTES)
		return 0;
	if (kubeconfig_parse(&c, (const char *)data, size, "/f", &err) < 0) {
		require(err.msg[0] != '\0' && !c.server);
		return 0;
	}
	require(strncmp(c.server, "https://", 8) == 0 || strncmp(c.server, "http://", 7) == 0);
	require(is_given(&c.certificate) == is_given(&c.key));
	require(!is_given(&c.token) || c.server[4] == 's');
	require(!c.token.file || c.token.file[0] == '/');
	return 0;
}
