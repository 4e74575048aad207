/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/backoff.h"

int64_t backoff_delay_ms(enum err_code code, unsigned attempts, uint32_t random)
{
	int64_t ceiling = BACKOFF_FIRST_MS;

	if (code == ERR_INVALID || code == ERR_UNVERIFIED || code == ERR_DENIED)
		return BACKOFF_UNLIKELY_MS / 2 + random % (BACKOFF_UNLIKELY_MS / 2);
	for (unsigned i = 1; i < attempts && ceiling < BACKOFF_MOST_MS; i++)
		ceiling *= 2;
	if (ceiling > BACKOFF_MOST_MS)
		ceiling = BACKOFF_MOST_MS;
	return 1 + random % ceiling;
}
