/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/retry.h"

#include <string.h>

#include <curl/curl.h>

#include "base/limits.h"

#define MS 1000

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t backoff_ms(const struct retry_policy *policy, int failed)
{
	int64_t wait = policy->first_ms;

	for (int i = 1; i < failed && wait < policy->most_ms; i++)
		wait = wait > INT64_MAX / 2 ? INT64_MAX : wait * 2;
	return smaller(wait, policy->most_ms);
}

int64_t retry_wait_ms(const struct retry_policy *policy, const struct retry_state *state)
{
	if (state->failed >= policy->tries || state->retry_after_ms > policy->most_ms)
		return -1;
	int64_t most = backoff_ms(policy, state->failed);
	int64_t wait = most > 0 ? (int64_t)(state->random % ((uint64_t)most + 1)) : 0;

	if (wait < state->retry_after_ms)
		wait = state->retry_after_ms;
	return state->left_ms > 0 && wait >= state->left_ms ? -1 : wait;
}

int64_t retry_after_ms(const char *value, int64_t now)
{
	size_t digits = strspn(value, "0123456789");
	int64_t seconds = 0;

	if (digits > 0 && value[digits] == '\0') {
		for (size_t i = 0; i < digits && seconds <= LIMIT_RETRY_AFTER_MS; i++)
			seconds = seconds * 10 + (value[i] - '0');
	} else if (digits == 0) {
		time_t date = curl_getdate(value, NULL);

		seconds = date == -1 ? 0 : (int64_t)date - now;
	}
	if (seconds <= 0)
		return 0;
	return smaller(seconds, LIMIT_RETRY_AFTER_MS / MS) * MS;
}
