/* SPDX-License-Identifier: Apache-2.0 */
#include "base/reclaim.h"

bool reclaim_due(struct reclaim *r, uint64_t ended, int64_t now_ms)
{
	if (ended == r->ended)
		return false;
	if (r->due_ms == 0)
		r->due_ms = now_ms + RECLAIM_MS;
	if (now_ms < r->due_ms)
		return false;
	*r = (struct reclaim){.ended = ended};
	return true;
}
