/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/backoff.h"

#define EACH_MS 6 /* that an extension adds to what all wait at most: some 300 come a second */

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

int64_t backoff_most_ms(size_t extensions)
{
	if (extensions > BACKOFF_MOST_MS / EACH_MS)
		return BACKOFF_MOST_MS;

	int64_t most = (int64_t)extensions * EACH_MS;

	return most < BACKOFF_SOON_MS ? BACKOFF_SOON_MS : most;
}
