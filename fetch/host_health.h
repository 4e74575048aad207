/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/host_health.h - how one host does, and when it may be asked again.  After some failures in
 * a row it is left alone for a while, longer each time, and then asked once: what it answers
 * decides for all who wait.  One that is ill alone is asked every few seconds; where many are,
 * whose silence would take the workers' time, each is asked the less often.  However it does, only
 * so many requests begin in a second. Pure: time and chance are passed in.
 */
#ifndef WASMXDS_FETCH_HOST_HEALTH_H
#define WASMXDS_FETCH_HOST_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct host_rules {
	int each;          /* at a time at one host; at least one is given */
	int workers;       /* in all; 0: not known */
	int rate;          /* begun in a second at one host, and as many at once; 0: any */
	unsigned failures; /* in a row, after which a host is left alone; 0: it never is */
};

struct host_health {
	bool answered;      /* the last time that it was asked */
	unsigned failed;    /* in a row */
	int64_t shut_until; /* ms; 0: it is not left alone */
	int64_t spent_ms;   /* of the time in which its rate would have been used up */
};

enum host_state {
	HOST_OPEN,
	HOST_PROBED, /* it was left alone; one request finds out whether it is well again */
	HOST_SHUT,
};

enum host_state host_health_state(const struct host_health *h, int64_t now);

/* Returns the time from which the rate lets one more begin: now, or later. */
int64_t host_health_begins_at(
	const struct host_health *h, const struct host_rules *rules, int64_t now);

/* One began. */
void host_health_began(struct host_health *h, const struct host_rules *rules, int64_t now);

/* It answered, whatever it said. */
void host_health_answered(struct host_health *h);

/* It did not, or asks to be left alone for retry_after_ms (0: it did not say).  most_ms bounds what
 * is waited else. */
void host_health_failed(struct host_health *h, const struct host_rules *rules, int64_t most_ms,
	int64_t retry_after_ms, int64_t now, uint32_t random);

/* Returns whether it is left alone, or would be if it failed again. */
bool host_health_is_ill(const struct host_health *h, const struct host_rules *rules);

/* Returns for how long each is left alone at most, where so many are ill. */
int64_t host_health_most_ms(size_t ill);

#endif
