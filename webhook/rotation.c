/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/rotation.h"

#define LAST_PART 2 /* renewed when half of the lifetime is left */

static int64_t renew_at(int64_t until, int64_t lifetime)
{
	return until - lifetime / LAST_PART;
}

static bool may_promote(const struct rotation_policy *policy, const struct rotation_facts *facts)
{
	return facts->has_next && facts->is_trusted && facts->trusted_s >= policy->settle_s;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* One that would expire no later, with its authority, is not worth the while. */
static bool should_renew(
	const struct rotation_policy *policy, const struct rotation_facts *facts, int64_t now)
{
	if (!facts->leaf_fits)
		return true;
	return now >= renew_at(facts->leaf_until, policy->leaf_s) &&
	       earlier(now + policy->leaf_s, facts->ca_until) > facts->leaf_until;
}

enum rotation_action rotation_next(
	const struct rotation_policy *policy, const struct rotation_facts *facts, int64_t now)
{
	if (!facts->is_sound || now >= facts->ca_until)
		return ROTATION_CREATE;
	if (may_promote(policy, facts))
		return ROTATION_PROMOTE;
	if (should_renew(policy, facts, now))
		return ROTATION_RENEW_LEAF;
	if (!facts->has_next && now >= renew_at(facts->ca_until, policy->ca_s))
		return ROTATION_ADD_NEXT;
	return now >= facts->first_until ? ROTATION_DROP_OLD : ROTATION_NONE;
}

int64_t rotation_due(
	const struct rotation_policy *policy, const struct rotation_facts *facts, int64_t now)
{
	int64_t due = earlier(facts->first_until, renew_at(facts->leaf_until, policy->leaf_s));

	if (!facts->is_sound)
		return now;
	if (!facts->has_next)
		due = earlier(due, renew_at(facts->ca_until, policy->ca_s));
	else if (facts->is_trusted)
		due = earlier(due, now + policy->settle_s - facts->trusted_s);
	return due < now ? now : due;
}
