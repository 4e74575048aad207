/* SPDX-License-Identifier: Apache-2.0 */
/* Files of YAML documents: whatever they hold, the verdict is bounded in time, memory and words. */
#include <stdint.h>

#include "tests/fuzz/manifest_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_manifest((const char *)data, size);
	return 0;
}
