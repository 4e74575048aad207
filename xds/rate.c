/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/rate.h"

bool rate_take(struct rate *r, int64_t now, int64_t each_ms, int64_t burst)
{
	int64_t passed = now - r->at;

	r->at = now;
	r->spent_ms = r->spent_ms > passed ? r->spent_ms - passed : 0;
	if (r->spent_ms + each_ms > burst * each_ms)
		return false;
	r->spent_ms += each_ms;
	return true;
}
