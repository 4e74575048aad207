/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "xds/rest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(rest_request) struct rest_request req = {0};
	struct err err;

	if (rest_request_parse(&req, (const char *)data, size, &err) < 0 && err.msg[0] == '\0')
		__builtin_trap();
	return 0;
}
