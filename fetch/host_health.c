/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/host_health.h"

#define MS 1000
#define SHUT_FIRST_MS 1000
#define SHUT_EACH_MS 8000 /* for each host that is ill */
#define SHUT_MOST_MS 60000

enum host_state host_health_state(const struct host_health *h, int64_t now)
{
	if (h->shut_until == 0)
		return HOST_OPEN;
	return now < h->shut_until ? HOST_SHUT : HOST_PROBED;
}

/* A second holds `rate` of them; spent_ms is where the next one would begin if they followed each
 * other evenly, and may lie up to a second ahead. */
int64_t host_health_begins_at(
	const struct host_health *h, const struct host_rules *rules, int64_t now)
{
	if (rules->rate <= 0 || h->spent_ms - now <= MS - MS / rules->rate)
		return now;
	return h->spent_ms - (MS - MS / rules->rate);
}

void host_health_began(struct host_health *h, const struct host_rules *rules, int64_t now)
{
	if (rules->rate <= 0)
		return;
	if (h->spent_ms < now)
		h->spent_ms = now;
	h->spent_ms += MS / rules->rate;
}

void host_health_answered(struct host_health *h)
{
	h->answered = true;
	h->failed = 0;
	h->shut_until = 0;
}

bool host_health_is_ill(const struct host_health *h, const struct host_rules *rules)
{
	return rules->failures > 0 && h->failed >= rules->failures;
}

int64_t host_health_most_ms(size_t ill)
{
	if (ill > SHUT_MOST_MS / SHUT_EACH_MS)
		return SHUT_MOST_MS;
	return ill > 1 ? (int64_t)ill * SHUT_EACH_MS : SHUT_EACH_MS;
}

static int64_t pause_ms(unsigned more, int64_t most, uint32_t random)
{
	int64_t pause = SHUT_FIRST_MS;

	for (; more > 0 && pause < most; more--)
		pause *= 2;
	if (pause > most)
		pause = most;
	return pause / 2 + random % (pause / 2 + 1);
}

void host_health_failed(struct host_health *h, const struct host_rules *rules, int64_t most_ms,
	int64_t retry_after_ms, int64_t now, uint32_t random)
{
	int64_t pause = retry_after_ms;

	h->answered = false;
	h->failed++;
	if (rules->failures == 0)
		return;
	if (host_health_is_ill(h, rules)) {
		int64_t own = pause_ms(h->failed - rules->failures, most_ms, random);

		pause = pause > own ? pause : own;
	}
	if (pause > 0 && h->shut_until < now + pause)
		h->shut_until = now + pause;
}
